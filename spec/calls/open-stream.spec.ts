import { afterEach, describe, expect, it } from '@jest/globals';
import type { Observable } from 'rxjs';
import { filter, finalize, from, map, merge, NEVER, of, retry, switchMap, take, tap, toArray } from 'rxjs';
import type { DuplexStream } from '../../lib/index.js';
import { BufferOverflowError, CancelledError, CodecError, ConfigurationError, duplex, type } from '../../lib/index.js';
import { linkedPair, record, pair as unlinkedPair, type Pair } from '../support/linked-managers.js';
import { collectUnhandled, reported } from '../support/unhandled.js';

const echo = duplex({
  id: 1,
  name: 'echo',
  request: type<string>(),
  input: type<number>(),
  output: type<number>(),
  inCapacity: 4,
  outCapacity: 4,
});
const flood = duplex({ id: 2, name: 'flood', input: type<number>(), output: type<number>(), outCapacity: 4 });

const unhandled = collectUnhandled();

let pair: Pair;
let seen: unknown[];
const echoing = ({ b }: Pair): void => {
  seen = [];
  b.handle(echo, (name, { input, signal }) => {
    seen.push(name);
    signal.addEventListener('abort', () => seen.push('aborted'));
    return input.pipe(map((value) => 10 * value));
  });
  b.handle(flood, function* () {
    for (let value = 1; ; value++) {
      seen.push(value);
      yield value;
    }
  });
};
const open = async (): Promise<DuplexStream<number, number>> => {
  pair = await linkedPair(echoing);
  const stream = pair.ab.open(echo, 'x');
  await pair.grid.settle();
  return stream;
};
afterEach(async () => {
  await pair.grid.close();
});

describe('an open stream', () => {
  it('sends its opening frame without a subscription', async () => {
    await open();
    expect(seen).toStrictEqual(['x']);
  });

  it('accepts items, emits items, half-closes, and ends', async () => {
    const stream = await open();
    const { log } = record(stream);
    stream.next(1);
    stream.next(2);
    await pair.grid.settle();
    expect([log, stream.closed]).toStrictEqual([[10, 20], false]);
    stream.complete();
    await pair.grid.settle();
    await expect(stream.ended).resolves.toBeUndefined();
    expect([log, stream.closed]).toStrictEqual([[10, 20, 'done'], true]);
  });

  it('accepts items and the half-close before there is a connection', async () => {
    pair = unlinkedPair();
    echoing(pair);
    const started = pair.grid.start();
    const [streams, empty] = [[1, 2].map(() => pair.ab.open(echo, 'x')), pair.ab.open(echo, 'y')] as const;
    const logs = streams.map((stream) => record(stream).log);
    const { log } = record(empty);
    for (const stream of streams) for (const value of [1, 2, 3, 4, 5, 6]) stream.next(value);
    streams[0]!.complete();
    empty.complete();
    expect([streams[0]!.credit, streams[0]!.ignored]).toStrictEqual([0, 0]);
    await started;
    const echoed = [10, 20, 30, 40, 50, 60];
    expect([...logs, log]).toStrictEqual([[...echoed, 'done'], echoed, ['done']]);
  });

  it('ignores and counts items after its half-close, its end and its cancel', async () => {
    const stream = await open();
    record(stream);
    stream.complete();
    stream.next(1);
    expect(stream.ignored).toBe(1);
    await pair.grid.settle();
    stream.next(2);
    expect(stream.ignored).toBe(2);
    const other = pair.ab.open(echo, 'y');
    other.cancel();
    other.next(1);
    other.complete();
    expect(other.ignored).toBe(1);
  });

  it('buffers items beyond its credit within bounds, and then fails, naming the remedies', async () => {
    pair = await linkedPair(({ b }) => b.handle(echo, () => NEVER), { limits: { bufferItems: 10 } });
    const stream = pair.ab.open(echo, 'x');
    const { log } = record(stream);
    await pair.grid.settle();
    for (let value = 0; value < 14; value++) stream.next(value);
    expect([stream.credit, stream.closed]).toStrictEqual([0, false]);
    stream.next(14);
    expect(log[0]).toBeInstanceOf(BufferOverflowError);
    stream.next(15);
    expect([stream.closed, stream.ignored]).toStrictEqual([true, 1]);
  });

  it('fails where an item cannot be encoded', async () => {
    const stream = await open();
    const { log } = record(stream);
    stream.next(Symbol('s') as never);
    stream.next(1);
    expect(log).toStrictEqual([expect.any(CodecError)]);
    expect(stream.ignored).toBe(1);
  });

  it('is an Observer: another Observable can feed it', async () => {
    const stream = await open();
    const { log } = record(stream);
    of(1, 2).subscribe(stream);
    await pair.grid.settle();
    expect(log).toStrictEqual([10, 20, 'done']);
  });

  it('can be iterated over; leaving the loop cancels it', async () => {
    const stream = await open();
    stream.next(1);
    const values: number[] = [];
    for await (const value of stream) {
      values.push(value);
      if (value === 20) break;
      stream.next(2);
    }
    await pair.grid.settle();
    expect([values, stream.closed, seen]).toStrictEqual([[10, 20], true, ['x', 'aborted']]);
    await expect(stream.ended).rejects.toStrictEqual(new CancelledError('echo was cancelled on this side.'));
  });
});

