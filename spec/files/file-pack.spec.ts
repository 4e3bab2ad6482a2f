import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { CodecError, ProtocolError } from '../../lib/errors.js';
import { decodeFileItem, FileKind } from '../../lib/files/file-item.js';
import { encodePack, type PackedFile } from '../../lib/files/file-pack.js';
import { maxPackedFiles } from '../../lib/bounds.js';

const file: PackedFile = { path: 'a/ü', mode: 0o644, mtime: 3, bytes: Uint8Array.of(7, 8) };
const encode = (files: readonly PackedFile[]): Uint8Array => encodePack(FileKind.Pack, files);

describe('packs of files', () => {
  it('have a fixed byte form', () => {
    expect(Buffer.from(encode([file])).toString('hex')).toBe(
      ['05', '00000002', '4008000000000000', '01a4', '0004', Buffer.from('a/ü').toString('hex'), '0708'].join(''),
    );
  });

  it('survive a round trip', () => {
    const files = fc.array(
      fc.record(
        {
          path: fc
            .string({ unit: 'grapheme', minLength: 1, maxLength: 50 })
            .filter((path) => !path.includes('\0') && !path.endsWith('/')),
          mode: fc.integer({ min: 0, max: 0o7777 }),
          mtime: fc.maxSafeNat(),
          bytes: fc.uint8Array({ maxLength: 50 }),
        },
        { requiredKeys: ['path', 'mode', 'bytes'], noNullPrototype: true },
      ),
      { minLength: 1, maxLength: maxPackedFiles },
    );
    fc.assert(
      fc.property(files, (some) => {
        expect(decodeFileItem(encode(some))).toStrictEqual({ kind: 'pack', files: some });
      }),
    );
  });

  it.each<[string, Partial<PackedFile>]>([
    ['no path', { path: '' }],
    ['a NUL', { path: 'a\0' }],
    ['the path of a folder', { path: 'a/' }],
    ['a path that is too long', { path: 'x'.repeat(4097) }],
    ['a time before 1970', { mtime: -1 }],
    ['a broken time', { mtime: 0.5 }],
    ['bits that are no permission', { mode: 0o10000 }],
  ])('are not created with %s', (_, fields) => {
    expect(() => encode([file, { ...file, ...fields }])).toThrow(CodecError);
  });

  it('have a bound, and at least one file', () => {
    const many = (count: number): PackedFile[] => Array.from({ length: count }, () => file);
    expect(() => encode(many(maxPackedFiles + 1))).toThrow(CodecError);
    expect(() => encode([])).toThrow(CodecError);
    const one = encode([file]).subarray(1);
    const raw = (count: number): Uint8Array => Uint8Array.of(FileKind.Pack, ...many(count).flatMap(() => [...one]));
    expect(() => decodeFileItem(raw(maxPackedFiles))).not.toThrow();
    expect(() => decodeFileItem(raw(maxPackedFiles + 1))).toThrow(ProtocolError);
    expect(() => decodeFileItem(raw(0))).toThrow(ProtocolError);
  });

  it('are refused where they are truncated or altered', () => {
    const good = encode([file]);
    for (let length = 1; length < good.length; length++) {
      expect(() => decodeFileItem(good.subarray(0, length))).toThrow(ProtocolError);
    }
    fc.assert(
      fc.property(fc.nat(good.length - 2), fc.nat(255), (at, value) => {
        const changed = good.slice();
        changed[at + 1] = value;
        try {
          expect(decodeFileItem(changed).kind).toBe('pack');
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
    );
  });
});
