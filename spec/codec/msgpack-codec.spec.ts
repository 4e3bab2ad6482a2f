import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';

import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';

import { CodecError, ConfigurationError } from '../../lib/errors.js';
import { type MsgpackOptions, msgpack } from '../../lib/codec/msgpack-codec.js';
import { runs } from '../support/property-runs.js';

// The default bound is reached in a spec of its own.
const codec = msgpack({ maxItems: 1 << 18 });
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const encoded = (value: unknown, options?: MsgpackOptions): string => hexOf(msgpack(options).encode(value));
const decoded = (text: string): unknown => codec.decode(hex(text));
const roundTrip = (value: unknown): unknown => codec.decode(codec.encode(value));
const nested = (depth: number): unknown => {
  let value: unknown = null;
  for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { a: value };
  return value;
};

/** The text of the error; fails when there is none, or when it is not a CodecError. */
function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(CodecError);
    return (error as Error).message;
  }
  throw new Error('This was not refused.');
}

describe('no payload', () => {
  it('means undefined, and nothing else', () => {
    expect(codec.encode(undefined)).toStrictEqual(new Uint8Array(0));
    expect(codec.decode(new Uint8Array(0))).toBe(undefined);
    expect(encoded(null)).toBe('c0');
    expect(decoded('c0')).toBe(null);
  });
});

describe('payloads of the reference', () => {
  const file = join(__dirname, '../vectors/typed.json');
  const { messages } = JSON.parse(readFileSync(file, 'utf8')) as {
    messages: { frame: { op: string; payload?: string; flags: string[] } }[];
  };
  const payloads = messages
    .filter(({ frame }) => ['Request', 'Response'].includes(frame.op) && !frame.flags.includes('PayloadIsErr'))
    .map(({ frame }) => frame.payload ?? '');

  it('are recorded', () => {
    expect(payloads.length).toBeGreaterThan(8);
  });

  it.each(payloads)('are decoded, and encoded alike: %s', (payload) => {
    expect(encoded(decoded(payload))).toBe(payload);
  });

  it('are decoded to the recorded values', () => {
    expect(decoded('82a16b a176 a8616e737765726564 a3796573')).toStrictEqual({ k: 'v', answered: 'yes' });
    expect(decoded('81 a161 92 a131 a132')).toStrictEqual({ a: ['1', '2'] });
    expect(decoded('c4 03 010203')).toStrictEqual(Uint8Array.of(1, 2, 3));
    expect(decoded('93 c4 00 c0 81 a16b a176')).toStrictEqual([new Uint8Array(0), null, { k: 'v' }]);
  });
});

