import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { ConfigurationError, defaultWindow, duplex, raw, type, unary } from '../../lib/index.js';
import { describeRoute, toWindow } from '../../lib/contract/contract.js';

const refused = (make: () => unknown): string => {
  try {
    make();
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  throw new Error('It was not refused.');
};

describe('a unary contract', () => {
  it('holds what it was given, and empty shapes otherwise', () => {
    const request = z.object({ disk: z.number() });
    expect(unary({ id: 9, name: 'diskInfo', subroute: 'd1', request, response: raw, idempotent: true })).toStrictEqual({
      kind: 'unary',
      id: 9,
      name: 'diskInfo',
      subroute: 'd1',
      idempotent: true,
      request,
      response: raw,
    });
    expect(unary({ name: 'ping' })).toStrictEqual({
      kind: 'unary',
      name: 'ping',
      request: { typeOnly: true, nothing: true },
      response: { typeOnly: true, nothing: true },
    });
  });
});

describe('a duplex contract', () => {
  it('has the default windows where none are given, and no window for a missing input', () => {
    expect(duplex({ id: 22, name: 'watch', output: type<number>() })).toStrictEqual({
      kind: 'duplex',
      id: 22,
      name: 'watch',
      request: { typeOnly: true, nothing: true },
      input: undefined,
      output: { typeOnly: true },
      inWindow: undefined,
      outWindow: defaultWindow,
    });
    expect(duplex({ name: 'upload', input: raw }).inWindow).toStrictEqual(defaultWindow);
    expect(duplex({ name: 'watch', inCapacity: 0 }).inWindow).toBeUndefined();
  });

  it('turns a number into a fixed window, and a window into a growing one', () => {
    const { inWindow, outWindow } = duplex({
      name: 'x',
      input: raw,
      inCapacity: 4,
      outCapacity: { initial: 2, max: 8, maxBytes: 99 },
    });
    expect([inWindow, outWindow]).toStrictEqual([
      { initial: 4, max: 4, maxBytes: 8 << 20 },
      { initial: 2, max: 8, maxBytes: 99 },
    ]);
    expect(toWindow({ initial: 1, max: 1 }, 'x')).toStrictEqual({ initial: 1, max: 1, maxBytes: 8 << 20 });
  });
});

describe('an invalid contract', () => {
  it.each([
    [0, 'Route x: the id must be a whole number from 1 to 239; it is 0.'],
    [-1, 'Route x: the id must be a whole number from 1 to 239; it is -1.'],
    [1.5, 'Route x: the id must be a whole number from 1 to 239; it is 1.5.'],
    [256, 'Route x: the id must be a whole number from 1 to 239; it is 256.'],
    [Number.NaN, 'Route x: the id must be a whole number from 1 to 239; it is NaN.'],
    [240, 'Route x: the ids 240 to 255 are reserved for rxgrid. Use a lower one.'],
    [255, 'Route x: the ids 240 to 255 are reserved for rxgrid. Use a lower one.'],
  ])('with the id %p says so', (id, message) => {
    expect(refused(() => unary({ id, name: 'x' }))).toBe(message);
    expect(refused(() => duplex({ id, name: 'x' }))).toBe(message);
  });

  it.each([1, 239])('is not one with the id %p', (id) => {
    expect(unary({ id, name: 'x' }).id).toBe(id);
  });

  it('without a name says so', () => {
    expect(refused(() => unary({ name: '' }))).toBe('A route needs a name.');
    expect(refused(() => duplex({ id: 1, name: 5 } as never))).toBe('A route needs a name.');
  });

  it('with an empty subroute says so', () => {
    expect(refused(() => unary({ name: 'x', subroute: '' }))).toBe(
      'Route x: a subroute must not be empty. Leave it out, or give it a name.',
    );
  });

  it('with a capacity for a missing input says so', () => {
    expect(refused(() => duplex({ name: 'x', inCapacity: 4 } as never))).toBe(
      "Route x: an inCapacity needs an input. Declare the input's shape, or leave inCapacity out.",
    );
  });

  it.each<[unknown, string]>([
    [-1, ' must be a whole number of items from 1 to 2147483647; it is -1.'],
    [0, ' must be a whole number of items from 1 to 2147483647; it is 0.'],
    [1.5, ' must be a whole number of items from 1 to 2147483647; it is 1.5.'],
    [Number.NaN, ' must be a whole number of items from 1 to 2147483647; it is NaN.'],
    [2 ** 31, ' must be a whole number of items from 1 to 2147483647; it is 2147483648.'],
    ['16', ": the options must be an object; it is '16'."],
    [{ initial: 0, max: 1 }, ': initial must be a whole number of items from 1 to 2147483647; it is 0.'],
    [{ initial: 1, max: Infinity }, ': max must be a whole number of items from 1 to 2147483647; it is Infinity.'],
    [{ initial: 1, max: 1, maxBytes: 0 }, ': maxBytes must be a whole number of bytes from 1 to 2147483647; it is 0.'],
    [{ initial: 1 }, ' needs max: a whole number of items from 1 to 2147483647.'],
    [{ initial: 1, max: 1, maxByte: 1 }, ' has no option maxByte. Did you mean maxBytes?'],
  ])('with the capacity %p names the option and the value', (capacity, text) => {
    const given = capacity as number;
    expect(refused(() => duplex({ name: 'x', outCapacity: given }))).toBe(`Route x: outCapacity${text}`);
    expect(refused(() => duplex({ name: 'x', input: raw, inCapacity: given }))).toBe(`Route x: inCapacity${text}`);
  });

  it('with a misspelt option says so', () => {
    expect(refused(() => unary({ name: 'x', requst: raw } as never))).toBe(
      'Route x has no option requst. Did you mean request?',
    );
    expect(refused(() => duplex({ name: 'x', outCapcity: 2 } as never))).toBe(
      'Route x has no option outCapcity. Did you mean outCapacity?',
    );
    expect(refused(() => unary({ name: 'x', idempotent: 'yes' } as never))).toBe(
      "Route x: idempotent must be true or false; it is 'yes'.",
    );
  });

  it.each<[unknown, string]>([
    [String, 'it is a function. Write type<string>(), or leave the property out if there is no payload.'],
    [Date, 'it is a function. Write type<Date>(), or leave the property out if there is no payload.'],
    [() => ({}), 'it is a function. Write type<T>(), or leave the property out if there is no payload.'],
    [{}, 'it is an object. Write type<T>(), or leave the property out if there is no payload.'],
    [null, 'it is null. Write type<T>(), or leave the property out if there is no payload.'],
    ['string', "it is 'string'. Write type<T>(), or leave the property out if there is no payload."],
    [{ codec: 'x', encode: raw.encode }, 'it is an object. Write type<T>(), or leave the property out'],
    [{ '~standard': {} }, 'it is an object. Write type<T>(), or leave the property out'],
    [
      new Proxy(
        {},
        {
          has: () => {
            throw new Error('trap');
          },
        },
      ),
      'it is an object. Write type<T>(), or leave the property out',
    ],
  ])('with %p in place of a shape says what to write', (value, text) => {
    const must = 'must be a shape: type<T>(), raw, another codec, or a schema of zod, valibot or arktype; ';
    for (const property of ['request', 'response']) {
      const message = refused(() => unary({ name: 'x', [property]: value }));
      expect(message).toContain(`Route x: ${property} ${must}${text}`);
    }
    for (const property of ['request', 'input', 'output']) {
      const message = refused(() => duplex({ name: 'x', [property]: value }));
      expect(message).toContain(`Route x: ${property} ${must}${text}`);
    }
  });

  it('with a window whose maximum is below its start says so', () => {
    expect(refused(() => duplex({ name: 'x', outCapacity: { initial: 4, max: 2 } }))).toBe(
      'Route x: outCapacity: max 2 is below initial 4. Raise max.',
    );
  });
});

describe('a contract spread from another one', () => {
  const upload = duplex({ id: 7, name: 'upload', input: raw, output: raw, inCapacity: 4, outCapacity: 5 });

  it('keeps what it does not replace', () => {
    expect(duplex({ ...upload })).toStrictEqual(upload);
    expect(duplex({ ...upload, id: 8, name: 'other' })).toStrictEqual({ ...upload, id: 8, name: 'other' });
    const get = unary({ id: 9, name: 'get', request: raw, takeFirst: true });
    expect(unary({ ...get, subroute: 's' })).toStrictEqual({ ...get, subroute: 's' });
  });

  it('accepts a capacity in place of the window', () => {
    const wider = duplex({ ...upload, outCapacity: 9 });
    expect([wider.inWindow, wider.outWindow]).toStrictEqual([upload.inWindow, toWindow(9, 'x')]);
  });

  it('keeps the default windows as such, so that an assumed capacity is still reported', () => {
    const { inWindow, outWindow } = duplex({ ...duplex({ name: 'x', input: raw }), name: 'y' });
    expect([inWindow === defaultWindow, outWindow === defaultWindow]).toStrictEqual([true, true]);
  });

  it('loses its window with its input, and has the default one where it gains an input', () => {
    expect(duplex({ ...upload, input: undefined } as never).inWindow).toBeUndefined();
    const watch = duplex({ name: 'watch', output: raw });
    expect(duplex({ ...watch, input: raw }).inWindow).toBe(defaultWindow);
  });

  it('with an invalid window says so', () => {
    expect(refused(() => duplex({ ...upload, outWindow: { initial: 0, max: 1 } } as never))).toBe(
      'Route upload: outCapacity: initial must be a whole number of items from 1 to 2147483647; it is 0.',
    );
  });
});

it('a route is named by its name and its subroute', () => {
  expect([describeRoute({ name: 'a' }), describeRoute({ name: 'a', subroute: 'b' })]).toStrictEqual(['a', 'a/b']);
});