describe('the credit of an open stream', () => {
  it('is observable from its present value on, and completes with the stream', async () => {
    const stream = await open();
    const { log } = record(stream.credit$);
    record(stream.deliveries);
    expect([log, stream.credit]).toStrictEqual([[4], 4]);
    for (const value of [1, 2]) stream.next(value);
    expect(log).toStrictEqual([4, 3, 2]);
    await pair.grid.settle();
    expect(log.at(-1)).toBe(4);
    stream.cancel();
    expect(log.at(-1)).toBe('done');
    expect(record(stream.credit$).log).toStrictEqual(['done']);
  });

  it('can be awaited', async () => {
    const stream = await open();
    const { log } = record(stream.pipe(take(100)));
    let next = 1;
    stream.credit$.subscribe((credit) => {
      for (; credit > 0 && stream.credit > 0 && next <= 100; next++) stream.next(next);
    });
    await pair.grid.settle();
    expect([log.length, log.at(-2)]).toStrictEqual([101, 1_000]);
  });

  it('completes for the others, and the stream ends, where the finalizer of one subscriber throws', async () => {
    const stream = await open();
    const fault = new Error('finalizer');
    const failing = finalize<number>(() => {
      throw fault;
    });
    stream.credit$.pipe(failing).subscribe();
    const { log } = record(stream.credit$);
    let ended = false;
    stream.ended.catch(() => (ended = true));
    stream.cancel();
    await reported();
    expect([log, ended, unhandled]).toStrictEqual([[4, 'done'], true, [fault]]);
  });

  it('does not recurse for each item sent from its observer', async () => {
    const wide = duplex({ id: 3, name: 'wide', input: type<number>(), output: type<number>(), inCapacity: 50_000 });
    let received = 0;
    pair = await linkedPair(({ b }) => {
      b.handle(wide, (_, { input }) => {
        input.subscribe({ next: () => received++, error: () => undefined });
        return NEVER;
      });
    });
    const stream = pair.ab.open(wide, undefined);
    const { log } = record(stream);
    let sent = 0;
    stream.credit$.subscribe((credit) => {
      if (credit === 0 || sent === 50_000) return;
      sent++;
      stream.next(sent);
    });
    await pair.grid.settle();
    expect([sent, received, log]).toStrictEqual([50_000, 50_000, []]);
    stream.cancel();
  });
});

