import { afterEach, describe, expect, it } from '@jest/globals';
import { NEVER, of } from 'rxjs';
import { duplex, RemoteError, type, unary } from '../../lib/index.js';
import { all, linkedPair, type Pair } from '../support/linked-managers.js';

const get = unary({ id: 1, name: 'get', response: type<unknown>() });
const list = duplex({ id: 2, name: 'list', output: type<unknown>() });

const boom = (): never => {
  throw new Error('boom');
};
const withGetter = (target: object, ...names: string[]): object => {
  for (const name of names) Object.defineProperty(target, name, { get: boom });
  return target;
};
/** An object whose `then` is a function when it is first read, and throws after that. */
const changing = (): object => {
  let reads = 0;
  return Object.defineProperty({}, 'then', { get: () => (reads++ === 0 ? () => undefined : boom()) });
};

// Each of these is an object that code of a user's, or of a library of theirs, may return. None may leave the caller
// waiting.
const results: [string, () => unknown][] = [
  ['a then that cannot be read', () => withGetter({}, 'then')],
  ['a then that can be read once', changing],
  ['a then that throws', () => ({ then: boom })],
  ['the then of a Promise, which throws', () => Object.assign(Promise.resolve(1), { then: boom })],
  ['the constructor of a Promise, which cannot be read', () => withGetter(Promise.resolve(1), 'constructor')],
  ['a Promise of what cannot be read', async () => Promise.resolve(new Proxy({ a: 1 }, { ownKeys: boom, get: boom }))],
  ['a Proxy whose every access throws', () => new Proxy({}, { get: boom, has: boom, ownKeys: boom })],
  ['a lift that cannot be read', () => withGetter({ subscribe: boom }, 'lift')],
  ['a subscribe that cannot be read', () => withGetter({ lift: () => NEVER }, 'subscribe')],
  ['the methods of an Observable, which throw', () => ({ lift: boom, subscribe: boom, pipe: boom })],
  ['the methods of an Observable without pipe', () => ({ lift: boom, subscribe: boom })],
  ['a pipe that cannot be read', () => withGetter({ lift: boom, subscribe: boom }, 'pipe')],
];

let pair: Pair;
afterEach(async () => {
  await pair.grid.close();
});

describe.each(results)('a result with %s', (_, result) => {
  it('fails the call at once', async () => {
    pair = await linkedPair(({ b }) => {
      b.handle(get, result);
      b.handle(list, result as never);
    });
    await expect(all(pair.ab.request(get, undefined))).rejects.toBeInstanceOf(RemoteError);
    await expect(all(pair.ab.stream(list, undefined, { timeout: 60_000 }))).rejects.toBeInstanceOf(RemoteError);
    // Time is virtual and stands still: a call that waited for its deadline would not have ended.
    expect(pair.grid.events.map(({ type }) => type)).toStrictEqual(['handler-error', 'handler-error']);
  });
});

it('an Observable is subscribed to, whatever its pipe does', async () => {
  pair = await linkedPair(({ b }) => b.handle(get, () => Object.assign(of(1), { pipe: () => NEVER })));
  expect(await all(pair.ab.request(get, undefined))).toStrictEqual([1]);
});
