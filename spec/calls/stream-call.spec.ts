import { describe, expect, it } from '@jest/globals';
import {
  concat,
  firstValueFrom,
  from,
  interval,
  map,
  NEVER,
  Observable,
  of,
  retry,
  Subject,
  take,
  tap,
  throwError,
} from 'rxjs';
import { z } from 'zod';
import {
  BufferOverflowError,
  CodecError,
  ConfigurationError,
  consume,
  DeadlineExceededError,
  DisconnectedError,
  duplex,
  LimitError,
  raw,
  RefusedError,
  RemoteError,
  type,
} from '../../lib/index.js';
import { all, hostA, hostB, PairOfEachTest, record, type Pair } from '../support/linked-managers.js';

const count = duplex({ id: 1, name: 'count', request: type<number>(), output: type<number>() });
const sum = duplex({ id: 2, name: 'sum', request: type<number>(), input: type<number>(), output: type<number>() });
const quiet = duplex({ id: 3, name: 'quiet', request: type<string>(), output: type<string>() });

const pair = new PairOfEachTest();
const { link, seen } = pair;

const counting = ({ b }: Pair): void => {
  b.handle(count, function* (from) {
    seen.push(from);
    try {
      for (let value = from; ; value++) yield value;
    } finally {
      seen.push('stopped');
    }
  });
};
const summing = ({ b }: Pair): void => {
  b.handle(sum, async function* (from, call) {
    seen.push(from);
    let total = from;
    for await (const value of call.input) yield (total += value);
  });
};

