import { afterEach, describe, expect, it } from '@jest/globals';
import { errorInfo } from '../../lib/error-info.js';
import { concat, from, map, NEVER, Observable, of, Subject, throwError } from 'rxjs';
import { z } from 'zod';
import {
  CancelledError,
  CodecError,
  duplex,
  msgpack,
  raw,
  RemoteError,
  ResourceExhaustedError,
  type,
  type GridEvent,
} from '../../lib/index.js';
import { AssumedCapacities } from '../../lib/contract/assumed-capacities.js';
import { toWireRoute } from '../../lib/contract/wire-route.js';
import { duplexResponder } from '../../lib/handlers/duplex-dispatch.js';
import { defaultLimits } from '../../lib/limits.js';
import { loneEngine } from '../support/protocol/engines.js';
import { fromCaller } from '../support/protocol/frames.js';
import { all, linkedPair, record, type Pair } from '../support/linked-managers.js';

const get = duplex({ id: 1, name: 'get', output: type<unknown>() });
const talk = duplex({ id: 2, name: 'talk', input: type<number>(), output: type<unknown>(), outCapacity: 1 });
const checked = duplex({ id: 3, name: 'checked', input: z.number(), output: type<unknown>(), outCapacity: 1 });

let pair: Pair;
afterEach(async () => {
  await pair.grid.close();
});

const answer = async (handler: () => unknown): Promise<unknown[]> => {
  pair = await linkedPair(({ b }) => b.handle(get, handler as never));
  const { log } = record(pair.ab.stream(get, undefined));
  await pair.grid.settle();
  return log;
};

describe('the result of a stream handler', () => {
  it.each<[string, () => unknown, unknown[]]>([
    ['an array', () => [1, 'two', null, [3]], [1, 'two', null, [3]]],
    ['a set', () => new Set([1, 2]), [1, 2]],
    [
      'a generator',
      function* () {
        yield 1;
        yield 2;
      },
      [1, 2],
    ],
    [
      'an async generator',
      async function* () {
        yield 1;
        await Promise.resolve();
        yield 2;
      },
      [1, 2],
    ],
    ['an Observable', () => of(1, 2), [1, 2]],
    ['a Promise of an array', async () => Promise.resolve([1, 2]), [1, 2]],
    ['a Promise of an Observable', async () => Promise.resolve(of(1, 2)), [1, 2]],
    [
      'a Promise of an async generator',
      async () =>
        (async function* () {
          yield 1;
        })(),
      [1],
    ],
    ['another thenable', () => ({ then: (resolve: (items: number[]) => void) => resolve([1]) }), [1]],
    ['nothing at all', () => [], []],
  ])('may be %s', async (_, handler, items) => {
    expect(await answer(handler)).toStrictEqual([...items, 'done']);
    expect(pair.grid.events).toStrictEqual([]);
  });

  const refusal = new RemoteError(
    'get: a stream handler must return an Observable, an iterable, an async iterable, or a Promise of one of these.',
  );
  it.each<[string, unknown]>([
    ['a text', 'abc'],
    ['a number', 1],
    ['nothing', undefined],
    ['null', null],
    ['a function', () => [1]],
    ['a Promise of a text', Promise.resolve('abc')],
  ])('may not be %s: the error says what to return, and is reported once', async (_, result) => {
    expect(await answer(() => result)).toStrictEqual([refusal]);
    expect(pair.grid.events).toMatchObject([
      { type: 'handler-error', route: 'get', caller: 'http://a:1', error: { code: 'handler' } },
    ]);
    expect(pair.grid.events).toHaveLength(1);
  });

  it('may be raw bytes of a raw handler', async () => {
    pair = await linkedPair(({ b }) => {
      b.handleRaw({
        id: 9,
        kind: 'duplex',
        inCapacity: { initial: 2, max: 8 },
        handle: (payload, { input }) => concat(of(payload), input),
      });
    });
    const route = duplex({ id: 9, name: 'raw', request: raw, input: raw, output: raw });
    const items = [Uint8Array.of(2), new Uint8Array(0), Uint8Array.of(3, 4)];
    const echoed = await all(pair.ab.exchange(route, Uint8Array.of(1), items).pipe(map((bytes) => [...bytes])));
    expect(echoed).toStrictEqual([[1], [2], [], [3, 4]]);
  });
});

