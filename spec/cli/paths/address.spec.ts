import { describe, expect, it } from '@jest/globals';
import { parseAddress } from '../../../lib/cli/paths/address.js';

describe('addresses', () => {
  it.each([
    ['ws://h:9000:a/b', 'ws://h:9000', 'a/b'],
    ['http://h:9000:a', 'http://h:9000', 'a'],
    ['wss://h:a', 'wss://h', 'a'],
    ['wss://h:9000/grid/v2:a:b', 'wss://h:9000/grid/v2', 'a:b'],
    ['ws://[::1]:9000:a', 'ws://[::1]:9000', 'a'],
    ['h:9000:a', 'ws://h:9000', 'a'],
    ['h:9000:', 'ws://h:9000', ''],
    ['h:a', 'ws://h', 'a'],
    ['h:9000', 'ws://h', '9000'],
    ['h:', 'ws://h', ''],
    ['[::1]:9000:a', 'ws://[::1]:9000', 'a'],
    ['10.0.0.1:9000:new\nline', 'ws://10.0.0.1:9000', 'new\nline'],
  ])('%j are of a host', (text, host, path) => {
    expect(parseAddress(text, 'linux')).toStrictEqual({ kind: 'remote', host, path });
  });

  it.each(['a', './a:b', '/a:b', 'dir/a:b', '.', ':a'])('%j are local', (text) => {
    expect(parseAddress(text, 'linux')).toStrictEqual({ kind: 'local', path: text });
  });

  it('may not be empty', () => {
    expect(() => parseAddress('')).toThrow('Write . for the working folder');
  });

  it('may be a pipe, written as -', () => {
    expect(parseAddress('-')).toStrictEqual({ kind: 'pipe' });
    expect(parseAddress('./-')).toStrictEqual({ kind: 'local', path: './-' });
  });

  it.each([
    'ws://user:pw@host:x',
    'ws://user:pw@host:9000:x',
    'ws://user:9000@host:x',
    'ws://user@host:9000:x',
    'ws://user@host:x',
    'user@host:x',
    'user:pw@host:x',
    'user@host:9000:x',
    'ws://host?a:9000:x',
    'ws://host#a:9000:x',
    'ws://host/grid?token=a:x',
    'ws://host:9000/grid#a:x',
    'ws://ho\\st:9000:x',
    'ws://ho%40st:9000:x',
    'ws://ho st:9000:x',
    'ho\u001bst:9000:x',
    'h:me@x',
    'ftp://host:x',
    'ws://host',
  ])('%j are refused', (text) => {
    let failure: unknown;
    try {
      parseAddress(text, 'linux');
    } catch (error) {
      failure = error;
    }
    expect(failure).toMatchObject({ exitCode: 2 });
    expect((failure as Error).message).not.toMatch(/\p{Cc}/u);
  });

  it.each([
    ['h:80:me@x', 'me@x'],
    ['h:a/me@x', 'a/me@x'],
    ['h:a?b#c', 'a?b#c'],
  ])('%j have any path', (text, path) => {
    expect(parseAddress(text, 'linux')).toMatchObject({ kind: 'remote', path });
  });

  it('may have drives on Windows', () => {
    expect(parseAddress('C:\\a', 'win32')).toStrictEqual({ kind: 'local', path: 'C:\\a' });
    expect(parseAddress('c:a', 'linux')).toStrictEqual({ kind: 'remote', host: 'ws://c', path: 'a' });
  });
});
