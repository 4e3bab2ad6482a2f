import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configPath, readConfig, writeConfig } from '../../../lib/cli/connect/config.js';
import { selectHost } from '../../../lib/cli/connect/select-host.js';

const { signal } = new AbortController();
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-config-'));
  path = join(folder, 'deep', 'config.json');
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('selectHost', () => {
  const config = {
    current: 'prod',
    contexts: {
      prod: { host: 'wss://prod:9000', tokenCommand: 'echo from-context', ca: 'ca.pem', via: 'http://b' },
      test: { host: 'test:1' },
    },
  };

  it('flags override the environment, which overrides the context', async () => {
    writeConfig(config, path);
    const env = { RXGRID_CONFIG: path };
    expect(selectHost({}, env)).toMatchObject({ url: 'wss://prod:9000', ca: 'ca.pem', via: 'http://b' });
    expect(await selectHost({}, env).token(signal)).toBe('from-context');
    expect(selectHost({}, { ...env, RXGRID_CONTEXT: 'test' }).url).toBe('ws://test:1');
    expect(selectHost({ context: 'prod' }, { ...env, RXGRID_CONTEXT: 'test' }).url).toBe('wss://prod:9000');
    expect(await selectHost({}, { ...env, RXGRID_TOKEN: 'from-env' }).token(signal)).toBe('from-env');
    expect(await selectHost({ tokenCommand: 'echo flag' }, { ...env, RXGRID_TOKEN: 'from-env' }).token(signal)).toBe(
      'flag',
    );
  });

  it('sends the token of a context to no other host', async () => {
    writeConfig(config, path);
    const place = selectHost({ host: 'ws://other:1' }, { RXGRID_CONFIG: path });
    expect(place).toMatchObject({ url: 'ws://other:1', ca: undefined, via: undefined });
    await expect(place.token(signal)).rejects.toThrow(/a token is needed/);
  });

  it('names a missing setting', () => {
    expect(() => selectHost({}, { RXGRID_CONFIG: path })).toThrow(/no host is named/);
    expect(() => selectHost({ context: 'none' }, { RXGRID_CONFIG: path })).toThrow(/no context "none"/);
    expect(() => selectHost({ context: '__proto__' }, { RXGRID_CONFIG: path })).toThrow(/no context/);
  });
});

describe('the configuration', () => {
  it('is readable by its user only, and empty where the file is missing', () => {
    expect(readConfig(path)).toStrictEqual({ contexts: {} });
    writeConfig({ contexts: { a: { host: 'ws://a' } } }, path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readConfig(path)).toStrictEqual({ contexts: { a: { host: 'ws://a' } } });
  });

  it('is refused in one line where it is invalid, without its text', () => {
    for (const text of ['{"token": "secret"', '[]', '{"contexts": []}', '{"contexts": {"a": {}}}', '{"current": 1}']) {
      writeFileSync(join(folder, 'c.json'), text);
      expect(() => readConfig(join(folder, 'c.json'))).toThrow(/^the configuration .*cannot be used: [^\n]*$/);
      expect(() => readConfig(join(folder, 'c.json'))).not.toThrow(/secret/);
    }
  });

  it('is in the folder of the user', () => {
    expect(configPath({ XDG_CONFIG_HOME: '/x' })).toBe('/x/rxgrid/config.json');
    expect(configPath({ RXGRID_CONFIG: '/y.json', XDG_CONFIG_HOME: '/x' })).toBe('/y.json');
    expect(configPath({})).toMatch(/\.config.rxgrid.config\.json$/);
  });
});