describe('a stream', () => {
  it('sends nothing before it is subscribed to, and makes one call per subscription', async () => {
    await link(counting);
    const call = pair.ab.stream(count, 5);
    await pair.grid.settle();
    expect(seen).toStrictEqual([]);
    expect([await all(call.pipe(take(2))), await all(call.pipe(take(2)))]).toStrictEqual([
      [5, 6],
      [5, 6],
    ]);
  });

  it('completes after all items of a handler that ends', async () => {
    await link(({ b }) => {
      b.handle(count, (to) => Array.from({ length: to }, (_, index) => index));
    });
    for (const to of [0, 1, 16, 17, 1_000]) expect(await all(pair.ab.stream(count, to))).toHaveLength(to);
  });

  it('resumes with retry where its payload is a function', async () => {
    let fails = 2;
    await link(({ b }) => {
      b.handle(count, function* (from) {
        seen.push(from);
        yield from;
        yield from + 1;
        if (fails-- > 0) throw new Error('again');
      });
    });
    let last = 0;
    const items = pair.ab
      .stream(count, () => last + 1)
      .pipe(
        map((value) => (last = value)),
        retry(),
      );
    expect(await all(items)).toStrictEqual([1, 2, 3, 4, 5, 6]);
    expect(seen).toStrictEqual([1, 3, 5]);
  });

  it('stops its handler when it is unsubscribed', async () => {
    await link(counting);
    expect(await all(pair.ab.stream(count, 1).pipe(take(3)))).toStrictEqual([1, 2, 3]);
    await pair.grid.settle();
    expect(seen).toStrictEqual([1, 'stopped']);
  });

  it('stops its handler when a loop over it is left, and not before', async () => {
    await link(counting);
    const values: number[] = [];
    for await (const value of pair.ab.stream(count, 1)) {
      values.push(value);
      if (value === 40) break;
    }
    await pair.grid.settle();
    expect([values.length, seen]).toStrictEqual([40, [1, 'stopped']]);
  });

  it('answers concurrent calls of next, on a window of one item, too', async () => {
    const single = duplex({ id: 4, name: 'single', output: type<number>(), outCapacity: 1 });
    await link(({ b }) => b.handle(single, () => [1, 2, 3]));
    const loop = pair.ab.stream(single, undefined)[Symbol.asyncIterator]();
    const asked = await Promise.all([loop.next(), loop.next(), loop.next(), loop.next()]);
    expect(asked.map(({ value }) => value)).toStrictEqual([1, 2, 3, undefined]);
  });

  it('does not release deliveries by itself: the window fills, and continues with each release', async () => {
    await link(counting);
    const held: { value: number; release(): void }[] = [];
    const subscription = pair.ab.stream(count, 1).deliveries.subscribe((delivery) => held.push(delivery));
    await pair.grid.settle();
    expect(held).toHaveLength(16);
    for (const delivery of held.slice(0, 8)) delivery.release();
    await pair.grid.settle();
    expect(held.at(-1)!.value).toBe(24);
    subscription.unsubscribe();
    await pair.grid.settle();
    expect(seen).toStrictEqual([1, 'stopped']);
  });

  it('errors with the text of its handler, after the items sent before', async () => {
    await link(({ b }) => {
      b.handle(count, function* () {
        yield 1;
        throw new Error('disk on fire');
      });
    });
    const { log } = record(pair.ab.stream(count, 1));
    await pair.grid.settle();
    expect(log).toStrictEqual([1, new RemoteError('disk on fire')]);
  });

  it('is refused where the host has no such route', async () => {
    await link();
    const { log } = record(pair.ab.stream(count, 1));
    await pair.grid.settle();
    expect(log).toStrictEqual([
      new RefusedError(
        `count: ${hostB} refused the call: No handler for id 1. Register one there with handle(…), and check that both sides declare the route with the same id.`,
      ),
    ]);
  });

  it('ends at its deadline, and has none where none is given', async () => {
    await link(({ b }) => {
      b.handle(quiet, () => NEVER);
    });
    const [late, patient] = [
      record(pair.ab.stream(quiet, 'x', { timeout: 500 })),
      record(pair.ab.stream(quiet, 'x')),
    ] as const;
    await pair.grid.advance(600);
    expect(late.log).toStrictEqual([
      new DeadlineExceededError('The deadline of quiet, 500 ms after the call, passed before the stream ended.'),
    ]);
    await pair.grid.advance(120_000, 5_000);
    expect(patient.log).toStrictEqual([]);
    patient.unsubscribe();
  });

  it('errors with the reason of its signal, also of an already aborted one', async () => {
    await link(counting);
    const controller = new AbortController();
    const running = record(pair.ab.stream(quiet, 'x', { signal: controller.signal }));
    controller.abort('enough');
    const late = record(pair.ab.stream(count, 1, { signal: AbortSignal.abort('long ago') }));
    await pair.grid.settle();
    expect([running.log, late.log]).toStrictEqual([['enough'], []]);
    await pair.grid.advance(0);
    expect([late.log, seen]).toStrictEqual([['long ago'], []]);
  });

  it('cancels its handler, and notifies its consumer, where an item does not fit its own schema', async () => {
    const checked = duplex({ id: 3, name: 'checked', output: z.object({ at: z.number() }) });
    let stopped = false;
    await link(({ b }) => {
      b.handle(duplex({ id: 3, name: 'checked', output: type<unknown>() }), function* () {
        try {
          yield { at: 1 };
          yield { at: 'two' };
          for (let at = 3; ; at++) yield { at };
        } finally {
          stopped = true;
        }
      });
    });
    const { log } = record(pair.ab.stream(checked, undefined));
    await pair.grid.settle();
    expect([log.length, log[0], stopped]).toStrictEqual([2, { at: 1 }, true]);
    expect(log[1]).toBeInstanceOf(CodecError);
    expect(String(log[1])).toMatch(/checked: the output does not fit its schema: at: /);
  });

  it('is reported at both ends where it has an input, and the route of the handler has none', async () => {
    const talk = duplex({ id: 3, name: 'talk', input: type<number>(), output: type<number>() });
    await link(({ b }) => {
      b.handle(duplex({ id: 3, name: 'talk', output: type<number>() }), () => [1]);
    });
    const { log } = record(pair.ab.exchange(talk, undefined, NEVER));
    await pair.grid.settle();
    expect(log).toStrictEqual([1, 'done']);
    expect(pair.grid.events).toStrictEqual([
      {
        type: 'input-ignored',
        route: 'talk',
        host: hostA,
        remedy: `talk: ${hostA} calls it with an input, but the handler's route has none, so none of the input arrives. Declare the same input on both sides.`,
      },
      {
        type: 'input-ignored',
        route: 'talk',
        host: hostB,
        remedy: `talk: the call has an input, but the handler's route at ${hostB} has none, so none of the input arrives. Declare the same input on both sides.`,
      },
    ]);
  });

  it('is not reported where both sides have an input, or none', async () => {
    const talk = duplex({ id: 3, name: 'talk', input: type<number>(), output: type<number>() });
    await link(({ b }) => {
      b.handle(talk, () => [1]);
      b.handle(count, () => [1]);
    });
    expect(await all(pair.ab.exchange(talk, undefined, []))).toStrictEqual([1]);
    expect(await all(pair.ab.stream(count, 1))).toStrictEqual([1]);
    expect(pair.grid.events).toStrictEqual([]);
  });

  it('names the limit that its request exceeds', async () => {
    await link(undefined, { limits: { maxUnaryBytes: 100 } });
    const { log } = record(pair.ab.stream(quiet, 'x'.repeat(200)));
    await pair.grid.advance(0);
    expect(log[0]).toBeInstanceOf(LimitError);
    expect(log).toMatchObject([
      { limit: 'maxUnaryBytes', message: expect.stringMatching(/^quiet: the request has 20\d bytes/) },
    ]);
  });

  it('ends with the connection, and resumes with retry', async () => {
    await link(counting);
    const held = record(pair.ab.stream(count, 1).deliveries);
    const values: number[] = [];
    const resumed = pair.ab
      .stream(count, () => (values.at(-1) ?? 0) + 1)
      .pipe(
        retry(),
        consume((value) => pair.grid.timer(1).pipe(map(() => value))),
        tap((value) => values.push(value)),
      );
    const { unsubscribe } = record(resumed);
    await pair.grid.advance(10, 1);
    pair.grid.cut();
    expect(held.log.at(-1)).toBeInstanceOf(DisconnectedError);
    expect(held.log.at(-1)).toMatchObject({ sent: true });
    await pair.grid.advance(3_000, 100);
    await pair.grid.advance(20, 1);
    expect(seen.filter((entry) => entry !== 'stopped')).toStrictEqual([1, 1, values[9]! + 1]);
    expect(values.length).toBeGreaterThan(40);
    unsubscribe();
  });

  it('with input is refused without it, and an exchange or open stream of a route without input, too', async () => {
    await link();
    const { ab } = pair;
    expect(() => ab.stream(sum as never, 1)).toThrow(
      'sum has an input, and stream sends none: use exchange(…) or open(…).',
    );
    const remedy = "sends one: use stream(…), or declare the input's shape.";
    expect(() => ab.exchange(count as never, 1, [])).toThrow(`count has no input, and exchange ${remedy}`);
    expect(() => ab.open(count as never, 1)).toThrow(`count has no input, and open ${remedy}`);
  });
});

