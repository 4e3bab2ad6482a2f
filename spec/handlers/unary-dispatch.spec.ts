import { afterEach, describe, expect, it } from '@jest/globals';
import { BehaviorSubject, concat, EMPTY, from, ignoreElements, NEVER, Observable, of, throwError, timer } from 'rxjs';
import { z } from 'zod';
import {
  DeadlineExceededError,
  raw,
  RemoteError,
  type,
  unary,
  type GridEvent,
  type PayloadCodec,
} from '../../lib/index.js';
import { anError, gridTest } from '../../lib/testing/index.js';
import { all, hostA, linkedPair, record, type Pair } from '../support/linked-managers.js';

const get = unary({ id: 1, name: 'get', response: type<unknown>() });

let pair: Pair;
afterEach(async () => {
  await pair.grid.close();
});

const answer = async (handler: () => unknown): Promise<unknown[]> => {
  pair = await linkedPair(({ b }) => b.handle(get, handler));
  return all(pair.ab.request(get, undefined));
};

describe('the result of a unary handler', () => {
  const array = [1, [2]];
  it.each<[string, () => unknown, unknown]>([
    ['a value', () => ({ free: 1 }), { free: 1 }],
    ['a text, whole', () => 'text', 'text'],
    ['an array, whole', () => array, array],
    ['bytes, whole', () => Uint8Array.of(1, 2), Uint8Array.of(1, 2)],
    ['a Promise', async () => Promise.resolve('later'), 'later'],
    ['another thenable', () => ({ then: (resolve: (value: string) => void) => resolve('later') }), 'later'],
    ['an Observable of one', () => of('one'), 'one'],
    ['an Observable of one array', () => of(array), array],
    ['nothing', () => undefined, undefined],
    ['null', () => null, null],
    ['a Promise of null', async () => Promise.resolve(null), null],
    ['an Observable of undefined', () => of(undefined), undefined],
    ['an empty text', () => '', ''],
    ['zero', () => 0, 0],
    ['false', () => false, false],
  ])('may be %s', async (_, handler, expected) => {
    const [value] = await answer(handler);
    expect(value instanceof Uint8Array ? [...value] : value).toStrictEqual(
      expected instanceof Uint8Array ? [...expected] : expected,
    );
    expect(pair.grid.events).toStrictEqual([]);
  });

  it('is sent when its Observable completes', async () => {
    pair = await linkedPair(({ b }) => b.handle(get, () => concat(of(1), NEVER)));
    const { log, unsubscribe } = record(pair.ab.request(get, undefined));
    await pair.grid.settle();
    expect(log).toStrictEqual([]);
    unsubscribe();
  });
});

describe('a unary handler whose result breaks the contract', () => {
  const stat = unary({ id: 2, name: 'stat', response: z.object({ free: z.number() }) });
  const text = 'stat: the response does not fit its schema: free: Invalid input: expected number, received string';

  it('fails at the caller, and is reported at its own host, where it does not fit the schema', async () => {
    pair = await linkedPair(({ b }) => b.handle(stat, () => ({ free: 'much' }) as never));
    await expect(all(pair.ab.request(stat, undefined))).rejects.toStrictEqual(new RemoteError(text));
    expect(pair.grid.events).toStrictEqual([
      {
        type: 'handler-error',
        route: 'stat',
        caller: hostA,
        error: { name: 'CodecError', code: 'codec', message: text },
      },
    ]);
  });

  it('may return a value that the codec adapts', async () => {
    const dated = unary({ id: 3, name: 'dated', response: z.string() });
    const json: PayloadCodec = {
      codec: 'json',
      encode: (value) => new TextEncoder().encode(JSON.stringify(value)),
      decode: (bytes) => (bytes.length === 0 ? undefined : (JSON.parse(new TextDecoder().decode(bytes)) as unknown)),
    };
    pair = await linkedPair(({ b }) => b.handle(dated, () => new Date(0) as never), { codec: json });
    expect(await all(pair.ab.request(dated, undefined))).toStrictEqual(['1970-01-01T00:00:00.000Z']);
    expect(pair.grid.events).toStrictEqual([]);
  });

  const remedy =
    'get: a unary handler returned a generator or another iterator. Return one value, such as an array of the items, or declare the route as duplex.';
  it.each<[string, () => unknown]>([
    ['a generator', (): unknown => (function* () {})()],
    ['an async generator', (): unknown => (async function* () {})()],
    ['a Promise of one', async (): Promise<unknown> => Promise.resolve((function* () {})())],
    ['an iterator', (): unknown => new Map().values()],
    ['what is iterated asynchronously', (): unknown => ({ [Symbol.asyncIterator]: () => undefined })],
  ])('names the problem where it is %s', async (_, handler) => {
    await expect(answer(handler)).rejects.toStrictEqual(new RemoteError(remedy));
    expect(pair.grid.events).toMatchObject([{ type: 'handler-error', error: { code: 'handler', message: remedy } }]);
  });
});

