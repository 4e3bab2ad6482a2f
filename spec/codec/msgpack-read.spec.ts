import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as msgpackLite from 'msgpack-lite';

import { CodecError } from '../../lib/errors.js';
import { msgpackLite as lite } from '../../lib/codec/msgpack-lite.js';
import { type MsgpackBounds, readMsgpack } from '../../lib/codec/msgpack-read.js';
import { CountedReads } from '../support/counted-reads.js';
import { runs } from '../support/property-runs.js';

const { readLeaf } = lite('standard');
const bounds: MsgpackBounds = { maxDepth: 64, maxItems: 100_000 };
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const join = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const repeat = (text: string, times: number): string => text.repeat(times);

const scan = (bytes: Uint8Array | string, given: MsgpackBounds = bounds): void => {
  readMsgpack(typeof bytes === 'string' ? hex(bytes) : bytes, given, readLeaf);
};

/** The text of the error; fails when there is none, or when it is not a CodecError. */
function refusal(bytes: Uint8Array | string, given?: MsgpackBounds): string {
  try {
    scan(bytes, given);
  } catch (error) {
    expect(error).toBeInstanceOf(CodecError);
    return (error as Error).message;
  }
  throw new Error('The scan did not refuse this.');
}

const accepts = (bytes: Uint8Array): boolean => {
  try {
    scan(bytes);
    return true;
  } catch (error) {
    if (error instanceof CodecError) return false;
    throw error;
  }
};

/** One of each form, complete. */
const forms: Record<string, string> = {
  'positive fixint': '7f',
  'negative fixint': 'e0',
  nil: 'c0',
  false: 'c2',
  true: 'c3',
  uint8: 'cc ff',
  uint16: 'cd ffff',
  uint32: 'ce ffffffff',
  uint64: 'cf ffffffffffffffff',
  int8: 'd0 80',
  int16: 'd1 8000',
  int32: 'd2 80000000',
  int64: 'd3 8000000000000000',
  float32: 'ca 3fc00000',
  float64: 'cb 7ff8000000000000',
  fixstr: 'a3 616263',
  str8: 'd9 03 616263',
  str16: 'da 0003 616263',
  str32: 'db 00000003 616263',
  bin8: 'c4 02 ffff',
  bin16: 'c5 0002 ffff',
  bin32: 'c6 00000002 ffff',
  fixarray: '92 01 02',
  array16: 'dc 0002 01 02',
  array32: 'dd 00000002 01 02',
  fixmap: '82 a161 01 a162 02',
  map16: 'de 0001 a161 01',
  map32: 'df 00000001 a161 01',
  'timestamp of 4 bytes': 'd6 ff ffffffff',
  'timestamp of 8 bytes': 'd7 ff ee6b27fc 00000001',
  'timestamp of 12 bytes': 'c7 0c ff 3b9ac9ff ffffffffffffffff',
  'timestamp under ext16': 'c8 000c ff 00000000 0000000000000001',
  'timestamp under ext32': 'c9 00000004 ff 00000001',
  'the last time of Date': 'c7 0c ff 00000000 000007db a8218000',
  'the first time of Date': 'c7 0c 05 fffff824 57de8000 00000000',
  'grid time': 'c7 0c 05 ffffffffffffffff 3b9ac9ff',
  'containers in containers': '83 a161 91 81 a162 90 a163 80 a164 92 c0 c0',
};

describe.each(Object.entries(forms))('%s', (_name, text) => {
  const bytes = hex(text);

  it('passes', () => {
    expect(() => scan(bytes)).not.toThrow();
    expect(() => scan(join(hex('93'), bytes, bytes, bytes))).not.toThrow();
  });

  it('is refused when it is truncated, alone and as the last of an array', () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(refusal(bytes.subarray(0, length))).toMatch(/too early|more than there are bytes/);
      expect(refusal(join(hex('92c0'), bytes.subarray(0, length)))).toMatch(/too early|more than there are bytes/);
    }
  });

  it('is refused when bytes follow', () => {
    expect(refusal(join(bytes, hex('c0')))).toMatch('1 bytes follow the value');
  });
});

