import { describe, expect, it } from '@jest/globals';
import type { Observable } from 'rxjs';
import {
  concat,
  concatMap,
  delay,
  from,
  map,
  mergeMap,
  NEVER,
  of,
  range,
  retry,
  share,
  Subject,
  switchMap,
  throwError,
} from 'rxjs';
import { BufferOverflowError } from '../../../lib/errors.js';
import { CallObservable } from '../../../lib/flow/call-observable.js';
import { autoRelease } from '../../../lib/operators/auto-release.js';
import { consume } from '../../../lib/operators/consume.js';
import { FakeStream } from '../../support/streams/fake-stream.js';
import { testScheduler } from '../../support/streams/marbles.js';
import { FakeOutlet } from '../../support/streams/outlet.js';

/** An endless Observable that emits within `subscribe`, and what it did. */
function endless(): { emitted: number; stopped: boolean; readonly items: Observable<number> } {
  const state = { emitted: 0, stopped: false, items: NEVER as Observable<number> };
  state.items = from(
    (function* () {
      try {
        for (let value = 1; value < 10_000_000; value++) {
          state.emitted++;
          yield value;
        }
      } finally {
        state.stopped = true;
      }
    })(),
  );
  return state;
}

describe('an Observable', () => {
  it('is sent at once while there is credit, and buffered in order without', () => {
    const outlet = new FakeOutlet(2);
    const source = new Subject<number>();
    outlet.feed(source);
    for (const value of [1, 2, 3, 4]) source.next(value);
    expect(outlet.log).toStrictEqual([1, 2]);
    outlet.give(1);
    source.next(5);
    outlet.give(2);
    expect(outlet.log).toStrictEqual([1, 2, 3, 4, 5]);
  });

  it('continues with the next item where sending one threw', () => {
    const outlet = new FakeOutlet(0);
    outlet.feed(of(1, 2, 3));
    const fault = new Error('observer of the item');
    outlet.onSend = () => {
      outlet.onSend = undefined;
      throw fault;
    };
    expect(() => {
      outlet.give(2);
    }).toThrow(fault);
    outlet.give(1);
    expect(outlet.log).toStrictEqual([1, 2, 3, 'done']);
  });

  it('completes, or fails, after everything before it is sent, without credit of its own', () => {
    const [completing, failing] = [new FakeOutlet(0), new FakeOutlet(0)];
    completing.feed(of(1, 2));
    failing.feed(
      concat(
        of(1, 2),
        throwError(() => new Error('of the source')),
      ),
    );
    expect([completing.log, failing.log]).toStrictEqual([[], []]);
    for (const outlet of [completing, failing]) outlet.give(2);
    expect([completing.log, failing.log]).toStrictEqual([
      [1, 2, 'done'],
      [1, 2, new Error('of the source')],
    ]);
  });

  it('completes at once where nothing is buffered', () => {
    const outlet = new FakeOutlet(0);
    outlet.feed(of());
    expect(outlet.log).toStrictEqual(['done']);
  });

  it('is unsubscribed where an item cannot be encoded, after the items before it are sent', () => {
    const outlet = new FakeOutlet(0);
    const source = new Subject<number>();
    outlet.feed(source);
    for (const value of [1, -1, 2]) source.next(value);
    expect([source.observed, outlet.log]).toStrictEqual([false, []]);
    outlet.give(5);
    expect(outlet.log).toStrictEqual([1, new RangeError('not encodable')]);
  });

  it('keeps the order where sending makes the source emit', () => {
    const outlet = new FakeOutlet(0);
    const source = new Subject<number>();
    outlet.feed(source);
    outlet.onSend = () => {
      const last = outlet.sent.at(-1)!;
      if (last < 20) source.next(last + 20);
    };
    for (const value of [1, 2, 3]) source.next(value);
    outlet.give(10);
    source.complete();
    expect(outlet.log).toStrictEqual([1, 2, 3, 21, 22, 23, 'done']);
  });

  it('does not recurse where sending buffered items makes the source emit', () => {
    const outlet = new FakeOutlet(0);
    const source = new Subject<number>();
    outlet.feed(source);
    outlet.onSend = () => {
      if (outlet.log.length < 20_000) source.next(outlet.log.length + 1);
    };
    source.next(1);
    outlet.give(20_000);
    expect(outlet.sent).toStrictEqual(Array.from({ length: 20_000 }, (_, index) => index + 1));
  });

  it('does not recurse where sending grants credit', () => {
    const outlet = new FakeOutlet(0);
    outlet.feed(range(1, 50_000), { items: 100_000 });
    outlet.onSend = () => {
      outlet.give(1);
    };
    outlet.give(1);
    expect([outlet.log.length, outlet.log.at(-1)]).toStrictEqual([50_001, 'done']);
  });

  it('is unsubscribed when it is stopped, and buffered items are not sent', () => {
    const outlet = new FakeOutlet(1);
    const source = new Subject<number>();
    const feeder = outlet.feed(source);
    for (const value of [1, 2, 3]) source.next(value);
    feeder.stop();
    feeder.stop();
    outlet.give(5);
    expect([outlet.log, source.observed]).toStrictEqual([[1], false]);
  });

  it('may stop its own call within next', () => {
    const outlet = new FakeOutlet(9);
    const source = new Subject<number>();
    const feeder = outlet.feed(source);
    outlet.onSend = () => {
      feeder.stop();
    };
    source.next(1);
    source.next(2);
    source.error(new Error('too late'));
    expect([outlet.log, source.observed]).toStrictEqual([[1], false]);
  });

  it('fails the call where it refuses to be subscribed to', () => {
    const outlet = new FakeOutlet(1);
    const refusing = new CallObservable<number>(
      () => () => undefined,
      () => {
        throw new Error('taken');
      },
    );
    outlet.feed(refusing);
    expect(outlet.log).toStrictEqual([new Error('taken')]);
  });
});