describe('the output of an open stream', () => {
  const taken = (name: string): ConfigurationError =>
    new ConfigurationError(
      `The output of ${name} has already been subscribed to: an open stream can be used once. For an Observable that makes a new call on each subscription use stream(…) or exchange(…).`,
    );

  it('can be consumed once: the second subscription throws, in any form', async () => {
    const stream = await open();
    record(stream);
    expect(() => stream.subscribe()).toThrow(taken('echo'));
    expect(() => stream.deliveries.subscribe()).toThrow(taken('echo'));
    expect(() => {
      stream.ignoreOutput();
    }).toThrow(taken('echo'));
    // An operator of rxjs would make an error notification of what its source throws.
    expect(record(stream.pipe(map((value) => value))).log).toStrictEqual([taken('echo')]);
    await expect(stream[Symbol.asyncIterator]().next()).rejects.toStrictEqual(taken('echo'));
    expect(stream.closed).toBe(false);
  });

  it.each<[string, (stream: DuplexStream<number, number>) => Observable<unknown>]>([
    ['itself', (stream) => stream],
    ['its deliveries', (stream) => stream.deliveries],
    [
      'it through operators',
      (stream) =>
        stream.pipe(
          map((value) => value),
          filter(Boolean),
        ),
    ],
    ['it in a merge', (stream) => merge(NEVER, stream)],
    ['it later', (stream) => of(1).pipe(switchMap(() => stream))],
  ])('does not make retry() subscribe to %s endlessly', async (_, output) => {
    const stream = await open();
    const { log } = record(output(stream).pipe(retry()));
    stream.cancel();
    expect(log).toStrictEqual([taken('echo')]);
  });

  it('is buffered up to the window, and reported, where it is not consumed', async () => {
    pair = await linkedPair(echoing);
    const stream = pair.ab.open(flood, undefined);
    await pair.grid.settle();
    expect([seen, pair.grid.events]).toStrictEqual([
      [1, 2, 3, 4],
      [{ type: 'unread-output', route: 'flood', held: 4 }],
    ]);
    const { log } = record(stream.pipe(take(6), toArray()));
    await pair.grid.settle();
    expect(log).toStrictEqual([[1, 2, 3, 4, 5, 6], 'done']);
    expect(pair.grid.events).toHaveLength(1);
  });

  it('is consumed by tap(stream), which drops it: rxjs subscribes to an observer that can be subscribed to', async () => {
    const stream = await open();
    record(of(1, 2).pipe(tap(stream)));
    await pair.grid.settle();
    // The items were sent, and their echo has gone to nobody.
    expect(() => stream.subscribe()).toThrow(taken('echo'));
    await expect(stream.ended).resolves.toBeUndefined();
    expect(pair.grid.events).toStrictEqual([]);
  });

  it('is left to its consumer where tap() gets a function', async () => {
    const stream = await open();
    record(
      of(1, 2).pipe(
        tap((item) => {
          stream.next(item);
        }),
      ),
    );
    const { log } = record(stream);
    await pair.grid.settle();
    expect(log).toStrictEqual([10, 20]);
  });

  it('is not reported where it is below the window, or consumed', async () => {
    const stream = await open();
    for (const value of [1, 2, 3]) stream.next(value);
    await pair.grid.settle();
    expect(pair.grid.events).toStrictEqual([]);
    record(stream);
    for (const value of [1, 2, 3, 4]) stream.next(value);
    await pair.grid.settle();
    expect(pair.grid.events).toStrictEqual([]);
  });

  it('can be discarded: the handler continues, and the end arrives', async () => {
    const stream = await open();
    stream.next(1);
    await pair.grid.settle();
    stream.ignoreOutput();
    from(Array(50).keys()).subscribe(stream);
    await pair.grid.settle();
    await expect(stream.ended).resolves.toBeUndefined();
    expect(pair.grid.events).toStrictEqual([]);
  });

  it('reports its error in ended where it is discarded', async () => {
    const stream = await open();
    stream.ignoreOutput();
    pair.grid.cut();
    await expect(stream.ended).rejects.toMatchObject({ code: 'disconnected', sent: true });
  });
});

describe('the cancel of an open stream', () => {
  it.each<[string, (stream: DuplexStream<number, number>) => void, unknown]>([
    ['cancel()', (stream) => stream.cancel(), new CancelledError('echo was cancelled on this side.')],
    ['cancel(reason)', (stream) => stream.cancel('enough'), 'enough'],
    ['error(reason)', (stream) => stream.error(new Error('of the source')), new Error('of the source')],
    ['error(undefined)', (stream) => stream.error(undefined), new CancelledError('echo was cancelled on this side.')],
    ['cancel(null)', (stream) => stream.cancel(null), null],
  ])('by %s: both ends stop, and the output errors', async (_, cancel, reason) => {
    const stream = await open();
    const { log } = record(stream);
    cancel(stream);
    cancel(stream);
    await pair.grid.settle();
    expect([log, stream.closed, seen]).toStrictEqual([[reason], true, ['x', 'aborted']]);
    await expect(stream.ended).rejects.toStrictEqual(reason);
  });

  it('is delivered after the buffered items', async () => {
    const stream = await open();
    stream.next(1);
    await pair.grid.settle();
    stream.cancel('enough');
    expect(record(stream).log).toStrictEqual([10, 'enough']);
  });

  it('can be an unsubscription, also from within next', async () => {
    const stream = await open();
    for (const value of [1, 2, 3]) stream.next(value);
    await pair.grid.settle();
    expect(record(stream.pipe(take(1))).log).toStrictEqual([10, 'done']);
    await pair.grid.settle();
    expect([stream.closed, seen]).toStrictEqual([true, ['x', 'aborted']]);
  });

  it('may precede the connection: nothing is sent', async () => {
    pair = unlinkedPair();
    echoing(pair);
    const stream = pair.ab.open(echo, 'x');
    const { log } = record(stream);
    stream.cancel('enough');
    await pair.grid.start();
    expect([log, seen]).toStrictEqual([['enough'], []]);
  });

  it('can come from its signal, its deadline and its request', async () => {
    pair = await linkedPair(echoing);
    const controller = new AbortController();
    const aborted = pair.ab.open(echo, 'x', { signal: controller.signal });
    const late = pair.ab.open(echo, 'y', { timeout: 10 });
    controller.abort('enough');
    await pair.grid.advance(12);
    await expect(aborted.ended).rejects.toBe('enough');
    await expect(late.ended).rejects.toMatchObject({ code: 'deadline-exceeded' });
    expect(() => pair.ab.open(echo, Symbol('s') as never)).toThrow(CodecError);
    expect(() => pair.ab.open(echo, 'x', { timeout: -1 })).toThrow(ConfigurationError);
  });
});
