import { describe, expect, it } from '@jest/globals';
import { finalize, interval, map, NEVER, Observable, of, take, throwError, type MonoTypeOperatorFunction } from 'rxjs';
import { consume, duplex, fromIterable, raw, sendTo, type, unary, type Codec } from '../lib/index.js';
import type { GridError } from '../lib/errors.js';
import type { GridEvent } from '../lib/observe.js';
import { PairOfEachTest, record, turn } from './support/linked-managers.js';
import { collectUnhandled, reported } from './support/unhandled.js';

/*
 * User code that throws, beside calls that must not notice: in the same message, with the same deadline, on the same
 * connection when it is lost or closed.
 */

const echo = unary({ id: 1, name: 'echo', request: type<unknown>(), response: type<unknown>() });
const items = duplex({ id: 2, name: 'items', request: type<string>(), output: type<unknown>() });
const talk = duplex({ id: 3, name: 'talk', input: type<unknown>(), output: type<unknown>() });
const slow = unary({ id: 4, name: 'slow' });
const unread = duplex({ id: 5, name: 'unread', input: raw, output: type<unknown>() });

const boom = new Error('boom');
const throwBoom = (): never => {
  throw boom;
};
const explosive = <T>(): MonoTypeOperatorFunction<T> => finalize(throwBoom);
const ignoreError = { error: () => undefined };

const unhandled = collectUnhandled();
const pair = new PairOfEachTest();

const errorsOf = (events: readonly GridEvent[]): unknown[] =>
  events.map((event) => (event.type === 'handler-error' ? [event.route, event.caller, event.error.cause] : event));

/** A call of each kind, sent in the turn in which it is called: what they gave, later. */
function neighbours(): { readonly results: () => unknown[] } {
  const logs = [
    record(pair.ab.request(echo, 'alive')),
    record(pair.ab.stream(items, 'three')),
    record(pair.ab.exchange(talk, undefined, of(1, 2))),
  ].map(({ log }) => log);
  return { results: () => logs };
}
const unharmed = [
  ['alive', 'done'],
  [1, 2, 3, 'done'],
  [1, 2, 'done'],
];

/** Everything that a handler may give. */
const handlers: Record<string, () => unknown> = {
  three: () => [1, 2, 3],
  never: () => NEVER,
  'a finalizer': () => NEVER.pipe(explosive()),
  'a teardown': () => new Observable(() => throwBoom),
  'a finalizer behind operators': () =>
    interval(1_000).pipe(
      explosive(),
      map((n) => n),
      take(1_000),
    ),
  'a generator’s finally': function* () {
    try {
      for (;;) yield 1;
    } finally {
      throwBoom();
    }
  },
  'an async generator’s finally': async function* () {
    try {
      for (;;) {
        yield 1;
        await turn();
      }
    } finally {
      throwBoom();
    }
  },
  'a return that throws': () => ({
    [Symbol.asyncIterator]: () => ({ next: async () => new Promise(() => undefined), return: throwBoom }),
  }),
  'a return that rejects': () => ({
    [Symbol.asyncIterator]: () => ({
      next: async () => new Promise(() => undefined),
      return: async () => Promise.reject(boom),
    }),
  }),
};

const link = async (): Promise<void> =>
  pair.link(({ b }) => {
    b.handle(echo, (value) => value);
    b.handle(items, (kind) => handlers[kind]!() as never);
    b.handle(talk, (_, call) => call.input);
    b.handle(slow, () => NEVER);
    b.handle(unread, () => NEVER);
  });