describe('the buffer of an Observable', () => {
  const overflow = (outlet: FakeOutlet): string => {
    const error = outlet.log.at(-1);
    expect(error).toBeInstanceOf(BufferOverflowError);
    return (error as Error).message;
  };

  it('holds up to its bound of items, and then fails, naming the remedies, and stops the source', () => {
    const outlet = new FakeOutlet(1);
    const source = new Subject<number>();
    outlet.feed(source, { items: 3 });
    for (const value of [1, 2, 3, 4]) source.next(value);
    expect(outlet.log).toStrictEqual([1]);
    source.next(5);
    expect(overflow(outlet)).toBe(
      'An Observable produced faster than the other side consumes: more than 3 items or 1048576 bytes wait. ' +
        'Return an iterable or a generator (for an input: fromIterable(…)), or pipe through bufferBounded(…) or conflate().',
    );
    expect(source.observed).toBe(false);
    outlet.give(9);
    expect(outlet.sent).toStrictEqual([1]);
  });

  it('holds up to its bound of bytes', () => {
    const outlet = new FakeOutlet(0);
    const source = new Subject<number>();
    outlet.feed(source, { bytes: 9 });
    for (const value of [1, 2, 3]) source.next(value);
    expect(outlet.log).toStrictEqual([]);
    source.next(4);
    expect(overflow(outlet)).toContain('9 bytes');
  });

  it('frees the room of sent items', () => {
    const outlet = new FakeOutlet(0);
    const source = new Subject<number>();
    outlet.feed(source, { items: 2, bytes: 6 });
    for (let value = 1; value <= 5_000; value++) {
      source.next(value);
      if (value > 1) outlet.give(1);
    }
    expect([outlet.sent.length, outlet.sent.at(-1)]).toStrictEqual([4_999, 4_999]);
  });

  it('stops a source that emits endlessly within subscribe', () => {
    const outlet = new FakeOutlet(1);
    const source = endless();
    outlet.feed(source.items, { items: 3 });
    expect([source.emitted, source.stopped]).toStrictEqual([5, true]);
    expect(overflow(outlet)).toContain('3 items');
  });

  it('stops such a source where one of its items cannot be encoded', () => {
    const outlet = new FakeOutlet(9);
    const source = endless();
    outlet.feed(source.items.pipe(map((value) => (value === 3 ? -1 : value))));
    expect([outlet.log, source.emitted, source.stopped]).toStrictEqual([
      [1, 2, new RangeError('not encodable')],
      3,
      true,
    ]);
  });
});