describe('numbers', () => {
  it.each([
    [0, '00'],
    [127, '7f'],
    [128, 'cc80'],
    [65_535, 'cdffff'],
    [2 ** 31 - 1, 'ce7fffffff'],
    [2 ** 31, 'ce80000000'],
    [2 ** 32 - 1, 'ceffffffff'],
    [2 ** 32, 'cf0000000100000000'],
    [Number.MAX_SAFE_INTEGER, 'cf001fffffffffffff'],
    [-1, 'ff'],
    [-32, 'e0'],
    [-33, 'd0df'],
    [-(2 ** 31), 'd280000000'],
    [-(2 ** 31) - 1, 'd3ffffffff7fffffff'],
    [-(2 ** 32), 'd3ffffffff00000000'],
    [Number.MIN_SAFE_INTEGER, 'd3ffe0000000000001'],
    [0.5, 'cb3fe0000000000000'],
    [-1.1, 'cbbff199999999999a'],
    [2 ** 53, 'cb4340000000000000'],
    [1e300, 'cb7e37e43c8800759c'],
    [Infinity, 'cb7ff0000000000000'],
    [-Infinity, 'cbfff0000000000000'],
    [Number.MIN_VALUE, 'cb0000000000000001'],
  ])('%p is %s', (value, bytes) => {
    expect(encoded(value)).toBe(bytes);
    expect(decoded(bytes)).toBe(value);
    expect(roundTrip([value, { value }])).toStrictEqual([value, { value }]);
  });

  it('may be NaN; −0 arrives as 0', () => {
    expect(roundTrip(NaN)).toBe(NaN);
    expect(roundTrip(-0)).toBe(0);
  });

  it('are read from every form', () => {
    expect(
      decoded('99 ca3fc00000 d080 d18000 d280000000 cc80 cd8000 ce80000000 d3ffffffffffffffff cf0000000000000001'),
    ).toStrictEqual([1.5, -128, -32_768, -2_147_483_648, 128, 32_768, 2_147_483_648, -1, 1]);
  });

  it.each([
    [2n ** 53n, 'cf0020000000000000'],
    [2n ** 63n, 'cf8000000000000000'],
    [2n ** 64n - 1n, 'cfffffffffffffffff'],
    [-(2n ** 53n), 'd3ffe0000000000000'],
    [-(2n ** 53n) - 1n, 'd3ffdfffffffffffff'],
    [-(2n ** 63n), 'd38000000000000000'],
  ])('%p is a 64-bit integer, exact in both directions', (value, bytes) => {
    expect(encoded(value)).toBe(bytes);
    expect(decoded(bytes)).toBe(value);
  });

  it.each([
    [0n, 'cf0000000000000000'],
    [1n, 'cf0000000000000001'],
    [-1n, 'd3ffffffffffffffff'],
    [2n ** 53n - 1n, 'cf001fffffffffffff'],
    [-(2n ** 53n) + 1n, 'd3ffe0000000000001'],
  ])('%p is a 64-bit integer, and arrives as a number', (value, bytes) => {
    expect(encoded(value)).toBe(bytes);
    expect(decoded(bytes)).toBe(Number(value));
  });

  it.each([2n ** 64n, -(2n ** 63n) - 1n, 10n ** 40n])('%p is refused', (value) => {
    expect(refusal(() => codec.encode({ free: value }))).toMatch('at $.free: a bigint does not fit into 64 bits');
  });
});

describe('bytes', () => {
  it('are encoded as bin, whatever view they are', () => {
    const whole = Uint8Array.of(9, 1, 2, 3, 9);
    expect(encoded(Uint8Array.of(1, 2, 3))).toBe('c403010203');
    expect(encoded({ b: whole.subarray(1, 4) })).toBe('81a162c403010203');
    expect(encoded(Buffer.from([1, 2, 3]))).toBe('c403010203');
    expect(encoded(new Uint8Array(new SharedArrayBuffer(2)))).toBe('c4020000');
    expect(encoded(runInNewContext('new Uint8Array([1, 2, 3])'))).toBe('c403010203');
  });

  it.each([0, 1, 254, 255, 256, 2047, 2048, 2049, 65_535, 65_536, 65_537, 200_000])('of length %p arrive', (length) => {
    const bytes = Uint8Array.from({ length }, (_, i) => i * 7);
    expect(roundTrip(bytes)).toStrictEqual(bytes);
    expect(roundTrip(['before', bytes, 'between', bytes, 'after'])).toStrictEqual([
      'before',
      bytes,
      'between',
      bytes,
      'after',
    ]);
  });

  it.each([0, 1, 2049])('own their buffer: %p', (length) => {
    const sent = new Uint8Array(length).fill(1);
    const payload = codec.encode([sent]);
    sent.fill(2);
    const source = Buffer.concat([Buffer.alloc(3), payload]).subarray(3);
    const [received] = codec.decode(source) as [Uint8Array];
    source.fill(3);
    expect(received).toStrictEqual(new Uint8Array(length).fill(1));
    expect(received.buffer.byteLength).toBe(length);
  });
});