describe('an error that a handler throws when its call is cancelled', () => {
  it.each(Object.keys(handlers).filter((kind) => kind !== 'three' && kind !== 'never'))(
    'affects no other frame of the message, and is an event: %s',
    async (kind) => {
      await link();
      // The first item is kept: an endless generator then waits for credit.
      const { unsubscribe } = record(pair.ab.stream(items, kind).pipe(consume(() => NEVER)));
      await pair.grid.settle();
      unsubscribe();
      const { results } = neighbours();
      await pair.grid.settle();
      expect(results()).toStrictEqual(unharmed);
      expect(errorsOf(pair.grid.events)).toStrictEqual([['items', 'http://a:1', boom]]);
      await reported();
      expect(unhandled).toStrictEqual([]);
    },
  );

  it('is an event where its Promise rejects late, unless it is the reason of its signal', async () => {
    let reject = (_: unknown): void => undefined;
    await pair.link(({ b }) => {
      b.handle(items, async (kind, call) => {
        if (kind === 'throws') await new Promise((_, fail) => (reject = fail));
        await new Promise((_, fail) => {
          call.signal.addEventListener('abort', () => {
            fail(kind === 'reason' ? (call.signal.reason as Error) : new DOMException('aborted', 'AbortError'));
          });
        });
        return [];
      });
    });
    for (const kind of ['throws', 'reason', 'AbortError']) {
      const { unsubscribe } = record(pair.ab.stream(items, kind));
      await pair.grid.settle();
      unsubscribe();
      await pair.grid.settle();
    }
    reject(boom);
    await pair.grid.settle();
    expect(errorsOf(pair.grid.events)).toStrictEqual([['items', 'http://a:1', boom]]);
  });

  it('keeps neither its signal nor its input from ending', async () => {
    const log: unknown[] = [];
    await pair.link(({ b }) => {
      b.handle(talk, (_, call) => {
        call.input.pipe(explosive()).subscribe({ error: (error: unknown) => log.push((error as GridError).code) });
        call.signal.addEventListener('abort', () => log.push('abort'));
        return NEVER.pipe(explosive());
      });
    });
    const { unsubscribe } = record(pair.ab.exchange(talk, undefined, NEVER));
    await pair.grid.settle();
    unsubscribe();
    await pair.grid.settle();
    expect(log.sort()).toStrictEqual(['abort', 'cancelled']);
    expect(errorsOf(pair.grid.events)).toStrictEqual([
      ['talk', 'http://a:1', boom],
      ['talk', 'http://a:1', boom],
    ]);
  });
});

describe('the result of a handler', () => {
  const unreadable = (key: PropertyKey): object =>
    Object.defineProperty({}, key, {
      get: throwBoom,
    });
  it.each<[string, () => unknown, string]>([
    ['an object whose then throws', () => unreadable('then'), 'boom'],
    ['an object whose Symbol.iterator throws', () => unreadable(Symbol.iterator), 'boom'],
    ['an iterable without an iterator', () => ({ [Symbol.iterator]: throwBoom }), 'boom'],
    ['an object that looks like an Observable and cannot be read', () => unreadable('lift'), 'boom'],
    ['a Proxy that throws', () => new Proxy({}, { get: throwBoom, has: throwBoom, getPrototypeOf: throwBoom }), 'boom'],
    [
      'an iterator whose next gives no object',
      () => ({ [Symbol.iterator]: () => ({ next: () => 5 }) }),
      'must return an object',
    ],
    [
      'an async iterator whose next gives no object',
      () => ({ [Symbol.asyncIterator]: () => ({ next: async () => Promise.resolve() }) }),
      'must return an object',
    ],
    [
      'an async iterator whose result cannot be read',
      () => ({ [Symbol.asyncIterator]: () => ({ next: async () => Promise.resolve(unreadable('done')) }) }),
      'boom',
    ],
    [
      'an error whose message cannot be read',
      () => {
        throw unreadable('message') as Error;
      },
      'an error whose message cannot be read',
    ],
    [
      'something that is no Error, with a message',
      () => {
        throw { message: 'disk full' } as Error;
      },
      'disk full',
    ],
  ])('fails its own call, where it is %s', async (_, give, text) => {
    await pair.link(({ b }) => {
      b.handle(items, give as never);
      b.handle(echo, (value) => value);
      b.handle(slow, give as never);
    });
    const { log } = record(pair.ab.stream(items, ''));
    const { log: unaryLog } = record(pair.ab.request(slow, undefined));
    const alive = record(pair.ab.request(echo, 1)).log;
    await pair.grid.settle();
    expect(log).toMatchObject([{ code: 'internal', message: expect.stringContaining(text) }]);
    // For a unary call some of these are values.
    expect(unaryLog.length).toBeGreaterThan(0);
    expect(alive).toStrictEqual([1, 'done']);
    await reported();
    expect(unhandled).toStrictEqual([]);
  });

  it('is reported where its finalizer throws although it has completed', async () => {
    await pair.link(({ b }) => {
      b.handle(items, (kind) => (kind === 'at once' ? of(1) : pair.grid.timer(5)).pipe(map(String), explosive()));
      b.handle(echo, () => pair.grid.timer(5).pipe(explosive()));
    });
    const logs = [
      record(pair.ab.stream(items, 'at once')).log,
      record(pair.ab.stream(items, 'later')).log,
      record(pair.ab.request(echo, 0)).log,
    ];
    await pair.grid.advance(5);
    expect(logs).toStrictEqual([
      ['1', 'done'],
      ['0', 'done'],
      [0, 'done'],
    ]);
    expect(errorsOf(pair.grid.events)).toStrictEqual([
      ['items', 'http://a:1', boom],
      ['items', 'http://a:1', boom],
      ['echo', 'http://a:1', boom],
    ]);
  });

  it('may not be encoded by a codec that returns no bytes', async () => {
    const broken = { codec: 'broken', encode: () => undefined, decode: () => undefined } as unknown as Codec<unknown>;
    const wrong = unary({ id: 9, name: 'wrong', response: broken });
    await pair.link(({ b }) => b.handle(wrong, async () => Promise.resolve(1)));
    const { log } = record(pair.ab.request(wrong, undefined));
    await pair.grid.settle();
    expect(log).toMatchObject([{ code: 'internal' }]);
    expect(pair.grid.events).toMatchObject([{ type: 'handler-error', route: 'wrong' }]);
  });
});

