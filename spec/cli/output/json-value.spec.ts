import { describe, expect, it } from '@jest/globals';
import { msgpack } from '../../../lib/codec/msgpack-codec.js';
import { fromJson, plainJson, toJson, type Json } from '../../../lib/cli/output/json-value.js';

const json = {
  bytes: { $bytes: 'AQI=' },
  date: { $date: '2026-01-31T00:00:00.000Z' },
  big: { $bigint: '9007199254740993' },
  list: [1, null, { $float: 'NaN' }, { $float: '-Infinity' }],
} satisfies Json;

describe('JSON of values', () => {
  it('has tags for values without a JSON form, in both directions', () => {
    const value = fromJson(json);
    expect(value).toStrictEqual({
      bytes: Uint8Array.of(1, 2),
      date: new Date('2026-01-31T00:00:00.000Z'),
      big: 9007199254740993n,
      list: [1, null, NaN, -Infinity],
    });
    expect(toJson(value)).toStrictEqual(json);
  });

  it('encodes {"$float": 5} as a float64', () => {
    expect([...msgpack().encode(fromJson({ $float: 5 }))]).toStrictEqual([0xcb, 0x40, 0x14, 0, 0, 0, 0, 0, 0]);
  });

  it('treats only an object with that single key as a tag, and refuses an invalid one', () => {
    expect(fromJson({ $date: 'x', more: 1 })).toStrictEqual({ $date: 'x', more: 1 });
    expect(fromJson({ toString: 1 })).toStrictEqual({ toString: 1 });
    for (const wrong of [{ $date: 'x' }, { $bytes: '?' }, { $bigint: 1 }, { $float: 'x' }] as Json[]) {
      expect(() => fromJson(wrong)).toThrow(/needs/);
    }
  });

  it('keeps the keys of a hostile host unchanged', () => {
    const hostile = JSON.parse('{"__proto__": {"a": 1}}') as Json;
    expect(Object.keys(toJson(hostile) as object)).toStrictEqual(['__proto__']);
    expect(Object.keys(fromJson(hostile) as object)).toStrictEqual(['__proto__']);
  });

  it('presents numbers and texts to a schema', () => {
    expect(plainJson([{ $float: 5 }, { $bigint: '7' }, { $date: 'd' }, { a: 1 }])).toStrictEqual([5, 7, 'd', { a: 1 }]);
  });
});
