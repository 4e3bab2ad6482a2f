import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { CodecError, ProtocolError } from '../../lib/errors.js';
import {
  decodeFileItem,
  encodeFileData,
  encodeFileEnd,
  encodeFileError,
  encodeFileHeader,
  fileDataPrefix,
  FileKind,
  type FileHeader,
} from '../../lib/files/file-item.js';
import { MsgpackWriter } from '../../lib/wire/msgpack/msgpack-writer.js';

const header = { path: 'a/b.bin', size: 10, offset: 2, length: 8 };
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const map = (kind: number, write: (writer: MsgpackWriter) => MsgpackWriter): Uint8Array =>
  write(new MsgpackWriter().uint(kind)).finish();
/** A header with fields of a test's own. */
const rawHeader = (fields: Record<string, number | string>): Uint8Array =>
  map(FileKind.Header, (writer) => {
    writer.map(Object.keys(fields).length);
    for (const [key, value] of Object.entries(fields)) {
      writer.string(key);
      if (typeof value === 'string') writer.string(value);
      else writer.uint(value);
    }
    return writer;
  });

describe('items of files', () => {
  it('have a fixed byte form', () => {
    const key = (name: string): string => hex(new MsgpackWriter().string(name).finish());
    expect(hex(encodeFileHeader(header))).toBe(
      `0184${key('path')}${key('a/b.bin')}${key('size')}0a${key('offset')}02${key('length')}08`,
    );
    expect(hex(encodeFileData(Uint8Array.of(7, 8)))).toBe('020708');
    expect(hex(fileDataPrefix)).toBe('02');
    expect(hex(encodeFileEnd({ length: 8, hash: Uint8Array.of(0xab) }))).toBe(
      `0382${key('length')}08${key('hash')}c401ab`,
    );
    expect(hex(encodeFileError({ code: 'x', message: 'y' }))).toBe(
      `0482${key('code')}${key('x')}${key('message')}${key('y')}`,
    );
  });

  it('survive a round trip', () => {
    const names = fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }).filter((name) => !name.includes('\0'));
    const numbers = fc.tuple(fc.maxSafeNat(), fc.maxSafeNat(), fc.maxSafeNat()).map((some) => {
      const [length, offset, size] = some.sort((a, b) => a - b);
      return { size, offset: offset - length, length };
    });
    fc.assert(
      fc.property(
        names.filter((name) => !name.endsWith('/')),
        numbers,
        fc.record(
          {
            mtime: fc.maxSafeNat(),
            mode: fc.integer({ min: 0, max: 0o7777 }),
            hash: fc.constantFrom('sha256', 'md5'),
            via: fc.constantFrom('kernel', 'pooled'),
          },
          { requiredKeys: [] },
        ),
        (path, place, optional) => {
          const item: FileHeader = { kind: 'header', path, ...place, ...optional };
          expect(decodeFileItem(encodeFileHeader(item))).toStrictEqual(item);
        },
      ),
    );
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.option(fc.uint8Array({ maxLength: 64 }), { nil: undefined }), (length, hash) => {
        const end = { length, ...(hash === undefined ? {} : { hash }) };
        expect(decodeFileItem(encodeFileEnd(end))).toStrictEqual({ kind: 'end', ...end });
      }),
    );
    expect(decodeFileItem(encodeFileError({ code: 'c', message: 'm' }))).toStrictEqual({
      kind: 'error',
      code: 'c',
      message: 'm',
    });
    expect(decodeFileItem(encodeFileHeader({ ...header, path: 'd/', size: 0, offset: 0, length: 0 }))).toStrictEqual({
      kind: 'header',
      path: 'd/',
      size: 0,
      offset: 0,
      length: 0,
    });
  });

  it('return a view of the data', () => {
    const item = encodeFileData(Uint8Array.of(1, 2, 3));
    const data = decodeFileItem(item);
    expect(data).toStrictEqual({ kind: 'data', bytes: Uint8Array.of(1, 2, 3) });
    item[1] = 9;
    expect(data).toStrictEqual({ kind: 'data', bytes: Uint8Array.of(9, 2, 3) });
  });

  it.each([
    ['bytes beyond the file', { ...header, length: 9 }],
    ['an offset beyond the file', { ...header, offset: 11, length: 0 }],
    [
      'a sum above 2^53',
      { ...header, size: Number.MAX_SAFE_INTEGER, offset: Number.MAX_SAFE_INTEGER, length: Number.MAX_SAFE_INTEGER },
    ],
    ['a folder with bytes', { ...header, path: 'a/' }],
    ['no path', { ...header, path: '' }],
    ['a NUL', { ...header, path: 'a\0b' }],
    ['a path that is too long', { ...header, path: 'x'.repeat(4097) }],
    ['bits that are no permission', { ...header, mode: 0o10000 }],
    ['a hash without a name', { ...header, hash: '' }],
    ['a hash with too long a name', { ...header, hash: 'x'.repeat(33) }],
  ])('refuse %s on both sides', (_, fields) => {
    expect(() => encodeFileHeader(fields)).toThrow(CodecError);
    expect(() => decodeFileItem(rawHeader(fields))).toThrow(ProtocolError);
  });

  it.each([
    ['a negative size', { ...header, size: -1 }],
    ['a broken offset', { ...header, offset: 1.5 }],
    ['an infinite length', { ...header, length: Infinity }],
  ])('are not created with %s', (_, fields) => {
    expect(() => encodeFileHeader(fields)).toThrow(CodecError);
  });

  it('are bounded', () => {
    expect(() => encodeFileEnd({ length: 1, hash: new Uint8Array(65) })).toThrow(CodecError);
    const long = map(FileKind.End, (writer) =>
      writer.map(2).string('length').uint(1).string('hash').bin(new Uint8Array(65)),
    );
    expect(() => decodeFileItem(long)).toThrow(ProtocolError);
    expect(() => encodeFileError({ code: 'x'.repeat(65), message: '' })).toThrow(CodecError);
    const cut = decodeFileItem(encodeFileError({ code: 'x', message: 'y'.repeat(20_000) }));
    expect(cut).toStrictEqual({ kind: 'error', code: 'x', message: 'y'.repeat(16 << 10) });
  });

  it.each(['path', 'size', 'offset', 'length'])('require the key %s', (key) => {
    const fields = Object.fromEntries(Object.entries(header).filter(([name]) => name !== key));
    expect(() => decodeFileItem(rawHeader(fields as Record<string, number | string>))).toThrow(ProtocolError);
  });

  it('accept unknown keys of later versions', () => {
    expect(decodeFileItem(rawHeader({ ...header, owner: 'me' }))).toStrictEqual({ kind: 'header', ...header });
  });

  it('throw ProtocolError for anything else', () => {
    expect(() => decodeFileItem(new Uint8Array(0))).toThrow(ProtocolError);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
        if (bytes[0] === FileKind.Data) return;
        try {
          decodeFileItem(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
    );
    const good = encodeFileHeader(header);
    for (let length = 1; length < good.length; length++) {
      expect(() => decodeFileItem(good.subarray(0, length))).toThrow(ProtocolError);
    }
    expect(() => decodeFileItem(Uint8Array.of(...good, 0))).toThrow(ProtocolError);
  });
});
