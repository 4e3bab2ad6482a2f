import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { msgpackLite } from '../../lib/codec/msgpack-lite.js';

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
});
