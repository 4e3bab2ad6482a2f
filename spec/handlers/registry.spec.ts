import { afterEach, describe, expect, it } from '@jest/globals';
import { map } from 'rxjs';
import {
  bind,
  ConfigurationError,
  connect,
  duplex,
  raw,
  type,
  unary,
  type HandlerInterceptor,
  type Handles,
} from '../../lib/index.js';
import { statFile } from '../../lib/files/file-client.js';
import { all, linkedPair, pair as unlinkedPair, type Pair } from '../support/linked-managers.js';

let pair: Pair;
afterEach(async () => {
  await pair.grid.close();
});
const setup = (): Handles => {
  pair = unlinkedPair();
  return pair.b;
};

const refusal = (register: () => void): string => {
  try {
    register();
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  throw new Error('It was not refused.');
};

it('a handler that is not a function is refused', () => {
  const handles = setup();
  expect(
    refusal(() => {
      handles.handle(unary({ id: 9, name: 'diskInfo' }), 3 as never);
    }),
  ).toBe('Route diskInfo: the handler must be a function that answers a call; it is 3.');
});

describe('a second handler', () => {
  const nothing = (): undefined => undefined;

  it('for one route is refused, with the remedy', () => {
    const handles = setup();
    const route = unary({ id: 9, name: 'diskInfo' });
    handles.handle(route, nothing);
    expect(
      refusal(() => {
        handles.handle(route, nothing);
      }),
    ).toBe(
      'Route diskInfo: the route diskInfo already has a handler at this address (9). Give one of them another id or subroute.',
    );
  });

  it('for one address is refused, whichever route has it', () => {
    const handles = setup();
    handles.handle(duplex({ id: 9, name: 'watch', subroute: 'disk1' }), () => []);
    const raws = { id: 9, subroute: 'disk1', kind: 'unary', handle: () => new Uint8Array(0) } as const;
    expect(
      refusal(() => {
        handles.handleRaw(raws);
      }),
    ).toBe(
      'Route handler 9/disk1: the route watch/disk1 already has a handler at this address (9/disk1). Give one of them another id or subroute.',
    );
  });

  it('of another subroute, or without one, has another address', () => {
    const handles = setup();
    const routes = [
      unary({ id: 9, name: 'a' }),
      unary({ id: 9, name: 'a', subroute: 'x' }),
      unary({ id: 9, name: 'a', subroute: 'y' }),
      unary({ name: 'a' }),
      unary({ name: 'a', subroute: 'x' }),
    ];
    for (const route of routes) expect(() => handles.handle(route, nothing)).not.toThrow();
  });
});

describe('an invalid raw handler', () => {
  const handle = (): never => {
    throw new Error('never called');
  };
  it.each<[Parameters<Handles['handleRaw']>[0], string]>([
    [{ id: 0, kind: 'unary', handle }, 'Handler 0: the id must be a whole number from 1 to 239; it is 0.'],
    [{ id: 250, kind: 'unary', handle }, 'Handler 250: the ids 240 to 255 are reserved for rxgrid. Use a lower one.'],
    [
      { id: 5, kind: 'duplex', inCapacity: -1, handle },
      'Handler 5: inCapacity must be a whole number of items from 1 to 2147483647; it is -1.',
    ],
    [
      { id: 5, kind: 'duplex', outCapacity: 0, handle },
      'Handler 5: outCapacity must be a whole number of items from 1 to 2147483647; it is 0.',
    ],
    [
      { id: 5, kind: 'unary', subroute: '', handle },
      'Handler 5: a subroute must not be empty. Leave it out, or give it a name.',
    ],
  ])('%j: says what to change', (handler, message) => {
    const handles = setup();
    expect(
      refusal(() => {
        handles.handleRaw(handler);
      }),
    ).toBe(message);
  });
});

describe('a handler', () => {
  const named = unary({ name: 'named', subroute: 'disk1', response: type<string>() });
  const subrouted = unary({ id: 9, name: 'numbered', subroute: 'disk1', response: type<string>() });

  it('is found by id, by subroute and by name, registered before the start or after it', async () => {
    const plain = unary({ id: 9, name: 'plain', response: type<string>() });
    const late = unary({ name: 'late', response: type<string>() });
    pair = await linkedPair(({ b }) => {
      b.handle(named, (_, { subroute }) => `named ${String(subroute)}`);
      b.handle(subrouted, (_, { subroute }) => `subrouted ${String(subroute)}`);
      b.handle(plain, (_, { subroute }) => `plain ${String(subroute)}`);
    });
    pair.b.handle(late, (_, { subroute }) => `late ${String(subroute)}`);
    const results = [named, subrouted, plain, late].map(async (route) => all(pair.ab.request(route, undefined)));
    expect((await Promise.all(results)).flat()).toStrictEqual([
      'named disk1',
      'subrouted disk1',
      'plain undefined',
      'late undefined',
    ]);
  });

  it('of another kind than the call is reported with its kind', async () => {
    const stream = duplex({ id: 9, name: 'x', output: type<number>() });
    const request = unary({ id: 9, name: 'x' });
    pair = await linkedPair(({ a, b }) => {
      a.handle(stream, () => [1]);
      b.handle(request, () => undefined);
    });
    await expect(all(pair.ab.stream(stream, undefined))).rejects.toThrow(
      'Handler 9 is unary: declare the route as unary at both sides.',
    );
    await expect(all(pair.ba.request(request, undefined))).rejects.toThrow(
      'Handler 9 is duplex: declare the route as duplex at both sides.',
    );
  });

  it('of a route with only a name is reported without an id', async () => {
    const [stream, request] = [duplex({ name: 'x', output: type<number>() }), unary({ name: 'x' })];
    pair = await linkedPair(({ b }) => b.handle(request, () => undefined));
    await expect(all(pair.ab.stream(stream, undefined))).rejects.toThrow(
      'Its handler is unary: declare the route as unary at both sides.',
    );
    expect(() => pair.b.handle(unary({ name: 'x' }), () => undefined)).toThrow(
      'Route x: a route of this name already has a handler. Give one of them another name or subroute.',
    );
  });

  it('of files is reported as such', async () => {
    pair = await linkedPair();
    await expect(all(statFile(pair.ab, 'a'))).rejects.toThrow(/serves no files here\. Call serveFiles\(/);
  });

  it('can be bound to its route, on a leaf that serves', async () => {
    const notify = unary({ id: 3, name: 'notify', request: type<string>(), response: type<string>() });
    const lines = duplex({ id: 4, name: 'lines', output: type<string>() });
    pair = unlinkedPair({ leaves: { authenticate: (token) => token } });
    await pair.grid.start();
    const leaf = connect('ws://b:1', {
      token: 'dashboard',
      handlers: [bind(notify, (text, { caller }) => `${text} from ${caller}`), bind(lines, () => ['a', 'b'])],
      runtime: pair.grid.time,
      dial: pair.grid.dial,
    });
    await leaf.ready();
    const toLeaf = pair.b.connection('dashboard');
    expect(await all(toLeaf.request(notify, 'hello'))).toStrictEqual(['hello from http://b:1']);
    expect(await all(toLeaf.stream(lines, undefined))).toStrictEqual(['a', 'b']);
    leaf.close();
  });
});

describe('the registration of a handler', () => {
  const get = unary({ id: 9, name: 'get', response: type<string>() });
  const slow = unary({ id: 10, name: 'slow', response: type<string>() });
  const refused = { code: 'unimplemented', sent: false };

  it('replaces it: running calls keep theirs, and its interceptors stay', async () => {
    let answer = (_: string): void => undefined;
    pair = await linkedPair();
    const intercept: HandlerInterceptor = (call, next) => next(call).pipe(map((value) => `<${String(value)}>`));
    const registration = pair.b.handle(slow, () => new Promise<string>((resolve) => (answer = resolve)), {
      intercept: [intercept],
    });
    const running = all(pair.ab.request(slow));
    await pair.grid.settle();
    registration.replace(() => 'new');
    expect(await all(pair.ab.request(slow))).toStrictEqual(['<new>']);
    answer('old');
    expect(await running).toStrictEqual(['<old>']);
    expect(
      refusal(() => {
        registration.replace('new' as never);
      }),
    ).toMatch(/^Route slow: the handler must be a function/);
    expect(await all(pair.ab.request(slow))).toStrictEqual(['<new>']);
  });

  it('removes it: running calls continue, new ones are refused, and the address is free', async () => {
    let answer = (_: string): void => undefined;
    pair = await linkedPair();
    const registration = pair.b.handle(slow, () => new Promise<string>((resolve) => (answer = resolve)));
    const running = all(pair.ab.request(slow));
    await pair.grid.settle();
    registration.remove();
    await expect(all(pair.ab.request(slow))).rejects.toMatchObject(refused);
    answer('to the end');
    expect(await running).toStrictEqual(['to the end']);
    pair.b.handle(slow, () => 'another');
    // It removes its own handler alone, however often.
    registration.remove();
    expect(await all(pair.ab.request(slow))).toStrictEqual(['another']);
    expect(
      refusal(() => {
        registration.replace(() => 'late');
      }),
    ).toBe('Route slow: its handler was removed. Register another one with handle(…).');
  });

  it('is returned for opaque bytes and for subroutes, too', async () => {
    pair = await linkedPair();
    const bytes = { ...unary({ id: 11, name: 'bytes', request: raw, response: raw }), subroute: 'x' };
    const handler = { id: 11, subroute: 'x', kind: 'unary', handle: () => Uint8Array.of(1) } as const;
    const first = pair.b.handleRaw(handler);
    const second = pair.b.handle(get, () => 'x');
    first.replace(() => Uint8Array.of(2));
    expect(await all(pair.ab.request(bytes, Uint8Array.of(0)))).toStrictEqual([Uint8Array.of(2)]);
    first.remove();
    second.remove();
    await expect(all(pair.ab.request(bytes, Uint8Array.of(0)))).rejects.toMatchObject(refused);
    await expect(all(pair.ab.request(get))).rejects.toMatchObject(refused);
    pair.b.handleRaw(handler);
    expect(await all(pair.ab.request(bytes, Uint8Array.of(0)))).toStrictEqual([Uint8Array.of(1)]);
  });
});
