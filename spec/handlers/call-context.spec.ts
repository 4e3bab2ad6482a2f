import { afterEach, describe, expect, it } from '@jest/globals';
import { lastValueFrom, map, NEVER, Observable, of, retry, toArray } from 'rxjs';
import { ConfigurationError, duplex, type, unary, type Call } from '../../lib/index.js';
import { all, hostA, hostB, linkedPair, LinkedManagers, record, type Pair } from '../support/linked-managers.js';

const inner = unary({ id: 1, name: 'inner', response: type<unknown>() });
const outer = unary({ id: 2, name: 'outer', response: type<unknown>() });
const talk = duplex({ id: 3, name: 'talk', input: type<number>(), output: type<unknown>() });

let pair: Pair;
afterEach(async () => {
  await pair.grid.close();
});

/** Serves `talk` with this handler, calls it with this input, and gives what comes. */
const answer = async (
  handler: (call: Call<number>) => Observable<unknown>,
  input: Observable<number> = of(1, 2, 3),
): Promise<unknown[]> => {
  pair = await linkedPair(({ b }) => b.handle(talk, (_, call) => handler(call)));
  const { log } = record(pair.ab.exchange(talk, undefined, input));
  await pair.grid.settle();
  return log;
};

describe('the call of a handler', () => {
  it('knows its caller, its subroute and its deadline', async () => {
    const seen: Call<never>[] = [];
    const sub = unary({ id: 2, name: 'outer', subroute: 'disk1' });
    pair = await linkedPair(({ b }) => {
      b.handle(outer, (_, call) => seen.push(call));
      b.handle(sub, (_, call) => void seen.push(call));
    });
    const now = pair.grid.time.wallNow();
    await all(pair.ab.request(outer, undefined, { timeout: 700 }));
    await all(pair.b.connection(hostB).request(sub, undefined, { timeout: Infinity }));
    expect(seen.map(({ caller, subroute, deadline }) => [caller, subroute, deadline?.getTime()])).toStrictEqual([
      [hostA, undefined, now + 700],
      [hostB, 'disk1', undefined],
    ]);
  });

  it('has a signal with the reason, also for late readers', async () => {
    let call: Call<never> | undefined;
    pair = await linkedPair(({ b }) =>
      b.handle(outer, (_, given) => {
        call = given;
        return NEVER;
      }),
    );
    const { unsubscribe } = record(pair.ab.request(outer, undefined));
    await pair.grid.settle();
    unsubscribe();
    await pair.grid.settle();
    expect(call!.signal.aborted).toBe(true);
    expect(call!.signal.reason).toMatchObject({ code: 'cancelled' });
  });

  it('has a signal that does not abort at a normal end', async () => {
    let call: Call<number> | undefined;
    await answer((given) => {
      call = given;
      given.signal.addEventListener('abort', () => undefined);
      return of(1);
    });
    expect(call!.signal.aborted).toBe(false);
  });
});

