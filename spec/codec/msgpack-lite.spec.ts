import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as plain from 'msgpack-lite';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { msgpackLite } from '../../lib/codec/msgpack-lite.js';
import { runs } from '../support/property-runs.js';

describe('msgpack-lite', () => {
  it('is the version whose private parts lib/codec/msgpack-lite.ts uses', () => {
    const manifest = createRequire(__filename).resolve('msgpack-lite/package.json');
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
    expect(version).toBe('0.2.2');
  });

  it('retains no bytes that it has read a value from', () => {
    const { readLeaf } = msgpackLite('standard');
    const bytes = Uint8Array.of(0xc0, 0xcd, 0x12, 0x34);
    expect([readLeaf(bytes, 1), readLeaf(bytes, 0)]).toStrictEqual([0x1234, null]);
  });

  it('writes what we write for it: records, arrays, short texts', () => {
    const codec = plain.createCodec({ binarraybuffer: true, preset: false });
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'medium' },
        fc.constantFrom(null, true, false),
        fc.integer(),
        fc.string({ unit: 'binary', maxLength: 90, size: 'max' }),
        fc.string({ unit: 'grapheme-ascii', maxLength: 90, size: 'max' }),
        fc.array(tie('value'), { maxLength: 20, size: 'max' }),
        fc.dictionary(
          // It takes a field of that name for a class.
          fc.string({ maxLength: 40, size: 'max' }).filter((key) => key !== 'constructor'),
          tie('value'),
          { maxKeys: 20, size: 'max' },
        ),
      ),
    }));
    fc.assert(
      fc.property(value, (it) => {
        const written = Buffer.from(msgpackLite('standard').encode(it));
        expect(written.toString('hex')).toBe(Buffer.from(plain.encode(it, { codec })).toString('hex'));
      }),
      { numRuns: runs(300) },
    );
    for (const length of [15, 16, 0xffff, 0x1_0000]) {
      const list = new Array<number>(length).fill(1);
      for (const it of [list, Object.fromEntries(list.entries()), 'a'.repeat(length)]) {
        const written = Buffer.from(msgpackLite('standard').encode(it));
        expect(written.equals(Buffer.from(plain.encode(it, { codec })))).toBe(true);
      }
    }
  });
});