describe('an exchange', () => {
  it('sends its input, half-closes at its end, and receives the output', async () => {
    await link(summing);
    expect(await all(pair.ab.exchange(sum, 10, [1, 2, 3]))).toStrictEqual([11, 13, 16]);
    expect(await all(pair.ab.exchange(sum, 10, of(1, 2, 3)))).toStrictEqual([11, 13, 16]);
    expect(await all(pair.ab.exchange(sum, 10, []))).toStrictEqual([]);
  });

  it('calls a function for its input once per subscription', async () => {
    await link(summing);
    let calls = 0;
    const call = pair.ab.exchange(sum, 0, () => {
      calls++;
      return (async function* () {
        yield calls;
      })();
    });
    expect([calls, await all(call), await all(call), calls]).toStrictEqual([0, [1], [2], 2]);
  });

  it('can carry more than the windows in both directions', async () => {
    await link(summing);
    const values = Array.from({ length: 2_000 }, () => 1);
    expect((await all(pair.ab.exchange(sum, 0, values))).at(-1)).toBe(2_000);
  });

  it('stops its input when it is unsubscribed, or its handler ends', async () => {
    await link(({ b }) => {
      b.handle(sum, (_, { input }) => from(input).pipe(take(2)));
    });
    let stopped = 0;
    const endless = function* (): Generator<number> {
      try {
        for (let value = 1; ; value++) yield value;
      } finally {
        stopped++;
      }
    };
    expect(await all(pair.ab.exchange(sum, 0, endless))).toStrictEqual([1, 2]);
    await pair.grid.settle();
    expect(stopped).toBe(1);
    expect(await all(pair.ab.exchange(sum, 0, endless).pipe(take(1)))).toStrictEqual([1]);
    expect(stopped).toBe(2);
  });

  it.each<[string, () => never]>([
    [
      'an Observable',
      () =>
        concat(
          of(1),
          throwError(() => new Error('of the input')),
        ) as never,
    ],
    [
      'a generator',
      () =>
        (function* () {
          yield 1;
          throw new Error('of the input');
        })() as never,
    ],
  ])('errors with the error of its input, %s, and cancels its handler', async (_, input) => {
    const aborted: unknown[] = [];
    await link(({ b }) => {
      b.handle(sum, (_, { signal, input }) => {
        signal.addEventListener('abort', () => aborted.push(signal.reason));
        return input;
      });
    });
    const { log } = record(pair.ab.exchange(sum, 0, input));
    await pair.grid.settle();
    expect(log.at(-1)).toStrictEqual(new Error('of the input'));
    expect(aborted).toMatchObject([{ code: 'cancelled' }]);
  });

  it('does not complete where its input fails without an error', async () => {
    await link(summing);
    const { log } = record(
      pair.ab.exchange(sum, 0, new Observable<number>((subscriber) => subscriber.error(undefined))),
    );
    await pair.grid.advance(0);
    expect(log).toMatchObject([{ code: 'cancelled', message: 'The input failed without an error.' }]);
  });

  it('errors where its input cannot be read or encoded, or is not an input', async () => {
    await link(summing);
    const broken = {
      [Symbol.iterator]: (): never => {
        throw new Error('no iterator');
      },
    };
    const errors: unknown[] = [];
    for (const input of [broken, [Symbol('s')], 'text', () => 'text', 5, undefined]) {
      const { log } = record(pair.ab.exchange(sum, 0, input as never));
      await pair.grid.advance(0);
      errors.push(log.at(-1));
    }
    const noInput = new ConfigurationError(
      'The input of an exchange must be an Observable, an iterable, or a function that returns one.',
    );
    expect(errors[0]).toStrictEqual(new Error('no iterator'));
    expect(errors[1]).toBeInstanceOf(CodecError);
    expect(errors.slice(2)).toStrictEqual([noInput, noInput, noInput, noInput]);
  });

  it('overflows where an Observable is faster than the handler, naming the remedies', async () => {
    await link(({ b }) => b.handle(sum, () => NEVER));
    const source = new Subject<number>();
    const { log } = record(pair.ab.exchange(sum, 0, source));
    await pair.grid.settle();
    for (let value = 0; value < 16 + 1_025; value++) source.next(value);
    expect(log[0]).toBeInstanceOf(BufferOverflowError);
    expect(String(log[0])).toContain('bufferBounded(…) or conflate()');
    expect(source.observed).toBe(false);
  });

  it('names the limit that an item exceeds', async () => {
    const put = duplex({ id: 4, name: 'put', input: raw, output: type<number>() });
    await link(({ b }) => b.handle(put, (_, { input }) => input.pipe(map(({ length }) => length))), {
      limits: { maxUnaryBytes: 100 },
    });
    const { log } = record(pair.ab.exchange(put, undefined, [new Uint8Array(100), new Uint8Array(101)]));
    await pair.grid.settle();
    expect(log[0]).toMatchObject({
      limit: 'maxUnaryBytes',
      message: 'put: the item has 101 bytes, and maxUnaryBytes is 100: send it in several items.',
    });
  });

  it('waits for its own input no longer than for the handler', async () => {
    await link(({ b }) => b.handle(sum, () => [1, 2]));
    expect(await all(pair.ab.exchange(sum, 0, interval(1_000_000)))).toStrictEqual([1, 2]);
    expect(await firstValueFrom(pair.ab.exchange(sum, 0, NEVER))).toBe(1);
  });
});