describe('a relay, an Observable that is fed from another stream', () => {
  it('retains the credit of that stream until its item is sent, beyond the bounds of the buffer', () => {
    const outlet = new FakeOutlet(1);
    const upstream = new FakeStream();
    outlet.feed(upstream.items.pipe(map((value) => 2 * value)), { items: 1, bytes: 1 });
    upstream.push(1, 2, 3, 4);
    expect([outlet.sent, upstream.released]).toStrictEqual([[2], 1]);
    outlet.give(1);
    expect([outlet.sent, upstream.released]).toStrictEqual([[2, 4], 2]);
    outlet.give(9);
    expect([outlet.sent, upstream.released]).toStrictEqual([[2, 4, 6, 8], 4]);
  });

  it('returns the credit of buffered items when it is stopped', () => {
    const outlet = new FakeOutlet(0);
    const upstream = new FakeStream();
    const feeder = outlet.feed(upstream.items);
    upstream.push(1, 2, 3);
    feeder.stop();
    expect(upstream.released).toBe(3);
  });

  it('continues to retain it after its stream was called again', () => {
    const outlet = new FakeOutlet(0);
    const upstream = new FakeStream();
    outlet.feed(upstream.items.pipe(retry()), { items: 1 });
    upstream.end(new Error('lost'));
    upstream.push(1, 2, 3);
    expect([upstream.calls, upstream.released]).toStrictEqual([2, 0]);
    outlet.give(3);
    expect([outlet.sent, upstream.released]).toStrictEqual([[1, 2, 3], 3]);
  });

  it('retains no credit of a stream whose items only trigger its sending', () => {
    const outlet = new FakeOutlet(0);
    const other = new FakeStream();
    const source = new Subject<number>();
    outlet.feed(source);
    other.items.subscribe((value) => {
      source.next(value);
    });
    other.push(1, 2);
    expect(other.released).toBe(2);
  });

  it('buffers up to the window of the stream in batches, where an operator splits them', () => {
    const outlet = new FakeOutlet(0);
    const upstream = new FakeStream();
    outlet.feed(upstream.items.pipe(mergeMap((value) => [value, value, value])), { items: 3 });
    upstream.push(1, 2, 3, 4, 5);
    expect([outlet.log, upstream.released]).toStrictEqual([[], 0]);
    outlet.give(15);
    expect([outlet.sent, upstream.released]).toStrictEqual([[1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5], 5]);
  });

  it('bounds the items that one item of the stream becomes', () => {
    const outlet = new FakeOutlet(0);
    const upstream = new FakeStream();
    outlet.feed(upstream.items.pipe(mergeMap((value) => range(value, 100))), { items: 10 });
    upstream.push(1);
    expect(outlet.log).toHaveLength(1);
    expect(outlet.log[0]).toBeInstanceOf(BufferOverflowError);
    expect(upstream.released).toBe(1);
  });

  it('bounds the items that the work on one item yields, also for several concurrent ones', () => {
    const outlet = new FakeOutlet(0);
    const upstream = new FakeStream();
    const work = [new Subject<number>(), new Subject<number>()] as const;
    outlet.feed(upstream.items.pipe(consume((value) => work[value]!, { concurrency: 2 })), { items: 10 });
    upstream.push(0, 1);
    for (let round = 0; round < 6; round++) for (const results of work) results.next(round);
    expect(outlet.log).toStrictEqual([]);
    work[0].next(6);
    expect(outlet.log).toStrictEqual([expect.any(BufferOverflowError)]);
  });

  it('retains the credit of a stream that an operator subscribes to later', () => {
    const lookup = new Subject<void>();
    const through = [
      (upstream: FakeStream) => lookup.pipe(switchMap(() => upstream.items)),
      (upstream: FakeStream) => lookup.pipe(mergeMap(() => upstream.items.pipe(map((value) => value)))),
      (upstream: FakeStream) => lookup.pipe(consume(() => upstream.items)),
      (upstream: FakeStream) => lookup.pipe(switchMap(() => upstream.items.pipe(consume((value) => of(value))))),
      (upstream: FakeStream) => lookup.pipe(switchMap(() => upstream.items.deliveries.pipe(autoRelease()))),
      (upstream: FakeStream) =>
        lookup.pipe(
          concatMap(() => upstream.items),
          retry(),
        ),
    ];
    for (const relay of through) {
      const [outlet, upstream] = [new FakeOutlet(1), new FakeStream()];
      outlet.feed(relay(upstream), { items: 1, bytes: 1 });
      lookup.next();
      upstream.push(1, 2, 3, 4);
      expect([outlet.sent, upstream.released]).toStrictEqual([[1], 1]);
      outlet.give(1);
      expect([outlet.sent, upstream.released]).toStrictEqual([[1, 2], 2]);
      outlet.give(9);
      expect([outlet.sent, upstream.released]).toStrictEqual([[1, 2, 3, 4], 4]);
    }
  });

  it('retains the credit of the streams that its work yields, each by its own window', () => {
    const outlet = new FakeOutlet(0);
    const [upstream, inner] = [new FakeStream(), new FakeStream()];
    outlet.feed(upstream.items.pipe(consume(() => inner.items)), { items: 1 });
    upstream.push(1);
    inner.push(1, 2, 3);
    expect([upstream.released, inner.released]).toStrictEqual([0, 0]);
    inner.end();
    outlet.give(2);
    expect([upstream.released, inner.released]).toStrictEqual([0, 2]);
    outlet.give(1);
    expect([outlet.sent, upstream.released, inner.released]).toStrictEqual([[1, 2, 3], 1, 3]);
  });

  it('says how to keep backpressure, where it is hidden behind a Subject', () => {
    const outlet = new FakeOutlet(0);
    const upstream = new FakeStream();
    const lookup = new Subject<void>();
    outlet.feed(lookup.pipe(switchMap(() => upstream.items.pipe(share()))), { items: 2 });
    lookup.next();
    upstream.push(1, 2, 3);
    expect((outlet.log[0] as Error).message).toMatch(
      /conflate\(\)\. The last item was emitted while another stream delivered one, by way of a Subject or share\(\).* return the stream itself/,
    );
  });

  it('says how to keep backpressure, where it is behind an asynchronous operator', () => {
    testScheduler().run(({ flush }) => {
      const outlet = new FakeOutlet(0);
      const upstream = new FakeStream('watch');
      outlet.feed(upstream.items.pipe(delay(1)), { items: 2 });
      upstream.push(1, 2, 3);
      flush();
      expect((outlet.log[0] as Error).message).toMatch(
        /conflate\(\)\. Where its items come from watch by way of an asynchronous operator, .* put that operator into a consume\(\)/,
      );
    });
  });

  it('returns the credit of an item when everything that it became is sent', () => {
    const outlet = new FakeOutlet(0);
    const upstream = new FakeStream();
    outlet.feed(upstream.items.pipe(concatMap((value) => of(value, value + 1))), { items: 2 });
    upstream.push(1, 11);
    outlet.give(1);
    expect(upstream.released).toBe(0);
    outlet.give(1);
    expect([outlet.sent, upstream.released]).toStrictEqual([[1, 2], 1]);
    outlet.give(2);
    expect([outlet.sent, upstream.released]).toStrictEqual([[1, 2, 11, 12], 2]);
  });
});