describe('declared lengths', () => {
  it('do not exhaust the memory: 64 KiB of array headers that claim all bytes left', () => {
    const bomb = new Uint8Array(65_536);
    const view = new DataView(bomb.buffer);
    for (let pos = 0; pos + 5 <= bomb.length; pos += 5) {
      bomb[pos] = 0xdd;
      view.setUint32(pos + 1, bomb.length - pos - 5);
    }
    // The first header is the truth as far as anyone can tell. The second one owes bytes that the first one needs.
    expect(refusal(bomb, { maxDepth: 512, maxItems: 1e9 })).toMatch('(byte 5 of 65536): 65526 items declared');
  });

  it.each(['dd ffffffff', 'df ffffffff', 'dc ffff', 'de ffff', '9f', '8f', 'df 00000002 a161 c0', '92 91'])(
    'must be present: %s',
    (text) => {
      expect(refusal(text)).toMatch('more than there are bytes');
    },
  );

  it.each(['db ffffffff', 'c6 ffffffff', 'c9 ffffffff ff', 'bf', 'c7 0c ff 00'])('must be present: %s', (text) => {
    expect(refusal(text)).toMatch('too early');
  });

  it('must be present at each level: an inner array may not use up the bytes of its parent', () => {
    expect(refusal('93 92 01 02 03')).toMatch('more than there are bytes');
    expect(() => scan('93 92 01 02 03 04')).not.toThrow();
  });
});

describe('bounds of the reader', () => {
  it('end at 64 levels', () => {
    expect(() => scan(`${repeat('91', 64)} c0`)).not.toThrow();
    expect(() => scan(`${repeat('81 a161', 64)} c0`)).not.toThrow();
    expect(refusal(`${repeat('91', 65)} c0`)).toMatch('deeper than 64 levels');
    expect(refusal(`${repeat('91', 65)}90`)).toMatch('deeper than 64 levels');
    expect(refusal(new Uint8Array(4 << 20).fill(0x91))).toMatch('deeper than 64 levels');
    // Levels that have ended do not count.
    expect(() => scan(join(hex('dc 03e8'), ...Array.from({ length: 1000 }, () => hex('9190'))))).not.toThrow();
  });

  it('count the elements and entries of all levels', () => {
    const given = { maxDepth: 64, maxItems: 4 };
    expect(() => scan('92 91 c0 81 a161 c0', given)).not.toThrow();
    expect(refusal('92 91 c0 82 a161 c0 a162 c0', given)).toMatch('more than 4 items');
    expect(refusal('95 c0 c0 c0 c0 c0', given)).toMatch('raise maxItems');
  });
});