describe('a stream handler that fails', () => {
  const broken = new Error('disk on fire');
  it.each<[string, () => unknown, unknown[]]>([
    [
      'throws',
      () => {
        throw broken;
      },
      [],
    ],
    ['rejects', async () => Promise.reject(broken), []],
    [
      'gives a generator that throws',
      function* () {
        yield 1;
        throw broken;
      },
      [1],
    ],
    [
      'gives an async generator that throws',
      async function* () {
        yield 1;
        throw broken;
      },
      [1],
    ],
    [
      'gives an Observable that fails',
      () =>
        concat(
          of(1, 2),
          throwError(() => broken),
        ),
      [1, 2],
    ],
    [
      'gives what cannot be iterated over',
      () => ({
        [Symbol.iterator]: () => {
          throw broken;
        },
      }),
      [],
    ],
    [
      'gives a Promise of what cannot be iterated over',
      async () => ({
        [Symbol.asyncIterator]: () => {
          throw broken;
        },
      }),
      [],
    ],
  ])('%s: sends the items before it and the text, and is reported once', async (_, handler, items) => {
    expect(await answer(handler)).toStrictEqual([...items, new RemoteError('disk on fire')]);
    expect(pair.grid.events).toStrictEqual([
      { type: 'handler-error', route: 'get', caller: 'http://a:1', error: errorInfo(broken) },
    ]);
  });

  it('fails and stops its source where an item cannot be encoded', async () => {
    let stopped = false;
    const log = await answer(function* () {
      try {
        yield 1;
        yield () => 1;
        yield 2;
      } finally {
        stopped = true;
      }
    });
    expect([log.length, log[0], stopped]).toStrictEqual([2, 1, true]);
    expect(log[1]).toBeInstanceOf(RemoteError);
    expect(pair.grid.events).toMatchObject([{ type: 'handler-error', error: { code: 'codec' } }]);
  });

  it('names the limit where it emits an item that is too large, and is reported', async () => {
    const bytes = duplex({ id: 5, name: 'bytes', output: raw });
    pair = await linkedPair(({ b }) => b.handle(bytes, () => [new Uint8Array(100), new Uint8Array(101)]), {
      limits: { maxUnaryBytes: 100 },
    });
    const { log } = record(pair.ab.stream(bytes, undefined));
    await pair.grid.settle();
    const text = 'bytes: the item has 101 bytes, and maxUnaryBytes is 100: send it in several items.';
    expect([log.length, log[1]]).toStrictEqual([2, new ResourceExhaustedError(text, { limit: 'maxUnaryBytes' })]);
    expect(pair.grid.events).toMatchObject([
      { type: 'handler-error', error: { code: 'limit', cause: expect.objectContaining({ limit: 'maxUnaryBytes' }) } },
    ]);
  });

  it('names the remedies where it overflows, and is reported', async () => {
    pair = await linkedPair(({ b }) => b.handle(get, () => from(Array(1_000).keys())), {
      limits: { bufferItems: 100 },
    });
    const { log } = record(pair.ab.stream(get, undefined));
    await pair.grid.settle();
    expect(String(log.at(-1))).toContain(
      'Return an iterable or a generator (for an input: fromIterable(…)), or pipe through bufferBounded(…)',
    );
    expect(pair.grid.events).toMatchObject([{ type: 'handler-error', error: { code: 'buffer-overflow' } }]);
  });

  it('reports no event where the request of its caller does not fit the schema', async () => {
    const request = duplex({ id: 5, name: 'request', request: z.number(), output: type<number>() });
    pair = await linkedPair(({ b }) => b.handle(request, () => [1]));
    const { log } = record(pair.ab.stream(request, 'text' as never));
    await pair.grid.settle();
    expect(String(log[0])).toMatch(/InvalidArgumentError: request: the request does not fit its schema: .*number/);
    expect(pair.grid.events).toStrictEqual([]);
  });
});

describe('stream output that does not fit the schema', () => {
  it('stops the handler, fails at the caller, and is reported at its own host', async () => {
    const numbers = duplex({ id: 4, name: 'numbers', output: z.number() });
    let stopped = false;
    pair = await linkedPair(({ b }) => {
      b.handle(numbers, function* () {
        try {
          yield 1;
          yield 'two' as never;
          yield 3;
        } finally {
          stopped = true;
        }
      });
    });
    const { log } = record(pair.ab.stream(numbers, undefined));
    await pair.grid.settle();
    const message = 'numbers: the output does not fit its schema: Invalid input: expected number, received string';
    expect([log, stopped]).toStrictEqual([[1, new RemoteError(message)], true]);
    expect(pair.grid.events).toMatchObject([
      { type: 'handler-error', route: 'numbers', error: { code: 'codec', message } },
    ]);
  });
});

