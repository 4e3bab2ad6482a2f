import { describe, expect, it } from '@jest/globals';
import { CodecError, ProtocolError } from '../../../lib/errors.js';
import { decodeAck, decodeCredit, encodeAck, encodeCredit } from '../../../lib/wire/payloads/window-payloads.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const none = { inBytes: undefined, out: undefined, outBytes: undefined };

describe('AckMux', () => {
  it('carries the in capacity', () => {
    expect(hex(encodeAck({ in: 300 }))).toBe('81a2696ecd012c');
    expect(decodeAck(bytes('81a2696ecd012c'))).toStrictEqual({ in: 300, ...none });
  });

  it('carries all bounds of both directions', () => {
    const all = { in: 16, inBytes: 1 << 20, out: 16_384, outBytes: 8 << 20 };
    expect(decodeAck(encodeAck(all))).toStrictEqual(all);
    // The last payload is kept: another one does not get it.
    expect(decodeAck(encodeAck({ in: 16 }))).toStrictEqual({ in: 16, ...none });
    expect(decodeAck(encodeAck(all))).toStrictEqual(all);
  });

  it('requires the in capacity, and skips unknown keys', () => {
    expect(() => decodeAck(bytes('80'))).toThrow(ProtocolError);
    expect(decodeAck(bytes('82 a178c3 a2696e05'))).toStrictEqual({ in: 5, ...none });
  });
});

describe('a credit frame', () => {
  it('carries a number of credits, which acknowledges as many items', () => {
    for (const credits of [1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
      expect(decodeCredit(encodeCredit(credits))).toStrictEqual({ credits, acknowledged: credits });
    }
    expect(hex(encodeCredit(1))).toBe('01');
    expect(decodeCredit(new Uint8Array(0))).toStrictEqual({ credits: 1, acknowledged: 1 });
    expect(hex(encodeCredit(2 ** 32))).toBe('cf0000000100000000');
  });

  it('carries the number of acknowledged items where it differs', () => {
    expect(hex(encodeCredit(20, 4))).toBe('1404');
    for (const [credits, acknowledged] of [
      [20, 4],
      [0, 3],
    ] as const) {
      expect(decodeCredit(encodeCredit(credits, acknowledged))).toStrictEqual({ credits, acknowledged });
    }
  });

  it('accepts a non-negative number in any form, and nothing else', () => {
    for (const form of ['05', 'cc05', 'cd0005', 'ce00000005', 'cf0000000000000005', 'd005', 'd10005', 'd200000005']) {
      expect(decodeCredit(bytes(form)).credits).toBe(5);
    }
    expect(decodeCredit(bytes('d30000000000000005')).credits).toBe(5);
    for (const form of [
      '00',
      '0000',
      'ff',
      'd0ff',
      'd1ffff',
      'd2ffffffff',
      'd3ffffffffffffffff',
      'cb4014000000000000',
      '050505',
    ]) {
      expect(() => decodeCredit(bytes(form))).toThrow(ProtocolError);
    }
    for (const credits of [0, -1, 1.5, 2 ** 53, NaN]) expect(() => encodeCredit(credits)).toThrow(CodecError);
  });
});
