import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { ConfigurationError, ProtocolError } from '../../lib/errors.js';
import { subrouteId, subrouteKey } from '../../lib/wire/subroute.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('subrouteId', () => {
  // The ids in the recording "subroute".
  it.each([
    [13, 'a/b', '0d00ddc033f64b9dea80ea675cf280a015e672516090a5626781153dc68fea11'],
    [13, 'c', '0d002c03a9507ae265ecf5b5356885a53393a2029d241394997265a1a25aefc6'],
    [27, 'x/y', '1b009047d6816c3172f52ddb42bf77c72ca025e4d22acbff3e9bbd4ab5b9048b'],
  ])('gives the recorded id of handler %d, subroute %s', (handler, path, id) => {
    expect(hex(subrouteId(handler, path))).toBe(id);
  });

  it('returns the same array again, and another one for another handler or path', () => {
    expect(subrouteId(1, '1/a')).toBe(subrouteId(1, '1/a'));
    expect(subrouteId(11, '/a')[0]).toBe(11);
    expect(subrouteId(1, '1/a')[0]).toBe(1);
    expect(hex(subrouteId(1, 'b'))).not.toBe(hex(subrouteId(1, 'a')));
  });

  it('stays correct when more paths are used than it caches, and does not cache them all', () => {
    const first = subrouteId(7, 'path 0');
    for (let i = 1; i <= 2_000; i++) subrouteId(7, `path ${i}`);
    const again = subrouteId(7, 'path 0');
    expect(again).not.toBe(first);
    expect(again).toStrictEqual(first);
  });

  it('hashes UTF-8', () => {
    const expected = createHash('sha256').update('größe/λ', 'utf8').digest();
    expect(hex(subrouteId(9, 'größe/λ').subarray(2))).toBe(expected.subarray(2).toString('hex'));
  });

  it.each([0, 256, -1, 1.5, NaN])('refuses handler id %d', (handler) => {
    expect(() => subrouteId(handler, 'a')).toThrow(ConfigurationError);
  });
});

describe('subrouteKey', () => {
  it('is the same for the same bytes at any offset', () => {
    const id = subrouteId(13, 'a/b');
    const padded = new Uint8Array(40);
    padded.set(id, 5);
    expect(subrouteKey(padded, 5)).toBe(subrouteKey(id));
  });

  it('changes with every single byte', () => {
    const id = subrouteId(13, 'a/b');
    const keys = new Set([subrouteKey(id)]);
    for (let i = 0; i < 32; i++) {
      const other = id.slice();
      other[i]! ^= 0x80;
      keys.add(subrouteKey(other));
    }
    expect(keys.size).toBe(33);
  });

  it.each([
    [31, 0],
    [40, 9],
    [40, -1],
  ])('refuses %d bytes at offset %d', (length, offset) => {
    expect(() => subrouteKey(new Uint8Array(length), offset)).toThrow(ProtocolError);
  });
});