describe('stream input that does not fit the schema', () => {
  it('is reported to both sides, stops the handler, and is no event', async () => {
    const inputs: unknown[] = [];
    const reasons: unknown[] = [];
    const source = new Subject<number>();
    pair = await linkedPair(({ b }) => {
      b.handle(checked, (_, { input, signal }) => {
        signal.addEventListener('abort', () => reasons.push(signal.reason));
        input.subscribe({ next: (value) => inputs.push(value), error: (error: unknown) => inputs.push(error) });
        return source;
      });
    });
    const { log } = record(pair.ab.exchange(checked, undefined, [1, 'two' as never, 3]));
    await pair.grid.settle();
    expect([inputs.length, inputs[0], source.observed]).toStrictEqual([2, 1, false]);
    expect(inputs[1]).toBeInstanceOf(CodecError);
    expect(reasons).toStrictEqual([inputs[1]]);
    expect(String(log[0])).toMatch(/InvalidArgumentError: checked: the input does not fit its schema: .*number/);
    expect(pair.grid.events).toStrictEqual([]);
  });

  it('is reported once, where the handler fails afterwards while the end waits for credit', async () => {
    pair = await linkedPair(({ b }) => {
      b.handle(checked, async function* (_, { input }) {
        yield 'uses the only credit';
        for await (const value of input) yield value;
      });
    });
    const deliveries: { value: unknown; release(): void }[] = [];
    const errors: unknown[] = [];
    pair.ab.exchange(checked, undefined, ['one' as never]).deliveries.subscribe({
      next: (delivery) => deliveries.push(delivery),
      error: (error: unknown) => errors.push(error),
    });
    await pair.grid.settle();
    expect([deliveries.length, errors]).toStrictEqual([1, []]);
    deliveries[0]!.release();
    await pair.grid.settle();
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(RemoteError);
    expect(pair.grid.events).toStrictEqual([]);
  });
});

describe('a stream handler whose caller leaves', () => {
  it('is stopped: generators run their finally, Observables are unsubscribed', async () => {
    const stopped: string[] = [];
    const handlers: [string, () => unknown][] = [
      [
        'generator',
        function* () {
          try {
            for (;;) yield 1;
          } finally {
            stopped.push('generator');
          }
        },
      ],
      [
        'async generator',
        async function* () {
          try {
            for (;;) yield 1;
          } finally {
            stopped.push('async generator');
          }
        },
      ],
      [
        'Observable',
        () =>
          new Observable((subscriber) => {
            subscriber.next(1);
            return () => stopped.push('Observable');
          }),
      ],
    ];
    for (const [, handler] of handlers) {
      pair = await linkedPair(({ b }) => b.handle(get, handler as never));
      const { unsubscribe } = record(pair.ab.stream(get, undefined).deliveries);
      await pair.grid.settle();
      unsubscribe();
      await pair.grid.settle();
      await pair.grid.close();
    }
    expect(stopped).toStrictEqual(['generator', 'async generator', 'Observable']);
  });

  it('sees an error at the end of its input, and its signal aborts', async () => {
    const log: unknown[] = [];
    pair = await linkedPair(({ b }) => {
      b.handle(talk, (_, call) => {
        call.input.subscribe({ next: (value) => log.push(value), error: (error: unknown) => log.push(error) });
        call.signal.addEventListener('abort', () => log.push(call.signal.reason));
        return NEVER;
      });
    });
    const { unsubscribe } = record(pair.ab.exchange(talk, undefined, concat(of(1), NEVER)));
    await pair.grid.settle();
    unsubscribe();
    await pair.grid.settle();
    expect(log).toMatchObject([1, { code: 'cancelled' }, { code: 'cancelled' }]);
  });

  it('with a pending Promise: its later result is returned, and an Observable never subscribed to', async () => {
    const log: string[] = [];
    let give = (_: unknown): void => undefined;
    const open = async (result: unknown, reported: readonly string[] = []): Promise<void> => {
      pair = await linkedPair(({ b }) => {
        b.handle(get, async () => new Promise<never>((resolve) => (give = resolve as typeof give)));
      });
      record(pair.ab.stream(get, undefined)).unsubscribe();
      const { unsubscribe } = record(pair.ab.stream(get, undefined));
      await pair.grid.settle();
      unsubscribe();
      await pair.grid.settle();
      give(result);
      await pair.grid.settle();
      // A handler that notices the end and gives nothing makes no error; one that throws does.
      expect(pair.grid.events.map((event) => (event as { error: Error }).error.message)).toStrictEqual(reported);
      await pair.grid.close();
    };
    const iterator = {
      next: async () => Promise.resolve({ done: true, value: undefined }),
      return: async () => {
        log.push('returned');
        return Promise.reject(new Error('of the tear-down'));
      },
    };
    await open({ [Symbol.asyncIterator]: () => iterator }, ['of the tear-down']);
    await open(new Observable(() => void log.push('subscribed')));
    await open(
      {
        [Symbol.iterator]: () => {
          throw new Error('no iterator');
        },
      },
      ['no iterator'],
    );
    await open('no source');
    expect(log).toStrictEqual(['returned']);
  });
});