describe('a payload', () => {
  it('is a plain Uint8Array that fills and owns its buffer', () => {
    const values = [1, 'x'.repeat(700), { a: [1, 2] }, new Uint8Array(3000), Array.from({ length: 70_000 }, String)];
    const payloads = values.map((value) => codec.encode(value));
    for (const [i, payload] of payloads.entries()) {
      expect(Object.getPrototypeOf(payload)).toBe(Uint8Array.prototype);
      expect(payload.buffer.byteLength).toBe(payload.byteLength);
      expect(codec.decode(payload)).toStrictEqual(values[i]);
    }
  });

  it('may be a part of a message, or a Buffer', () => {
    const value = {
      n: 2n ** 60n,
      i: 2 ** 40,
      f: 1.5,
      d: new Date(1e12),
      b: Uint8Array.of(1),
      s: 'é'.repeat(40),
      t: 'ab',
    };
    const payload = codec.encode(value);
    for (let offset = 0; offset < 9; offset++) {
      const message = new Uint8Array(payload.length + offset + 5).fill(0xc1);
      message.set(payload, offset);
      const part = message.subarray(offset, offset + payload.length);
      expect(codec.decode(part)).toStrictEqual(value);
      const fromBuffer = codec.decode(Buffer.from(message.buffer, offset, payload.length)) as typeof value;
      expect(fromBuffer).toStrictEqual(value);
      expect(Object.getPrototypeOf(fromBuffer.b)).toBe(Uint8Array.prototype);
    }
  });

  it('may be larger than the buffer of the encoder, in each way', () => {
    const long = 'é'.repeat(50_000);
    const value = [
      long,
      Array.from({ length: 20_000 }, (_, i) => ({ i: i * 2 ** 33, f: i / 3 })),
      new Uint8Array(70_000),
      long,
    ];
    expect(roundTrip(value)).toStrictEqual(value);
    const million = 'x'.repeat(1 << 20);
    expect(roundTrip(million)).toBe(million);
  });

  it('is not disturbed by a nested encoding', () => {
    const inner: string[] = [];
    const value = {
      before: 'abc',
      get during() {
        inner.push(encoded({ z: 'inner' }));
        return 'def';
      },
      after: 'ghi',
    };
    expect(roundTrip(value)).toStrictEqual({ before: 'abc', during: 'def', after: 'ghi' });
    expect(inner.length).toBeGreaterThan(1);
    expect(new Set(inner)).toStrictEqual(new Set(['81a17aa5696e6e6572']));
    expect(roundTrip(value)).toStrictEqual({ before: 'abc', during: 'def', after: 'ghi' });
  });
});

describe('a browser', () => {
  it('has no Buffer, and encodes and decodes the same', async () => {
    const value = {
      n: 2n ** 60n,
      i: 2 ** 40,
      f: 1.5,
      d: new Date(1e12),
      b: new Uint8Array(3000),
      s: 'é'.repeat(400),
      t: ['a'],
    };
    const ours = codec.encode(value);
    let theirs = new Uint8Array(0);
    let read: unknown;
    const { Buffer } = globalThis;
    Object.assign(globalThis, { Buffer: undefined });
    try {
      await jest.isolateModulesAsync(async () => {
        const other = (await import('../../lib/codec/msgpack-codec.js')).msgpack();
        theirs = new Uint8Array(other.encode(value));
        read = other.decode(theirs);
      });
    } finally {
      Object.assign(globalThis, { Buffer });
    }
    expect(theirs).toStrictEqual(ours);
    expect(read).toStrictEqual(value);
  });
});

describe('texts', () => {
  it.each([0, 1, 3, 4, 5, 31, 32, 63, 64, 65, 255, 256, 65_535, 65_536])('of length %p arrive', (length) => {
    for (const letter of ['a', 'é', '漢', '\u{1f600}', '\u0000']) {
      const text = letter.repeat(length);
      expect(roundTrip(text)).toBe(text);
      const mixed = 'a'.repeat(length) + letter;
      expect(roundTrip({ [mixed]: mixed })).toStrictEqual({ [mixed]: mixed });
    }
  });

  it('keep a byte order mark, short and long', () => {
    for (const text of ['\ufeffa', `\ufeff${'a'.repeat(100)}`]) expect(roundTrip(text)).toBe(text);
  });

  it('take the shortest form', () => {
    expect(encoded('é'.repeat(15))).toBe(`be${'c3a9'.repeat(15)}`);
    expect(encoded('é'.repeat(16))).toBe(`d920${'c3a9'.repeat(16)}`);
    expect(encoded('é'.repeat(128))).toBe(`da0100${'c3a9'.repeat(128)}`);
  });

  it('of 4 MiB are read by the platform in one call, and not in characters as msgpack-lite reads them', () => {
    const text = 'x'.repeat(1 << 22);
    const payload = codec.encode(text);
    const decode = jest.spyOn(TextDecoder.prototype, 'decode');
    const fromCharCode = jest.spyOn(String, 'fromCharCode');
    const same = codec.decode(payload) === text;
    const calls = [decode.mock.calls.length, fromCharCode.mock.calls.length];
    decode.mockRestore();
    fromCharCode.mockRestore();
    expect([same, ...calls]).toStrictEqual([true, 1, 0]);
  });

  it.each(['\ud800', 'a\udc00', '\ude00\ud83d', `${'a'.repeat(100)}\ud800`])(
    'without a UTF-8 form are refused',
    (text) => {
      expect(refusal(() => codec.encode([text]))).toMatch('at $[0]: a text has half of a surrogate pair');
      expect(refusal(() => codec.encode({ [text]: 1 }))).toMatch('a key has half of a surrogate pair');
    },
  );
});

