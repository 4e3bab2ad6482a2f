import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { CodecError, duplex, msgpack, raw, type, unary, type Codec } from '../../lib/index.js';
import { lend } from '../../lib/lent.js';
import { rawWireRoute, toAddress, toWireRoute, WireRoutes, type WireRoute } from '../../lib/contract/wire-route.js';
import { subrouteId } from '../../lib/wire/subroute.js';

const text: Codec<string> = {
  codec: 'text',
  encode: (value) => new TextEncoder().encode(value),
  decode: (bytes) => new TextDecoder().decode(bytes),
};
const codec = msgpack();
const wire = (route: Parameters<WireRoutes['of']>[0]): WireRoute => new WireRoutes(codec).of(route);

describe('the address of a route', () => {
  const addressOf = (route: WireRoute): unknown => {
    const { handler, subroute } = toAddress(route);
    return subroute === undefined ? handler : [handler, subroute];
  };

  it.each([
    ['its id', { id: 9, name: 'x' }, 9],
    ['its id and subroute', { id: 9, name: 'x', subroute: 'disk1' }, [9, subrouteId(9, 'disk1')]],
    ['its name under id 255 where it has no id', { name: 'x' }, [255, subrouteId(255, 'x')]],
    ['name and subroute where it has no id', { name: 'x', subroute: 'disk1' }, [255, subrouteId(255, 'x/disk1')]],
  ])('is %s', (_, base, expected) => {
    expect(addressOf(wire(unary(base)))).toStrictEqual(expected);
    expect(addressOf(wire(duplex(base)))).toStrictEqual(expected);
  });

  it('of a raw route is its id and subroute', () => {
    expect(addressOf(rawWireRoute('unary', 7, undefined, undefined, undefined))).toBe(7);
    expect(addressOf(rawWireRoute('unary', 7, 's', undefined, undefined))).toStrictEqual([7, subrouteId(7, 's')]);
  });
});

describe('the wire form of a route', () => {
  it('is created once per contract', () => {
    const routes = new WireRoutes(codec);
    const route = unary({ name: 'x' });
    expect(routes.of(route)).toBe(routes.of(route));
    expect(routes.of(unary({ name: 'x' }))).not.toBe(routes.of(route));
  });

  it('names the route, and its subroute as the contract has it', () => {
    const { name, subroute, path } = wire(unary({ name: 'x', subroute: 's' }));
    expect([name, subroute, path]).toStrictEqual(['x/s', 's', 'x/s']);
    expect(wire(unary({ name: 'x' })).subroute).toBeUndefined();
    expect(rawWireRoute('unary', 7, 's', undefined, undefined).name).toBe('handler 7/s');
    expect(rawWireRoute('unary', 7, undefined, undefined, undefined).name).toBe('handler 7');
  });

  it('has the codec of each shape: its own, or the one of the manager', () => {
    const { request, input, output } = wire(duplex({ name: 'x', request: text, input: raw, output: type<number>() }));
    expect([request.codec, input, output]).toStrictEqual(['text', raw, codec]);
    expect(request.decode(request.encode('a'))).toBe('a');
    expect(wire(duplex({ name: 'x' })).input).toBeUndefined();
  });

  it('copies a lent payload for a codec that does not promise to retain nothing, and for no other', () => {
    const views: Codec<Uint8Array> = { codec: 'views', encode: (value) => value, decode: (bytes) => bytes };
    const decode = (shape: Codec<Uint8Array>): Uint8Array => {
      const { request } = wire(unary({ name: 'x', request: shape }));
      let decoded: unknown;
      lend(Uint8Array.of(1, 2, 3), (bytes) => {
        decoded = request.decode(bytes);
      });
      return decoded as Uint8Array;
    };
    // The memory of a lent message is overwritten (poison-lent).
    expect(decode(views)).toStrictEqual(Uint8Array.of(1, 2, 3));
    expect(decode(raw)).toStrictEqual(Uint8Array.of(1, 2, 3));
    expect(decode({ ...views, inPlace: true })).toStrictEqual(Uint8Array.of(0xdb, 0xdb, 0xdb));
  });

  it('is idempotent only where the contract says so', () => {
    expect(wire(unary({ name: 'x' })).idempotent).toBe(false);
    expect(wire(unary({ name: 'x', idempotent: true })).idempotent).toBe(true);
  });
});