describe('the input of a call', () => {
  it('is an Observable that completes at the half-close', async () => {
    expect(await answer(({ input }) => input.pipe(map((value) => 2 * value)))).toStrictEqual([2, 4, 6, 'done']);
  });

  it('is buffered for a late consumer, within the window', async () => {
    let late: Promise<unknown> | undefined;
    await answer((call) => {
      late = new Promise((resolve) => setImmediate(resolve)).then(async () =>
        lastValueFrom(call.input.pipe(toArray())),
      );
      return NEVER;
    });
    expect(await late).toStrictEqual([1, 2, 3]);
  });

  it('can be consumed once: the second time throws, in any form, with the remedy', async () => {
    const remedy = new ConfigurationError(
      'The input of a call can be consumed once, while the call runs. Share it: call.input.pipe(share()).',
    );
    const errors: unknown[] = [];
    await answer(({ input }) => {
      input.subscribe();
      for (const again of [() => input.subscribe(), () => input.deliveries.subscribe()]) {
        try {
          again();
        } catch (error) {
          errors.push(error);
        }
      }
      void input[Symbol.asyncIterator]()
        .next()
        .catch((error: unknown) => errors.push(error));
      return NEVER;
    });
    expect(errors).toStrictEqual([remedy, remedy, remedy]);
  });

  it('does not make retry() subscribe endlessly', async () => {
    const errors: unknown[] = [];
    pair = await linkedPair(({ b }) =>
      b.handle(talk, (_, { input }) => {
        input.pipe(map(Number), retry()).subscribe({ error: (error: unknown) => errors.push(error) });
        return NEVER;
      }),
    );
    const { unsubscribe } = record(pair.ab.exchange(talk, undefined, NEVER));
    await pair.grid.settle();
    unsubscribe();
    await pair.grid.settle();
    expect(errors).toStrictEqual([expect.any(ConfigurationError)]);
  });

  it('is absent for a unary call, and empty for a route without input', async () => {
    const watch = duplex({ id: 4, name: 'watch', output: type<unknown>() });
    pair = await linkedPair(({ b }) => {
      b.handle(outer, (_, { input }) => input);
      b.handle(watch, (_, { input }) => input);
    });
    await expect(all(pair.ab.request(outer, undefined))).rejects.toThrow('A unary call has no input.');
    expect(await all(pair.ab.stream(watch, undefined))).toStrictEqual([]);
  });

  it('is released by a loop that is left: the caller can continue sending', async () => {
    pair = await linkedPair(({ b }) => {
      b.handle(talk, async function* (_, { input }) {
        for await (const value of input) {
          yield value;
          break;
        }
        yield* [7, 8];
        await new Promise(() => undefined);
      });
    });
    let pulled = 0;
    const values = function* (): Generator<number> {
      while (pulled < 200) yield ++pulled;
    };
    const { log, unsubscribe } = record(pair.ab.exchange(talk, undefined, values));
    await pair.grid.settle();
    expect([log, pulled]).toStrictEqual([[1, 7, 8], 200]);
    unsubscribe();
  });
});

describe('a nested call', () => {
  const hostC = 'http://c:1';
  let grid: LinkedManagers;
  let stopped: unknown[];

  const three = async (): Promise<void> => {
    stopped = [];
    grid = new LinkedManagers();
    const hosts = [hostA, hostB, hostC];
    const [a, b, c] = hosts.map((host) => grid.add(host, hosts));
    b!.handle(outer, (_, call) => call.connection(hostC).request(inner, undefined));
    b!.handle(talk, (_, call) => call.connection(hostC).exchange(talk, undefined, call.input));
    c!.handle(inner, (_, call) => {
      call.signal.addEventListener('abort', () => stopped.push(call.signal.reason));
      return new Observable((subscriber) => {
        subscriber.next(call.deadline?.getTime());
        return () => stopped.push('unsubscribed');
      });
    });
    c!.handle(talk, (_, { input }) => input);
    await grid.start();
    pair = { grid, a: a!, b: b!, ab: a!.connection(hostB), ba: b!.connection(hostA) };
  };

  it('inherits the deadline', async () => {
    await three();
    const { log } = record(pair.ab.request(outer, undefined, { timeout: 300 }));
    await grid.advance(302);
    await grid.advance(100);
    expect(log).toMatchObject([{ code: 'deadline-exceeded' }]);
    expect(stopped).toHaveLength(2);
    expect(stopped[0]).toMatchObject({ code: 'deadline-exceeded' });
  });

  it('is cancelled with its parent', async () => {
    await three();
    const { unsubscribe } = record(pair.ab.request(outer, undefined));
    await grid.settle();
    unsubscribe();
    await grid.settle();
    expect(stopped).toStrictEqual([expect.objectContaining({ code: 'cancelled' }), 'unsubscribed']);
  });

  it('relays streams in both directions', async () => {
    await three();
    const values = Array.from({ length: 500 }, (_, index) => index);
    expect(await all(pair.ab.exchange(talk, undefined, values))).toStrictEqual(values);
  });

  it('may name its parent in its options instead', async () => {
    await three();
    pair.b.handle(unary({ id: 9, name: 'other' }), () => undefined);
    let parent: Call<never> | undefined;
    const wrapped = unary({ id: 8, name: 'wrapped', response: type<unknown>() });
    pair.b.handle(wrapped, (_, call) => {
      parent = call;
      return pair.b.connection(hostC).request(inner, undefined, { parent: call });
    });
    const { unsubscribe } = record(pair.ab.request(wrapped, undefined, { timeout: 900 }));
    await grid.settle();
    expect(parent).toBeDefined();
    unsubscribe();
    await grid.settle();
    expect(stopped).toContain('unsubscribed');
  });
});