describe('dates', () => {
  it.each([
    ['1970-01-01T00:00:00.000Z', 'd6ff00000000'],
    ['2106-02-07T06:28:15.000Z', 'd6ffffffffff'],
    ['2106-02-07T06:28:16.000Z', 'd7ff0000000100000000'],
    ['1970-01-01T00:00:00.999Z', 'd7ffee2e1f0000000000'],
    ['2514-05-30T01:53:03.500Z', 'd7ff77359403ffffffff'],
    ['2514-05-30T01:53:04.000Z', 'c70cff000000000000000400000000'],
    ['1969-12-31T23:59:59.001Z', 'c70cff000f4240ffffffffffffffff'],
  ])('%s is the standard timestamp', (iso, bytes) => {
    const date = new Date(iso);
    expect(encoded(date)).toBe(bytes);
    expect(roundTrip({ date })).toStrictEqual({ date });
  });

  it('use the time format of the grid on request, and are read in either', () => {
    const date = new Date('1969-12-31T23:59:59.001Z');
    expect(encoded(date, { timestamps: 'grid' })).toBe('c70c05ffffffffffffffff000f4240');
    expect(decoded('c70c05ffffffffffffffff000f4240')).toStrictEqual(date);
    // What the reference answers to a stream ping: the time of its year 1.
    expect(decoded('c70c05fffffff1886e090000000000')).toStrictEqual(new Date('0001-01-01T00:00:00.000Z'));
  });

  it('are rounded down, at any distance from the epoch', () => {
    expect(decoded('c70cff3b9ac9ff0000000065000000')).toStrictEqual(new Date(0x6500_0000 * 1000 + 999));
    expect(decoded('c70cff3b9ac9ff ffffffffffffffff')).toStrictEqual(new Date(-1));
  });

  it('of any time arrive, in either form', () => {
    const grid = msgpack({ timestamps: 'grid' });
    const date = fc.oneof(
      fc.date({ noInvalidDate: true }),
      fc.date({ noInvalidDate: true, min: new Date(-1e4), max: new Date(2 ** 35 * 1000) }),
    );
    fc.assert(
      fc.property(date, (value) => {
        expect(roundTrip(value)).toStrictEqual(value);
        expect(codec.decode(grid.encode(value))).toStrictEqual(value);
      }),
    );
  });

  it('must be valid', () => {
    expect(refusal(() => codec.encode({ at: new Date(NaN) }))).toMatch('at $.at: an invalid Date');
  });
});