describe('a schema', () => {
  const since = z.object({ since: z.coerce.number().min(0).default(7) });
  const { request } = toWireRoute(unary({ name: 'watch', request: since }), codec);
  const decoded = (value: unknown): unknown => request.decode(codec.encode(value));

  it('gives the receiver its output for the input of the sender', () => {
    expect(codec.decode(request.encode({ since: '5' }))).toStrictEqual({ since: '5' });
    expect([decoded({ since: '5' }), decoded({})]).toStrictEqual([{ since: 5 }, { since: 7 }]);
  });

  it('says where and why a value does not fit', () => {
    expect(() => decoded({ since: -1 })).toThrow(CodecError);
    expect(() => decoded({ since: -1 })).toThrow(/^watch: the request does not fit its schema: since: .*>=0/);
    expect(() => decoded(undefined)).toThrow(
      /^watch: the request does not fit its schema: Invalid input: expected object, received undefined$/,
    );
  });

  it('names every place that does not fit', () => {
    const disks = z.object({ disks: z.array(z.object({ id: z.number() })), name: z.string() });
    const list = duplex({ name: 'x', output: disks });
    const { output } = wire(list);
    expect(() => output.decode(codec.encode({ disks: [{ id: 1 }, { id: 'two' }] }))).toThrow(
      /^x: the output does not fit its schema: disks\.1\.id: .*; name: .*$/,
    );
  });

  it.each([
    ['a Promise', async (value: unknown) => ({ value })],
    ['a Promise of another make', () => ({ then: () => undefined })],
  ])('that gives %s is a TypeError that names the place', (_, validate) => {
    const schema = { '~standard': { version: 1, vendor: 'test', validate } } as never;
    const { output } = toWireRoute(unary({ name: 'x', response: schema }), codec);
    expect(() => output.decode(codec.encode(1))).toThrow(
      new TypeError('x: the response has a schema that validates asynchronously. Use a synchronous one.'),
    );
  });

  it('that validates asynchronously only when necessary is recognized by its result', () => {
    const even = z.number().refine(async (value) => Promise.resolve(value % 2 === 0));
    const { input } = wire(duplex({ name: 'x', input: even }));
    expect(() => input!.decode(codec.encode(2))).toThrow(TypeError);
  });
});

describe('user code that encodes or validates', () => {
  it.each([5, null, new DataView(new ArrayBuffer(4)), new Float64Array(2), Promise.resolve(new Uint8Array(1))])(
    'a codec that makes %p of a value: the call fails, and no broken frame is sent',
    (made) => {
      const broken: Codec<unknown> = { codec: 'broken', encode: () => made as never, decode: () => undefined };
      const { request } = wire(unary({ name: 'x', request: broken }));
      expect(() => request.encode(1)).toThrow(new RegExp('The codec broken must return a Uint8Array from encode'));
    },
  );

  it('a schema that validates asynchronously may reject without an unhandled rejection', async () => {
    const received: unknown[] = [];
    const schema = {
      '~standard': {
        version: 1,
        vendor: 'x',
        validate: () => ({ then: (...listeners: unknown[]) => received.push(...listeners) }),
      },
    };
    const { request } = wire(unary({ name: 'x', request: schema as never }));
    expect(() => request.decode(codec.encode(1))).toThrow('validates asynchronously');
    await Promise.resolve();
    expect(received).toStrictEqual([expect.any(Function), expect.any(Function)]);
  });
});