describe('keys', () => {
  it.each([
    '01',
    'c0',
    'c3',
    'e0',
    'c4 01 61',
    '90',
    '80',
    'cb 0000000000000000',
    'd6 ff 00000000',
    'cf 0000000000000000',
  ])('are texts, not %s', (key) => {
    expect(refusal(`81 ${key} c0`)).toMatch('a key is not a text');
    expect(refusal(`82 a161 c0 ${key} c0`)).toMatch('a key is not a text');
  });

  const proto = '5f5f70726f746f5f5f';

  it.each(['a9', 'd9 09', 'da 0009', 'db 00000009'])('are not __proto__ (text of form %s)', (head) => {
    expect(refusal(`81 ${head} ${proto} 80`)).toMatch('__proto__');
    expect(refusal(`91 82 a161 c0 ${head} ${proto} 80`)).toMatch('Cannot decode the payload at $[0] (byte 5');
    // As a value it is a text like any other.
    expect(() => scan(`81 a161 ${head} ${proto}`)).not.toThrow();
  });

  it('are not __proto__ in an overlong form, which msgpack-lite reads as that', () => {
    // 0xc1 0x9f is an overlong underscore.
    const overlong = `ad ${repeat('c19f', 2)} 70726f746f ${repeat('c19f', 2)}`;
    expect(msgpackLite.decode(hex(overlong))).toBe('__proto__');
    expect(refusal(`81 ${overlong} 80`)).toMatch('not UTF-8');
  });

  it('are compared as a whole with those that came before', () => {
    const once = (key: string): unknown => {
      const bytes = Buffer.from(key);
      const payload = join(Uint8Array.of(0x81, 0xa0 + bytes.length), bytes, hex('c0'));
      return Object.keys(readMsgpack(payload, bounds, readLeaf) as object)[0];
    };
    // Of the same length, with the same characters at both ends and in the middle, and all the bits of a byte.
    const keys = [
      'abcde',
      'aXcYe',
      'aYcXe',
      'é',
      'e\u0301',
      'a\u00e9c',
      'axxc',
      'a',
      '',
      'b',
      'a'.repeat(31),
      'a'.repeat(30),
    ];
    for (const key of [...keys, ...keys.reverse(), ...keys]) expect(once(key)).toBe(key);
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 9, unit: fc.constantFrom('a', 'b', '\u00e9') })), (random) => {
        for (const key of random) expect(once(key)).toBe(key);
      }),
      { numRuns: runs(100) },
    );
  });

  it('that came before must be there as a whole', () => {
    scan('81 a3 616263 c0');
    expect(refusal('81 a3 6162')).toMatch('the bytes end too early');
    // The missing byte lies behind the payload, in the message that it is a part of.
    expect(refusal(hex('81 a3 616263 c0').subarray(0, 4))).toMatch('the bytes end too early');
  });

  it('may be similar to it', () => {
    for (const key of ['__proto_', '__proto__x', 'x_proto__', '__proto_x', 'constructor', 'prototype', '']) {
      const bytes = Buffer.from(key);
      expect(() => scan(join(Uint8Array.of(0x81, 0xa0 + bytes.length), bytes, hex('c0')))).not.toThrow();
    }
  });
});

describe('unknown types', () => {
  it('include 0xc1', () => {
    expect(refusal('c1')).toMatch('0xc1');
    expect(refusal('92 c0 c1')).toMatch('0xc1');
  });

  it('include every ext type but two', () => {
    for (let type = 0; type < 256; type++) {
      if (type === 5 || type === 0xff) continue;
      expect(refusal(Uint8Array.of(0xc7, 12, type, ...new Uint8Array(12)))).toMatch('unknown ext type');
      expect(refusal(Uint8Array.of(0xd6, type, 0, 0, 0, 0))).toMatch('unknown ext type');
    }
    // What would be a RegExp of the peer's making, and an Error with its stack, with the preset of msgpack-lite.
    expect(refusal('c7 05 0a 92 a2 612b a0')).toMatch('unknown ext type 10');
    expect(refusal('c7 01 0e 80')).toMatch('unknown ext type 14');
  });

  it.each([
    'd4 ff 00',
    'd5 ff 0000',
    'd8 ff 00000000000000000000000000000000',
    'c7 00 ff',
    'c7 05 ff 0000000000',
    'd6 05 00000000',
    'd7 05 0000000000000000',
    'c7 0d 05 00000000000000000000000000',
  ])('include a time of another length: %s', (text) => {
    expect(refusal(text)).toMatch('no time');
  });

  it.each([
    ['nanoseconds in 8 bytes', 'd7 ff ee6b2800 00000000'],
    ['nanoseconds in 12 bytes', 'c7 0c ff 3b9aca00 0000000000000000'],
    ['negative nanoseconds', 'c7 0c 05 0000000000000000 ffffffff'],
    ['nanoseconds of the grid', 'c7 0c 05 0000000000000000 3b9aca00'],
    ['a year after the last one of Date', 'c7 0c ff 00000000 000007db a8218001'],
    ['the largest seconds', 'c7 0c 05 7fffffffffffffff 00000000'],
    ['the smallest seconds', 'c7 0c ff 00000000 8000000000000000'],
  ])('include a time out of range: %s', (_name, text) => {
    expect(refusal(text)).toMatch('no time that a Date can hold');
  });
});