describe('a unary handler that fails', () => {
  const broken = new Error('disk on fire');
  const thenThrowing = {
    get then(): never {
      throw broken;
    },
  };
  it.each<[string, () => unknown, string]>([
    [
      'throws',
      () => {
        throw broken;
      },
      'disk on fire',
    ],
    ['rejects', async () => Promise.reject(broken), 'disk on fire'],
    ['gives an Observable that fails', () => throwError(() => broken), 'disk on fire'],
    [
      'gives an Observable that fails after its item',
      () =>
        concat(
          of(1),
          throwError(() => broken),
        ),
      'disk on fire',
    ],
    ['gives a thenable that throws', () => thenThrowing, 'disk on fire'],
    [
      'gives no item',
      () => EMPTY,
      'get: a unary handler returned an Observable that completed without an item. Use defaultIfEmpty(…).',
    ],
    [
      'gives two items',
      () => of(1, 2),
      'get: a unary handler returned an Observable of two items. Use take(1), or declare the route with takeFirst, or as duplex.',
    ],
    [
      'gives a value that cannot be encoded',
      () => () => 1,
      'Cannot encode the value: function is no value that can be sent.',
    ],
  ])('%s: answers with the text, and is reported once', async (_, handler, message) => {
    const error: unknown = await answer(handler).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RemoteError);
    if (!message.startsWith('Cannot encode')) expect(error).toStrictEqual(new RemoteError(message));
    await pair.grid.settle();
    expect(pair.grid.events).toHaveLength(1);
    expect(pair.grid.events).toMatchObject([{ type: 'handler-error', route: 'get', caller: 'http://a:1' }]);
    expect(pair.grid.events[0]).toHaveProperty('error', expect.objectContaining({ message: (error as Error).message }));
  });

  it('stops an Observable at its second item, even where it emits endlessly within subscribe', async () => {
    let emitted = 0;
    const endless = from(
      (function* () {
        for (;;) {
          if (++emitted > 1_000) throw new Error('not stopped');
          yield emitted;
        }
      })(),
    );
    await expect(answer(() => endless)).rejects.toThrow('two items');
    expect(emitted).toBe(2);
  });

  it.each(['an error', 'the reason of its signal', 'an AbortError'])(
    'sends nothing after the call was cancelled, and is an event unless it is an abort: %s',
    async (kind) => {
      let reject = (_: Error): void => undefined;
      let signal: AbortSignal | undefined;
      pair = await linkedPair(({ b }) =>
        b.handle(
          get,
          async (_, call) =>
            new Promise((__, fail) => {
              ({ signal } = call);
              reject = fail;
            }),
        ),
      );
      const { log, unsubscribe } = record(pair.ab.request(get, undefined));
      await pair.grid.settle();
      unsubscribe();
      await pair.grid.settle();
      const aborted = kind === 'an AbortError' ? new DOMException('aborted', 'AbortError') : (signal!.reason as Error);
      reject(kind === 'an error' ? broken : aborted);
      await pair.grid.settle();
      expect(log).toStrictEqual([]);
      const causes = pair.grid.events.map((event) => event.type === 'handler-error' && event.error.cause);
      expect(causes).toStrictEqual(kind === 'an error' ? [broken] : []);
    },
  );

  it('is unsubscribed where the caller leaves while it subscribes', async () => {
    let stopped = 0;
    let unsubscribe = (): void => undefined;
    pair = await linkedPair(({ b }) =>
      b.handle(
        get,
        () =>
          new Observable(() => {
            unsubscribe();
            return () => stopped++;
          }),
      ),
    );
    // Over the loopback, the cancel comes in a later turn; the connection's end comes at once.
    unsubscribe = () => {
      pair.grid.cut();
    };
    const { log } = record(pair.ab.request(get, undefined));
    await pair.grid.settle();
    expect(stopped).toBe(1);
    expect(log).toMatchObject([{ code: 'disconnected' }]);
  });
});