describe('fields and elements', () => {
  it('that are undefined are omitted, or null', () => {
    expect(encoded({ a: undefined, b: 1, c: undefined })).toBe('81a16201');
    expect(encoded({ a: undefined })).toBe('80');
    expect(roundTrip([undefined, , { x: [{ y: undefined, z: 1 }] }])).toStrictEqual([null, null, { x: [{ z: 1 }] }]);
  });

  it('of the sender are not changed', () => {
    const value = { a: undefined, b: [1n, { c: undefined, d: Uint8Array.of(1) }] };
    codec.encode(value);
    expect(value).toStrictEqual({ a: undefined, b: [1n, { c: undefined, d: Uint8Array.of(1) }] });
  });

  it.each([0, 15, 16, 65_535, 65_536])('may be %p', (size) => {
    // Not by a matcher: on large values it takes seconds.
    const list = Array.from({ length: size }, (_, i) => i);
    expect(JSON.stringify(roundTrip(list))).toBe(JSON.stringify(list));
    const record = Object.fromEntries(list.map((i) => [`k${i}`, i]));
    expect(JSON.stringify(roundTrip(record))).toBe(JSON.stringify(record));
  });

  it('may have names that msgpack-lite takes for classes', () => {
    const value = {
      constructor: { name: 'Date', getTime: 1 },
      a: { constructor: { name: 'toString' } },
      b: { constructor: 'Error', prototype: {}, toString: 'x', hasOwnProperty: 1, toJSON: 1, length: 3, buffer: 'y' },
    };
    // By their texts: jest goes by `constructor`, too.
    expect(JSON.stringify(roundTrip(value))).toBe(JSON.stringify(value));
  });

  it('may not have the names that it takes for integers, or that replace a prototype', () => {
    expect(refusal(() => codec.encode([{ _isUint64BE: true }]))).toMatch('at $[0]: the key _isUint64BE is taken');
    expect(refusal(() => codec.encode({ _isInt64BE: true }))).toMatch('taken');
    expect(refusal(() => codec.encode(JSON.parse('{"a":{"__proto__":{"admin":true}}}')))).toMatch(
      'at $.a: the key __proto__',
    );
    expect(roundTrip({ _id: 1, __proto: 2, _: 3 })).toStrictEqual({ _id: 1, __proto: 2, _: 3 });
  });

  it('of a peer with such names are plain fields', () => {
    const text = (value: string): string => hexOf(codec.encode(value));
    expect(decoded(`81 ${text('_isUint64BE')} c3`)).toStrictEqual({ _isUint64BE: true });
  });

  it('cannot replace a prototype, of one object or of all', () => {
    expect(refusal(() => decoded('81 a9 5f5f70726f746f5f5f 81 a161 c3'))).toMatch('__proto__');
    const value = decoded('81 ab 636f6e7374727563746f72 81 a9 70726f746f74797065 81 a161 c3') as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(({} as { a?: unknown }).a).toBe(undefined);
  });

  it('may come from objects without a prototype, or of another realm', () => {
    const bare = Object.assign(Object.create(null) as object, { a: 1 });
    expect(roundTrip([bare, runInNewContext('({ a: [{}] })')])).toStrictEqual([{ a: 1 }, { a: [{}] }]);
  });

  it('may be Dates of another realm, such as those that fs.stat gives to a sandbox', () => {
    expect(roundTrip(runInNewContext('({ at: new Date(5) })'))).toStrictEqual({ at: new Date(5) });
    expect(refusal(() => encoded({ at: runInNewContext('new Date(NaN)') }))).toMatch('an invalid Date');
    expect(refusal(() => encoded([runInNewContext('new Map()')]))).toMatch('a Map cannot be sent');
    expect(refusal(() => encoded([runInNewContext('new Error("e")')]))).toMatch('an Error cannot be sent');
  });

  it('may be shared, as long as there is no cycle', () => {
    const shared = { a: 1 };
    expect(roundTrip([shared, shared, { shared }])).toStrictEqual([{ a: 1 }, { a: 1 }, { shared: { a: 1 } }]);
  });

  it('with a symbol for a name are omitted', () => {
    expect(encoded({ [Symbol('s')]: 1, a: 1 })).toBe('81a16101');
  });
});