describe('texts', () => {
  it.each([
    ['a continuation', '80'],
    ['a start alone', 'c3'],
    ['a cut form of three', 'e282'],
    ['a cut form of four', 'f09f98'],
    ['an overlong form of two', 'c080'],
    ['an overlong form of three', 'e08080'],
    ['an overlong form of four', 'f0808080'],
    ['half of a surrogate pair', 'eda080'],
    ['a code point beyond the last one', 'f4908080'],
    ['a start that is none', 'f5808080'],
    ['0xff', 'ff'],
    ['a wrong third byte', 'e28241'],
    ['a wrong fourth byte', 'f09f9841'],
  ])('are UTF-8, not %s', (_name, body) => {
    const bytes = hex(body);
    const text = join(Uint8Array.of(0xa0 + bytes.length), bytes);
    expect(refusal(text)).toMatch('not UTF-8');
    expect(refusal(join(hex('81'), text, hex('c0')))).toMatch('not UTF-8');
    // A form that is cut may not be completed by the bytes behind it.
    expect(refusal(join(hex('92'), text, hex('a3 808080')))).toMatch('not UTF-8');
  });

  it('pass exactly when a strict TextDecoder accepts them', () => {
    const strict = new TextDecoder('utf-8', { fatal: true });
    const edge = fc.constantFrom(
      0x00,
      0x7f,
      0x80,
      0x8f,
      0x90,
      0x9f,
      0xa0,
      0xbf,
      0xc1,
      0xc2,
      0xdf,
      0xe0,
      0xed,
      0xef,
      0xf0,
      0xf4,
      0xf5,
    );
    const body = fc.array(fc.oneof(edge, fc.integer({ min: 0, max: 255 })), { maxLength: 6 });
    fc.assert(
      fc.property(body, (list) => {
        const bytes = Uint8Array.from(list);
        let valid = true;
        try {
          strict.decode(bytes);
        } catch {
          valid = false;
        }
        return accepts(join(Uint8Array.of(0xa0 + bytes.length), bytes)) === valid;
      }),
      { numRuns: runs(5_000) },
    );
  });
});

describe('an error', () => {
  it('names the position', () => {
    expect(refusal('82 a161 c0 a162 93 c0 c0 81 a163 c1')).toBe(
      'Cannot decode the payload at $.b[2].c (byte 12 of 13): the byte 0xc1 is not MessagePack.',
    );
    expect(refusal('82 a161 92 c0 c0 a162 c1')).toMatch('at $.b (byte 8 of 9)');
    expect(refusal('93 91 c0 80 c1')).toMatch('at $[2] (byte 4 of 5)');
    expect(refusal('81 a3 612062 c1')).toMatch('at $["a b"] (');
    expect(refusal('81 01 c0')).toMatch('at $ (byte 1 of 3)');
  });

  it('is short, however long a key is', () => {
    const key = 'k'.repeat(60_000);
    expect(refusal(join(hex('81 da ea60'), Buffer.from(key), hex('c1'))).length).toBeLessThan(200);
  });
});

describe('random bytes', () => {
  /** Bytes that are likely to be headers. */
  const likely = fc.oneof(
    fc.integer({ min: 0, max: 255 }),
    fc.integer({ min: 0x80, max: 0xa4 }),
    fc.integer({ min: 0xc0, max: 0xdf }),
    fc.constantFrom(0, 1, 2, 4, 12),
  );

  it('are refused with a CodecError, or are what msgpack-lite reads to the end', () => {
    fc.assert(
      fc.property(fc.array(likely, { maxLength: 64 }), (list) => {
        const bytes = Uint8Array.from(list);
        if (!accepts(bytes)) return;
        const source = msgpackLite.Decoder({ codec: msgpackLite.createCodec({ binarraybuffer: true }) });
        source.write(bytes);
        source.fetch();
        expect(source.offset).toBe(bytes.length);
      }),
      { numRuns: runs(5_000) },
    );
  });

  it('are read a few times at most, whatever they declare', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 8 }), (pattern) => {
        const bytes = new Uint8Array(1 << 12);
        for (let i = 0; i < bytes.length; i++) bytes[i] = pattern[i % pattern.length]!;
        const reads = new CountedReads();
        accepts(reads.bytes(bytes));
        expect(reads.count).toBeGreaterThan(0);
        expect(reads.count).toBeLessThan(10 * bytes.length);
      }),
      { numRuns: runs(500) },
    );
  });
});