describe('an error thrown in the code of a caller', () => {
  /** Ways for a stream of one item, and for a response, to end in a throw. */
  const callers: [string, () => void][] = [
    ['a finalizer of a stream', () => void pair.ab.stream(items, 'three').pipe(explosive()).subscribe()],
    ['a finalizer of a response', () => void pair.ab.request(echo, 1).pipe(explosive()).subscribe()],
    [
      'a finalizer of deliveries',
      () =>
        void pair.ab
          .stream(items, 'three')
          .deliveries.pipe(explosive())
          .subscribe((delivery) => delivery.release()),
    ],
    ['next', () => void pair.ab.request(echo, 1).subscribe(throwBoom)],
    ['complete', () => void pair.ab.stream(items, 'three').subscribe({ complete: throwBoom })],
    [
      'a finalizer of a stream that fails',
      () => void pair.ab.stream(items, 'unknown').pipe(explosive()).subscribe(ignoreError),
    ],
    [
      'a finalizer of an input whose handler ends first',
      () =>
        void pair.ab
          .exchange(talk, undefined, throwError(() => new Error('the input')).pipe(explosive()))
          .subscribe(ignoreError),
    ],
    [
      'a generator’s finally, as an input that is given up',
      () => {
        const chunks = function* (): Generator<Uint8Array> {
          try {
            for (;;) yield new Uint8Array(1);
          } finally {
            throwBoom();
          }
        };
        const { unsubscribe } = record(pair.ab.exchange(unread, undefined, chunks));
        setTimeout(unsubscribe);
      },
    ],
    [
      'a finalizer behind sendTo',
      () => {
        const stream = pair.ab.open(talk, undefined);
        stream.ignoreOutput();
        void fromIterable([1]).pipe(sendTo(stream), explosive()).subscribe();
      },
    ],
    [
      'a finalizer of credit$',
      () => {
        const stream = pair.ab.open(talk, undefined);
        stream.credit$.pipe(explosive()).subscribe();
        stream.ignoreOutput();
        stream.complete();
      },
    ],
  ];

  it.each(callers)('affects no other frame of the message, and is reported as unhandled: %s', async (_, call) => {
    await link();
    call();
    const { results } = neighbours();
    await reported();
    // A failure within subscribe is told on a macrotask.
    await pair.grid.advance(1);
    expect(results()).toStrictEqual(unharmed);
    await reported();
    expect(unhandled).toStrictEqual([boom]);
    expect((await stats()).openOut).toBe(0);
  });

  const stats = async (): Promise<{ openOut: number; openIn: number }> => {
    const [figures] = record(pair.ab.stats$.pipe(take(1))).log as [{ openOut: number; openIn: number }];
    await pair.grid.settle();
    return figures;
  };

  /** Calls of all kinds, of which the first one throws when it ends. */
  const crowd = (options: { timeout?: number } = {}): unknown[] => {
    const codes: unknown[] = [];
    const observer = { error: (error: unknown) => codes.push((error as GridError).code) };
    pair.ab.request(slow, undefined, options).pipe(explosive()).subscribe(observer);
    pair.ab.stream(items, 'never', options).pipe(explosive()).subscribe(observer);
    for (let count = 0; count < 3; count++) {
      pair.ab.request(slow, undefined, options).subscribe(observer);
      pair.ab.stream(items, 'never', options).subscribe(observer);
      pair.ab.exchange(talk, undefined, NEVER, options).subscribe(observer);
    }
    return codes;
  };

  it('does not prevent the deadline of another call', async () => {
    await link();
    const codes = crowd({ timeout: 100 });
    await pair.grid.advance(101, 1);
    expect(codes).toStrictEqual(new Array(11).fill('deadline-exceeded'));
    await reported();
    expect(unhandled).toStrictEqual([boom, boom]);
  });

  it('prevents neither the failure of other calls with the connection, nor its recovery', async () => {
    await link();
    const codes = crowd();
    await pair.grid.settle();
    pair.grid.cut();
    await pair.grid.settle();
    expect(codes).toStrictEqual(new Array(11).fill('disconnected'));
    await pair.grid.advance(3_000, 100);
    const { results } = neighbours();
    await pair.grid.settle();
    expect(results()).toStrictEqual(unharmed);
  });

  it('does not prevent another waiting call from failing or starting', async () => {
    await link();
    pair.grid.cut();
    pair.grid.reachable = false;
    await pair.grid.settle();
    const codes = crowd();
    await pair.grid.advance(5_000, 100);
    expect(codes).toStrictEqual(new Array(11).fill('disconnected'));
    const started = record(pair.ab.request(echo, 'late', { waitForConnect: true })).log;
    pair.ab.stream(items, 'three', { waitForConnect: true }).pipe(explosive()).subscribe();
    pair.grid.reachable = true;
    await pair.grid.advance(5_000, 100);
    expect(started).toStrictEqual(['late', 'done']);
  });

  it('does not affect close()', async () => {
    await link();
    const codes = crowd();
    await pair.grid.settle();
    await pair.a.close();
    expect(codes).toStrictEqual(new Array(11).fill('disconnected'));
    await reported();
    expect(unhandled).toStrictEqual([boom, boom]);
  });
});

describe('a listener that throws', () => {
  it('affects neither other listeners nor its source', async () => {
    await link();
    const seen: unknown[] = [];
    for (const source of [pair.b.events$, pair.b.cluster$, pair.ab.state$, pair.ab.stats$, pair.ab.frames$] as const) {
      (source as Observable<unknown>).pipe(explosive()).subscribe(throwBoom);
      (source as Observable<unknown>).subscribe({ complete: () => seen.push('done') });
    }
    record(pair.ab.stream(items, 'a finalizer')).unsubscribe();
    const failing = record(pair.ab.stream(items, 'no such kind'));
    const { results } = neighbours();
    await pair.grid.advance(1_000);
    expect(results()).toStrictEqual(unharmed);
    expect(failing.log).toMatchObject([{ code: 'internal' }]);
    await pair.a.close();
    await pair.b.close();
    expect(seen).toStrictEqual(['done', 'done', 'done', 'done', 'done']);
    await reported();
    expect(new Set(unhandled)).toStrictEqual(new Set([boom]));
  });
});
