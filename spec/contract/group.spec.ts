import { describe, expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import {
  at,
  bindAll,
  ConfigurationError,
  duplex,
  group,
  RefusedError,
  type,
  unary,
  type HandlersOf,
} from '../../lib/index.js';
import { all, PairOfEachTest } from '../support/linked-managers.js';

const store = group('store', {
  put: unary({ request: type<string>(), response: type<string>() }),
  size: unary({ id: 9, name: 'size', response: type<number>() }),
  watch: duplex({ request: type<number>(), output: type<number>() }),
  sum: duplex({ request: type<number>(), input: type<number>(), output: type<number>() }),
});
const handlers: HandlersOf<typeof store.routes> = {
  put: (value, { subroute }) => `${value} at ${subroute ?? 'the top'}`,
  size: () => 3,
  watch: (count) => Array.from({ length: count }, (_, index) => index),
  sum: async function* (start, { input }) {
    let total = start;
    for await (const item of input) yield (total += item);
  },
};

describe('group', () => {
  it('names routes without a name after itself and their key', () => {
    expect(Object.values(store.routes).map(({ name, id }) => [name, id])).toStrictEqual([
      ['store.put', undefined],
      ['size', 9],
      ['store.watch', undefined],
      ['store.sum', undefined],
    ]);
  });

  it.each([
    ['an id', { one: unary({ id: 5, name: 'a' }), two: unary({ id: 5, name: 'b' }) }],
    ['a name', { one: unary({ name: 'a' }), two: duplex({ name: 'a', output: type<number>() }) }],
    [
      'a subroute of an id',
      { one: unary({ id: 5, name: 'a', subroute: 'x' }), two: unary({ id: 5, name: 'b', subroute: 'x' }) },
    ],
    ['a path', { one: unary({ name: 'a', subroute: 'x' }), two: unary({ name: 'a/x' }) }],
  ])('refuses two routes with the same address: %s', (_, routes) => {
    expect(() => group('twice', routes)).toThrow(ConfigurationError);
    expect(() => group('twice', routes)).toThrow('one and two have the same address');
  });

  it('accepts routes that are merely similar', () => {
    const routes = {
      id: unary({ id: 5, name: 'a' }),
      name: unary({ name: '5' }),
      subroute: unary({ id: 5, name: 'b', subroute: 'x' }),
      path: unary({ name: '5/x' }),
    };
    expect(Object.keys(group('alike', routes).routes)).toStrictEqual(['id', 'name', 'subroute', 'path']);
  });

  it.each([
    ['an empty name', '', {}],
    ['a name that is no text', 5, {}],
    ['an empty key', 'x', { '': unary({ name: 'a' }) }],
  ])('refuses %s', (_, name, routes) => {
    expect(() => group(name as string, routes)).toThrow(ConfigurationError);
  });
});

describe('at', () => {
  it('returns the same object for the same subroute, of a route and of a group', () => {
    const disk = at(store.routes.put, 'disk1');
    expect(disk).toMatchObject({ name: 'store.put', subroute: 'disk1' });
    expect(at(store.routes.put, 'disk1')).toBe(disk);
    expect(at(store, 'disk1').routes.put).toBe(disk);
    expect(at(store.routes.put, 'disk2')).not.toBe(disk);
  });

  it('keeps 1 024 subroutes of a route: the most recently used', () => {
    const route = unary({ name: 'many' });
    const [first, second] = [at(route, '0'), at(route, '1')];
    for (let index = 2; index < 1_024; index++) at(route, String(index));
    expect(at(route, '0')).toBe(first);
    at(route, 'one more');
    expect(at(route, '0')).toBe(first);
    expect(at(route, '1')).not.toBe(second);
  });

  it('refuses an invalid subroute', () => {
    expect(() => at(store.routes.put, '')).toThrow('a subroute must be a text');
    expect(() => at(store.routes.put, 5 as never)).toThrow(ConfigurationError);
    expect(() => at(at(store, 'disk1'), 'disk2')).toThrow('has a subroute already');
    expect(() => at(unary({ request: type<string>() }), 'disk1')).toThrow('Take it from its group');
  });
});

describe('bindAll', () => {
  it('refuses a missing handler, and one without a route', () => {
    expect(() => bindAll(store, { ...handlers, size: undefined } as never)).toThrow('the handler of size is missing');
    expect(() => bindAll(store, { ...handlers, more: () => 1 } as never)).toThrow('has no route more');
  });

  it('accepts an instance of a class that has fields of its own, and one whose handlers are fields', () => {
    class Counter {
      total = 4;
      readonly peek = (): number => this.total;
      next(): number {
        return ++this.total;
      }
    }
    const counter = group('counter', {
      next: unary({ response: type<number>() }),
      peek: unary({ response: type<number>() }),
    });
    expect(bindAll(counter, new Counter()).map(({ route }) => route.name)).toStrictEqual([
      'counter.next',
      'counter.peek',
    ]);
  });
});

describe('handleAll and api', () => {
  const pair = new PairOfEachTest();

  it('accept the result of bindAll: a handler keeps its object', async () => {
    class Counter {
      #count = 4;
      next(): number {
        return ++this.#count;
      }
    }
    const counter = group('counter', { next: unary({ response: type<number>() }) });
    const bound = bindAll(counter, new Counter());
    expect(bound.map(({ route }) => route)).toStrictEqual([counter.routes.next]);
    await pair.link(({ b }) => {
      b.handle(counter.routes.next, bound[0]!.handler as never);
    });
    expect(await firstValueFrom(pair.ab.api(counter).next())).toBe(5);
  });

  it('serve and call every kind of route', async () => {
    await pair.link(({ b }) => b.handleAll(store, handlers));
    const api = pair.ab.api(store);
    expect(Object.keys(api)).toStrictEqual(['put', 'size', 'watch', 'sum']);
    expect(await firstValueFrom(api.put('x'))).toBe('x at the top');
    expect(await firstValueFrom(api.put(() => 'y', { timeout: 500 }))).toBe('y at the top');
    expect(await firstValueFrom(api.size())).toBe(3);
    expect(await all(api.watch(3))).toStrictEqual([0, 1, 2]);
    expect(await all(api.sum(10, [1, 2]))).toStrictEqual([11, 13]);
  });

  it('work at a subroute, of the group and of one route', async () => {
    await pair.link(({ b }) => b.handleAll(at(store, 'disk1'), handlers));
    expect(await firstValueFrom(pair.ab.at(store, 'disk1').put('x'))).toBe('x at disk1');
    expect(await firstValueFrom(pair.ab.at(store.routes.put, 'disk1')('x'))).toBe('x at disk1');
    await expect(firstValueFrom(pair.ab.api(store).put('x'))).rejects.toBeInstanceOf(RefusedError);
  });

  it('register all handlers or none', async () => {
    await pair.link();
    const own = pair.b.handle(store.routes.watch, () => [7]);
    expect(() => pair.b.handleAll(store, handlers)).toThrow('already has a handler');
    expect(() => pair.b.handleAll(store, { ...handlers, sum: undefined } as never)).toThrow('is missing');
    const api = pair.ab.api(store);
    await expect(firstValueFrom(api.put('x'))).rejects.toBeInstanceOf(RefusedError);
    expect(await all(api.watch(1))).toStrictEqual([7]);
    own.remove();
    pair.b.handleAll(store, handlers);
    expect(await all(api.watch(1))).toStrictEqual([0]);
  });

  it('replace and remove all handlers', async () => {
    await pair.link();
    const registration = pair.b.handleAll(store, handlers);
    const api = pair.ab.api(store);
    expect(() => {
      registration.replace({ ...handlers, sum: undefined } as never);
    }).toThrow('is missing');
    expect(await firstValueFrom(api.size())).toBe(3);
    registration.replace({ ...handlers, size: () => 4 });
    expect(await firstValueFrom(api.size())).toBe(4);
    registration.remove();
    await expect(firstValueFrom(api.size())).rejects.toBeInstanceOf(RefusedError);
    await expect(firstValueFrom(api.put('x'))).rejects.toBeInstanceOf(RefusedError);
  });
});