describe('the input of a stream handler that has ended', () => {
  const over = new CancelledError('talk: the input has ended because the handler has.');
  /** What the input of such a handler does. */
  const ending = async (output: unknown, input: Observable<number>): Promise<unknown[]> => {
    const log: unknown[] = [];
    pair = await linkedPair(({ b }) => {
      b.handle(talk, (_, call) => {
        log.push(record(call.input).log);
        return output as Observable<number>;
      });
    });
    record(pair.ab.exchange(talk, undefined, input));
    await pair.grid.settle();
    return log[0] as unknown[];
  };

  it('errors: it is not complete', async () => {
    expect(await ending(of(1), NEVER)).toStrictEqual([over]);
  });

  it('errors where the handler fails, too', async () => {
    expect(
      await ending(
        throwError(() => new Error('failed')),
        NEVER,
      ),
    ).toStrictEqual([over]);
  });

  it('has completed where the caller had completed it', async () => {
    const end = new Subject<never>();
    const log = await ending(end, of(1, 2));
    end.complete();
    await pair.grid.settle();
    expect([log, pair.grid.events]).toStrictEqual([[1, 2, 'done'], []]);
  });

  it('rejects a loop over it', async () => {
    const log: unknown[] = [];
    pair = await linkedPair(({ b }) => {
      b.handle(talk, (_, { input }) => {
        const loop = input[Symbol.asyncIterator]();
        loop.next().catch((error: unknown) => log.push(error));
        return of(1);
      });
    });
    record(pair.ab.exchange(talk, undefined, NEVER));
    await pair.grid.settle();
    expect(log).toStrictEqual([over]);
  });
});

describe('a route without an output', () => {
  const sink = duplex({ id: 7, name: 'sink', input: type<number>() });
  const none = duplex({ id: 8, name: 'none', output: type<number>() });

  it('may have a handler without a result: the stream ends with the handler', async () => {
    const items: number[] = [];
    pair = await linkedPair(({ b }) =>
      b.handle(sink, async (_, call) => {
        for await (const item of call.input) items.push(item);
      }),
    );
    expect(await all(pair.ab.exchange(sink, undefined, [1, 2, 3]))).toStrictEqual([]);
    expect([items, pair.grid.events]).toStrictEqual([[1, 2, 3], []]);
  });

  it('differs from a route whose handler has forgotten its output', async () => {
    pair = await linkedPair(({ b }) => b.handle(none, () => undefined as never));
    await expect(all(pair.ab.stream(none))).rejects.toThrow('none: a stream handler must return an Observable');
  });
});

describe('an unexpected item from the caller', () => {
  it.each([
    [
      'handler blocked',
      [fromCaller.item(1, 1, 'a'), fromCaller.item(1, 2, 'b'), fromCaller.item(1, 3, 'c')],
      'sent more items than the window of the input, 2, holds. Declare the same inCapacity on both sides.',
    ],
    [
      'did not expect inbound message',
      [fromCaller.halfClose(1, 1), fromCaller.item(1, 2, 'late')],
      'sent an item after the end of its input, or the route has no input here. Declare the same input on both sides.',
    ],
  ] as const)('ends its stream, and is an event at the handler: %s', (reason, frames, remedy) => {
    const events: GridEvent[] = [];
    const report = (event: GridEvent): void => void events.push(event);
    const end = loneEngine();
    const context = { runtime: end.runtime, limits: defaultLimits, report, bounds: { items: 1, bytes: 1 } };
    const connectFor = (): never => {
      throw new Error('not called');
    };
    const route = duplex({ id: 7, name: 'upload', request: raw, input: raw, output: raw, inCapacity: 2 });
    end.serve(
      7,
      duplexResponder(toWireRoute(route, msgpack()), () => NEVER, {
        ...context,
        connectFor,
        assumed: new AssumedCapacities(report),
      }),
    );
    end.receive(fromCaller.connectMux(1, { handler: 7 }), ...frames);
    expect(events).toStrictEqual([
      {
        type: 'input-refused',
        route: 'upload',
        caller: 'http://peer',
        reason,
        remedy: `upload: http://peer ${remedy}`,
      },
    ]);
    expect(end.sent().some((line) => line.includes(reason))).toBe(true);
  });
});