describe('encoding refuses', () => {
  class User {
    name = 'x';
  }
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();

  it.each<[string, unknown, string]>([
    ['a function', () => 1, 'a function'],
    ['a class', User, 'a function'],
    ['a symbol', Symbol('s'), 'a symbol'],
    ['a Map', new Map([[1, 2]]), 'Object.fromEntries'],
    ['a Set', new Set([1]), '[...set]'],
    ['an Error', new TypeError('secret'), 'throw it'],
    ['a Promise', Promise.resolve(1), 'await it'],
    ['a generator', (function* () {})(), 'send its items'],
    ['an async generator', (async function* () {})(), 'send its items'],
    ['an instance of a class', new User(), '(User)'],
    [
      'an instance of a class without a name',
      new (class {
        id = 1;
      })(),
      '(unknown)',
    ],
    ['an object with an own prototype', Object.create({ a: 1 }), 'plain object'],
    ['an object that hides its class', Object.create(new User(), { constructor: { value: undefined } }), 'a class'],
    ['a RegExp', /x/, '(RegExp)'],
    ['a RegExp, which has no keys', /x/, 'send its source and flags'],
    ['a URL', new URL('http://a'), 'String(it)'],
    ['a boxed number', Object(1), '(Number)'],
    ['an ArrayBuffer', new ArrayBuffer(1), 'new Uint8Array(it)'],
    ['a DataView', new DataView(new ArrayBuffer(1)), 'Uint8Array'],
    ['a Float64Array', new Float64Array(1), 'Uint8Array'],
    ['a clamped array', new Uint8ClampedArray(1), 'Uint8Array'],
    ['a tag', { [Symbol.toStringTag]: 'ArrayBuffer', a: 1 }, 'plain object'],
    ['a revoked proxy', revoked.proxy, 'Cannot encode the value'],
  ])('%s, wherever it is', (_name, value, text) => {
    expect(refusal(() => codec.encode(value))).toMatch(text);
    expect(refusal(() => codec.encode({ a: [1, value] }))).toMatch(text);
    if (!text.startsWith('Cannot')) expect(refusal(() => codec.encode({ a: [1, value] }))).toMatch('at $.a[1]: ');
  });

  it('an Error, without revealing its content', () => {
    expect(refusal(() => codec.encode(new Error('secret')))).not.toMatch('secret');
  });

  it('a cycle, naming both of its ends', () => {
    const node: { name: string; next?: unknown } = { name: 'x' };
    node.next = [{ node }];
    expect(refusal(() => codec.encode({ list: node }))).toMatch(
      'at $.list.next[0].node: a cycle: it is the object at $.list again',
    );
    const list: unknown[] = [];
    list.push(list, list);
    expect(refusal(() => codec.encode(list))).toMatch('at $[0]: a cycle: it is the object at $ again');
  });

  it('more than 64 levels, in both directions', () => {
    expect(roundTrip(nested(64))).toStrictEqual(nested(64));
    expect(refusal(() => codec.encode(nested(65)))).toMatch('deeper than 64 levels');
    expect(refusal(() => codec.encode(nested(100_000)))).toMatch('deeper than 64 levels');
    expect(refusal(() => decoded(`${'91'.repeat(65)}c0`))).toMatch('deeper than 64 levels');
    const deep = msgpack({ maxDepth: 512 });
    expect(deep.decode(deep.encode(nested(512)))).toStrictEqual(nested(512));
  });

  it('more than maxItems items, in both directions', () => {
    const small = msgpack({ maxItems: 10 });
    const ten = { a: [1, 2, 3], b: { c: 1, d: 2 }, e: [4, 5] };
    expect(small.decode(small.encode(ten))).toStrictEqual(ten);
    expect(refusal(() => small.encode({ ...ten, f: 1 }))).toMatch('at $.e: more than 10 items');
    expect(refusal(() => small.decode(codec.encode({ ...ten, f: 1 })))).toMatch('more than 10 items');
    expect(refusal(() => codec.encode(new Array(2 ** 32 - 1)))).toMatch('more than 262144 items');
    // The default.
    expect(msgpack().encode(new Array(1 << 14).fill(0)).length).toBeGreaterThan(1 << 14);
    expect(refusal(() => msgpack().encode(new Array((1 << 14) + 1)))).toMatch('more than 16384 items');
    // 2^60 objects, if nobody counts.
    let shared: unknown = null;
    for (let i = 0; i < 60; i++) shared = [shared, shared];
    expect(refusal(() => codec.encode(shared))).toMatch('more than 262144 items');
  });

  it('a getter that throws, with its error as the cause', () => {
    const cause = new Error('gone');
    const value = {
      get a(): never {
        throw cause;
      },
    };
    expect(() => codec.encode(value)).toThrow(expect.objectContaining({ code: 'codec', cause }));
    // And the encoder is as good as new.
    expect(encoded({ a: 1 })).toBe('81a16101');
  });

  it('an impossible bound', () => {
    for (const maxDepth of [0, -1, 1.5, NaN, 513]) expect(() => msgpack({ maxDepth })).toThrow(ConfigurationError);
    for (const maxItems of [0, -1, 1.5, Infinity]) expect(() => msgpack({ maxItems })).toThrow(ConfigurationError);
  });
});