describe('a raw unary handler', () => {
  const route = unary({ id: 40, name: 'bytes', request: raw, response: raw });
  const call = async (result: unknown): Promise<number[][]> => {
    pair = await linkedPair(({ b }) => b.handleRaw({ id: 40, kind: 'unary', handle: () => result as never }));
    return (await all(pair.ab.request(route, Uint8Array.of(1)))).map((bytes) => [...bytes]);
  };

  it.each<[string, unknown, number[]]>([
    ['bytes', Uint8Array.of(1, 2), [1, 2]],
    ['no bytes', new Uint8Array(0), []],
    ['null', null, []],
    ['undefined', undefined, []],
    ['a Promise of bytes', Promise.resolve(Uint8Array.of(3)), [3]],
  ])('may return %s', async (_, result, expected) => {
    expect(await call(result)).toStrictEqual([expected]);
  });

  it('receives the bytes and the call, and is called as a method', async () => {
    const seen: unknown[] = [];
    const handler = {
      id: 40,
      kind: 'unary' as const,
      subroute: 'disk1',
      handle(payload: Uint8Array, { caller, subroute }: { caller: string; subroute: string | undefined }): Uint8Array {
        seen.push([...payload], caller, subroute, this === handler);
        return payload;
      },
    };
    pair = await linkedPair(({ b }) => b.handleRaw(handler));
    await all(pair.ab.request(unary({ ...route, subroute: 'disk1' }), Uint8Array.of(7)));
    expect(seen).toStrictEqual([[7], 'http://a:1', 'disk1', true]);
  });

  it('says what to return where it returns anything else', async () => {
    await expect(call('text')).rejects.toThrow('Cannot encode string as raw bytes: give a Uint8Array');
    expect(pair.grid.events).toHaveLength(1);
  });
});

describe('a unary handler whose Observable does not complete', () => {
  const remedy =
    'get: the Observable of a unary handler emitted an item 1000 ms ago and has not completed, so its caller is still waiting. Use take(1), or declare the route with takeFirst: true.';
  const event: GridEvent = { type: 'handler-not-completed', route: 'get', caller: 'http://a', remedy };

  it.each<[string, () => Observable<unknown>, string, string]>([
    ['emits within subscribe', () => new BehaviorSubject(1), '1001ms e', '3s #'],
    ['emits later', () => concat(timer(500), NEVER), '1501ms e', '3s #'],
  ])('is reported once after a second where it %s', (_, handler, reported, answered) =>
    gridTest(({ link, expectObservable }) => {
      const { a, b } = link({ latency: 1 });
      b.handle(get, handler);
      expectObservable(b.events$).toBe(reported, { e: event });
      expectObservable(a.request(get, undefined, { timeout: 3_000 })).toBe(
        answered,
        undefined,
        anError(DeadlineExceededError),
      );
    }),
  );

  it.each<[string, () => Observable<unknown>]>([
    ['completes within a second', () => concat(of(1), timer(900).pipe(ignoreElements()))],
    ['emits nothing', () => NEVER],
    [
      'fails',
      () =>
        concat(
          of(1),
          throwError(() => new Error('failed')),
        ),
    ],
  ])('is not reported where it %s', (_, handler) =>
    gridTest(async ({ link, advance }) => {
      const { a, b } = link();
      const events: string[] = [];
      b.events$.subscribe(({ type }) => events.push(type));
      b.handle(get, handler);
      const call = a.request(get, undefined, { timeout: 3_000 }).subscribe({ error: () => undefined });
      await advance('5s');
      call.unsubscribe();
      expect(events.filter((type) => type !== 'handler-error')).toStrictEqual([]);
    }),
  );

  it('is not reported after its caller has cancelled', () =>
    gridTest(async ({ link, advance }) => {
      const { a, b } = link();
      const events: GridEvent[] = [];
      b.events$.subscribe((event) => events.push(event));
      b.handle(get, () => new BehaviorSubject(1));
      const call = a.request(get, undefined).subscribe();
      await advance('500ms');
      call.unsubscribe();
      await advance('5s');
      expect(events).toStrictEqual([]);
    }));

  it('answers with the first item where its route declares so, and is unsubscribed', () =>
    gridTest(async ({ link, advance }) => {
      const { a, b } = link();
      const first = unary({ id: 2, name: 'first', response: type<number>(), takeFirst: true });
      const state = new BehaviorSubject(7);
      b.handle(first, () => state);
      const items: unknown[] = [];
      a.request(first, undefined).subscribe((item) => items.push(item));
      await advance('1s');
      expect([items, state.observed]).toStrictEqual([[7], false]);
    }));
});
