import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { ConfigurationError } from '../../lib/errors.js';
import { dialUrl, parseHost, usesTls } from '../../lib/endpoint/host-name.js';

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('parseHost', () => {
  it('keeps every host name of the recordings unchanged', () => {
    const pairs = JSON.parse(readFileSync('spec/vectors/who-dials.json', 'utf8')) as { local: string }[];
    const names = new Set(pairs.map(({ local }) => local));
    expect(names.size).toBeGreaterThan(10);
    for (const name of names) expect(parseHost(name)).toBe(name);
  });

  it.each(['http://a', 'https://node1.example.net:443', 'http://[::1]', 'http://[fe80::1]:9000', 'http://Node1:80'])(
    'accepts %s',
    (name) => {
      expect(parseHost(name)).toBe(name);
    },
  );

  it.each([
    ['http://a/', 'http://a'],
    ['http://a:9000/minio/grid/v1', 'http://a:9000'],
    ['https://a:9000?x=1', 'https://a:9000'],
    ['http://a#top', 'http://a'],
    ['http://user:word@a:9000', 'http://a:9000'],
    ['http://a:', 'http://a'],
    ['http:a', 'http://a'],
    ['http:\\\\a\\b', 'http://a'],
    [' http://a ', 'http://a'],
    ['HTTPS://a', 'https://a'],
    ['ws://a:1', 'http://a:1'],
    ['wss://a:1/minio/grid/v1', 'https://a:1'],
    ['10.0.0.1:9000', 'http://10.0.0.1:9000'],
    ['[::1]:9000/', 'http://[::1]:9000'],
    ['node1', 'http://node1'],
  ])('refuses %j, and suggests %s', (name, corrected) => {
    expect(() => parseHost(name)).toThrow(ConfigurationError);
    expect(() => parseHost(name)).toThrow(`write "${corrected}".`);
    expect(parseHost(corrected)).toBe(corrected);
  });

  it.each(['', 'http://', 'http:///', 'http://a:99999', 'http://a b', 'http://::1', 'ftp://a', 'http://a%00'])(
    'refuses %j',
    (name) => {
      expect(() => parseHost(name)).toThrow(ConfigurationError);
    },
  );

  it.each(['http://user:word@a', 'http://us@er:word@a', 'user:word@a/x', 'http://user:1/word@a', 'http://a/?word@b'])(
    'does not reveal the password in %s',
    (name) => {
      expect(messageOf(() => parseHost(name))).toMatch(/^A host name with an "@" is not ((?!word|user).)*$/);
    },
  );

  it('refuses a name that no handshake can carry', () => {
    const label = 'a'.repeat(63);
    expect(() => parseHost(`http://${Array.from({ length: 20 }, () => label).join('.')}`)).toThrow(/limit is 1024/);
  });
});

describe('dialUrl', () => {
  it('turns http into ws and https into wss', () => {
    expect(dialUrl('http://a:9000', '/minio/grid/v1')).toBe('ws://a:9000/minio/grid/v1');
    expect(dialUrl('https://[::1]', '/x')).toBe('wss://[::1]/x');
  });

  it.each(['', 'x', '/x?y', '/x#y', '/x y'])('refuses the path %j', (path) => {
    expect(() => dialUrl('http://a', path)).toThrow(ConfigurationError);
  });
});

describe('usesTls', () => {
  it('is true for https only', () => {
    expect(usesTls('https://a')).toBe(true);
    expect(usesTls('http://a')).toBe(false);
  });
});
