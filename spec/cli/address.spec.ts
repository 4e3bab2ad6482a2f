import { describe, expect, it } from '@jest/globals';
import { parseAddress } from '../../lib/cli/address.js';

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

  it.each(['a', './a:b', '/a:b', 'dir/a:b', '.', '', ':a'])('%j are here', (text) => {
    expect(parseAddress(text, 'linux')).toStrictEqual({ kind: 'local', path: text });
  });

  it('have drives on Windows', () => {
    expect(parseAddress('C:\\a', 'win32')).toStrictEqual({ kind: 'local', path: 'C:\\a' });
    expect(parseAddress('c:a', 'linux')).toStrictEqual({ kind: 'remote', host: 'ws://c', path: 'a' });
  });
});
