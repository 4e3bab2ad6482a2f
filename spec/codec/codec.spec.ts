import { runInNewContext } from 'node:vm';

import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';

import { CodecError } from '../../lib/errors.js';
import {
  type Codec,
  type PayloadCodec,
  type Received,
  type Sent,
  type Shape,
  isBytes,
  raw,
  type,
} from '../../lib/codec/codec.js';
import { msgpack } from '../../lib/codec/msgpack-codec.js';

describe('raw', () => {
  it('passes bytes unchanged, both ways', () => {
    const bytes = Uint8Array.of(1, 2, 3);
    expect(raw.encode(bytes)).toBe(bytes);
    expect(raw.decode(bytes)).toBe(bytes);
    expect(raw.decode(new Uint8Array(0))).toStrictEqual(new Uint8Array(0));
    expect(raw.codec).toBe('raw');
  });

  it('encodes undefined as no bytes', () => {
    expect(raw.encode(undefined as unknown as Uint8Array)).toStrictEqual(new Uint8Array(0));
  });

  it('accepts the bytes of another realm', () => {
    const foreign = runInNewContext('new Uint8Array([7])') as Uint8Array;
    expect(foreign instanceof Uint8Array).toBe(false);
    expect(raw.encode(foreign)).toBe(foreign);
  });

  it.each([null, 'abc', 5, [1, 2], {}, new ArrayBuffer(2), new Uint16Array(2)])('refuses %p', (value) => {
    expect(() => raw.encode(value as unknown as Uint8Array)).toThrow(CodecError);
  });
});

describe('isBytes', () => {
  it('is not deceived by a tag alone', () => {
    expect(isBytes(Buffer.of(1))).toBe(true);
    expect(isBytes({ [Symbol.toStringTag]: 'Uint8Array' })).toBe(false);
    expect(isBytes(new Uint8ClampedArray(1))).toBe(false);
  });
});

describe('shapes', () => {
  /** True only when A and B are the same type. */
  type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
  const same = <A, B>(_same: Same<A, B>): void => undefined;
  const shape = <S extends Shape>(given: S): S => given;

  it('hold only a type', () => {
    const query = shape(type<{ disk: number }>());
    expect(query).toStrictEqual({ typeOnly: true });
    same<Sent<typeof query>, { disk: number }>(true);
    same<Received<typeof query>, { disk: number }>(true);
    const text = shape(type<string | undefined>());
    same<Sent<typeof text>, string | undefined>(true);
    expect(text.typeOnly).toBe(true);
  });

  it('hold a schema, whose input is sent and whose output is received', () => {
    const since = shape(z.object({ since: z.coerce.date().default(new Date(0)), limit: z.number().transform(String) }));
    same<Received<typeof since>, { since: Date; limit: string }>(true);
    same<Sent<typeof since>['limit'], number>(true);
    same<undefined extends Sent<typeof since>['since'] ? true : false, true>(true);
    expect(since['~standard'].version).toBe(1);
  });

  it('hold a codec', () => {
    shape(raw);
    same<Sent<typeof raw>, Uint8Array>(true);
    const own = shape(msgpack<{ free: number }>());
    same<Received<typeof own>, { free: number }>(true);
    expect(own.decode(own.encode({ free: 1 })).free).toBe(1);
    const standard: PayloadCodec = msgpack();
    const text: Codec<string> = { codec: 'text', encode: (value) => Buffer.from(value), decode: String };
    same<Sent<typeof text>, string>(true);
    expect(shape(text)).toBe(text);
    expect(standard.codec).toBe('msgpack');
  });

  it('refuse other values', () => {
    // @ts-expect-error a class is no shape
    shape(Date);
    // @ts-expect-error an example of a value is no shape
    shape({ disk: 1 });
    same<Sent<{ disk: number }>, never>(true);
  });
});