describe('untrusted bytes', () => {
  it('cannot kill the process: 64 KiB of array headers that claim all bytes left', () => {
    const bomb = new Uint8Array(65_536);
    const view = new DataView(bomb.buffer);
    for (let pos = 0; pos + 5 <= bomb.length; pos += 5) {
      bomb[pos] = 0xdd;
      view.setUint32(pos + 1, bomb.length - pos - 5);
    }
    const before = process.memoryUsage().rss;
    expect(refusal(() => codec.decode(bomb))).toMatch('more than there are bytes');
    expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20);
  });

  it('that make no whole value are refused with a typed error', () => {
    for (const text of [
      'c1',
      '01 02',
      '92 01',
      '81 01 02',
      'a2 ff61',
      'c7 05 0a 92 a2 612b a0',
      'c7 01 0e 80',
      'd4 00 00',
    ]) {
      expect(refusal(() => decoded(text))).toMatch('Cannot decode the payload at ');
    }
  });
});

/** jest compares classes by the first one; the others are refused. */
const unfit = ['constructor', '__proto__', '_isUint64BE', '_isInt64BE'];

/** Any value that arrives as it was sent. */
const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, false),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double().map((number) => (number === 0 ? 0 : number)),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme-ascii', minLength: 20, maxLength: 80, size: 'max' }),
    fc.uint8Array({ maxLength: 40 }),
    fc.date({ noInvalidDate: true }),
    fc.array(tie('value')),
    fc.dictionary(
      fc.string({ unit: 'binary' }).filter((key) => !unfit.includes(key)),
      tie('value'),
      { noNullPrototype: true },
    ),
  ),
}));

describe('any value', () => {
  it('arrives as it was sent', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const payload = codec.encode(value);
        expect(codec.decode(payload)).toStrictEqual(value);
        expect(codec.encode(codec.decode(payload))).toStrictEqual(payload);
      }),
      { numRuns: runs(2_000) },
    );
  });

  it('that JavaScript can make is encoded to something decodable, or refused with a CodecError', () => {
    const odd = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
      withNullPrototype: true,
      withBoxedValues: true,
      withObjectString: true,
    });
    fc.assert(
      fc.property(odd, (value) => {
        let payload: Uint8Array;
        try {
          payload = codec.encode(value);
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError);
          return;
        }
        codec.decode(payload);
      }),
      { numRuns: runs(5_000) },
    );
  });
});

describe('random bytes', () => {
  /** A value, or a CodecError: nothing else may come of it. */
  const survives = (bytes: Uint8Array): void => {
    let value: unknown;
    try {
      value = codec.decode(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(CodecError);
      return;
    }
    // Whatever was decoded is a value that can be sent on, but for the two names that are taken.
    try {
      codec.encode(value);
    } catch (error) {
      expect((error as Error).message).toMatch('is taken');
    }
  };

  it('are a value or a CodecError', () => {
    const likely = fc.oneof(
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: 0x80, max: 0xdf }),
      fc.constantFrom(0, 1, 2, 4),
    );
    fc.assert(
      fc.property(fc.array(likely, { maxLength: 200 }), (list) => {
        survives(Uint8Array.from(list));
      }),
      { numRuns: runs(5_000) },
    );
  });

  it('that are altered encodings are a value or a CodecError', () => {
    const change = fc.record({
      at: fc.nat(),
      kind: fc.constantFrom('set', 'cut', 'insert', 'repeat'),
      byte: fc.integer({ min: 0, max: 255 }),
    });
    fc.assert(
      fc.property(anyValue, fc.array(change, { minLength: 1, maxLength: 4 }), (value, changes) => {
        let bytes = [...codec.encode(value)];
        for (const { at, kind, byte } of changes) {
          const pos = at % (bytes.length + 1);
          if (kind === 'set') bytes[pos] = byte;
          else if (kind === 'cut') bytes = bytes.slice(0, pos);
          else if (kind === 'insert') bytes.splice(pos, 0, byte);
          else bytes.splice(pos, 0, ...bytes.slice(pos, pos + byte));
        }
        survives(Uint8Array.from(bytes));
      }),
      { numRuns: runs(5_000) },
    );
  });
});
