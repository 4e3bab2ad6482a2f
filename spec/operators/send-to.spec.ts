import { describe, expect, it } from '@jest/globals';
import { map, Observable, of, range, Subject, take, throwError } from 'rxjs';
import { BufferOverflowError, CancelledError, ConfigurationError } from '../../lib/errors.js';
import { conflate } from '../../lib/operators/conflate.js';
import { consume } from '../../lib/operators/consume.js';
import { fromIterable } from '../../lib/operators/from-iterable.js';
import { sendTo } from '../../lib/operators/send-to.js';
import { FakeStream } from '../support/streams/fake-stream.js';
import { FakeTarget } from '../support/streams/fake-target.js';
import { record } from '../support/linked-managers.js';
import { testScheduler } from '../support/streams/marbles.js';

const progress = (sent: number, credit: number): unknown => ({ sent, credit });

describe('sendTo', () => {
  it('sends as credit allows, emits the progress, and completes when the half-close was sent', () => {
    testScheduler().run(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const target = new FakeTarget(1);
      const source = hot('                 -abc--|', { a: 1, b: 2, c: 3 });
      cold('                               ----x--x--').subscribe(() => {
        target.give(1);
      });
      const marbles = '                    -x--y--(z|)';
      const values = { x: progress(1, 0), y: progress(2, 0), z: progress(3, 0) };
      expectObservable(source.pipe(sendTo(target.stream))).toBe(marbles, values);
      expectSubscriptions(source.subscriptions).toBe('^-----!');
    });
  });

  it('sends the items, then half-closes, and cancels nothing', () => {
    const target = new FakeTarget(9);
    const { log } = record(of(1, 2).pipe(sendTo(target.stream)));
    expect(log).toStrictEqual([progress(1, 8), progress(2, 7), 'done']);
    expect([target.outlet.log, target.cancels]).toStrictEqual([[1, 2, 'done'], []]);
  });

  it('waits for the half-close, and needs no credit for it', () => {
    const target = new FakeTarget(1);
    target.writes = false;
    const { log } = record(of(1).pipe(sendTo(target.stream)));
    expect(log).toStrictEqual([progress(1, 0)]);
    target.halfClosed();
    expect(log).toStrictEqual([progress(1, 0), 'done']);
  });

  it('sends nothing before it is subscribed to', () => {
    const target = new FakeTarget(9);
    of(1).pipe(sendTo(target.stream));
    expect(target.outlet.log).toStrictEqual([]);
  });

  it('passes an error of the source on after the buffered items, and fails the stream with it', () => {
    const target = new FakeTarget(0);
    const source = new Subject<number>();
    const { log } = record(source.pipe(sendTo(target.stream)));
    source.next(1);
    source.error(new Error('of the source'));
    expect(log).toStrictEqual([]);
    target.give(1);
    expect(log).toStrictEqual([progress(1, 0), new Error('of the source')]);
    expect(target.outlet.log).toStrictEqual([1, new Error('of the source')]);
  });

  it('errors with the error of the call, and stops the source', () => {
    const target = new FakeTarget(1);
    const source = new Subject<number>();
    const { log } = record(source.pipe(sendTo(target.stream)));
    for (const value of [1, 2]) source.next(value);
    target.end(new Error('of the call'));
    target.give(9);
    expect([log, source.observed]).toStrictEqual([[progress(1, 0), new Error('of the call')], false]);
    expect([target.outlet.sent, target.cancels]).toStrictEqual([[1], []]);
  });

  it('errors where the handler ended before everything was sent', () => {
    const target = new FakeTarget(1);
    const { log } = record(of(1, 2).pipe(sendTo(target.stream)));
    target.end();
    expect(log).toStrictEqual([
      progress(1, 0),
      new CancelledError('upload ended before everything was sent: its handler finished after 1 items.'),
    ]);
  });

  it('errors where the input was completed elsewhere', () => {
    const target = new FakeTarget(1);
    const source = new Subject<number>();
    const { log } = record(source.pipe(sendTo(target.stream)));
    source.next(1);
    target.halfClosed();
    expect([log, source.observed]).toStrictEqual([
      [
        progress(1, 0),
        new ConfigurationError(
          'The input of upload was completed elsewhere after 1 items of this source. Complete it once: join the sources before sendTo().',
        ),
      ],
      false,
    ]);
  });

  it('errors where an item cannot be encoded, after the buffered ones', () => {
    const target = new FakeTarget(9);
    const { log } = record(of(1, -1, 2).pipe(sendTo(target.stream)));
    expect(log).toStrictEqual([progress(1, 8), new RangeError('not encodable')]);
  });

  it('cancels the stream and stops the source when it is unsubscribed before the end', () => {
    testScheduler().run(({ hot, expectObservable, expectSubscriptions }) => {
      const target = new FakeTarget(9);
      const source = hot('                                    -a-b-', { a: 1, b: 2 });
      expectObservable(source.pipe(sendTo(target.stream)), '  ^-!').toBe('-x-', { x: progress(1, 8) });
      expectSubscriptions(source.subscriptions).toBe('        ^-!');
      hot('---x').subscribe(() => {
        expect(target.cancels).toStrictEqual(['cancelled']);
      });
    });
  });

  it('stops sending where it is unsubscribed within a progress, also for a source that emits in subscribe', () => {
    const [pushed, pulled] = [new FakeTarget(9), new FakeTarget(9)];
    let emitted = 0;
    const endless = new Observable<number>((subscriber) => {
      while (!subscriber.closed) subscriber.next(++emitted);
    });
    const logs = [
      record(endless.pipe(sendTo(pushed.stream), take(2))).log,
      record(fromIterable([1, 2, 3, 4]).pipe(sendTo(pulled.stream), take(2))).log,
    ];
    for (const log of logs) expect(log).toStrictEqual([progress(1, 8), progress(2, 7), 'done']);
    expect([pushed, pulled].map(({ outlet, cancels }) => [outlet.sent, cancels])).toStrictEqual([
      [[1, 2], ['cancelled']],
      [[1, 2], ['cancelled']],
    ]);
    expect(emitted).toBe(3);
  });

  it('keeps the order where a progress makes the source emit', () => {
    const target = new FakeTarget(9);
    const source = new Subject<number>();
    source.pipe(sendTo(target.stream)).subscribe(({ sent }) => {
      if (sent < 3) source.next(sent + 1);
    });
    source.next(1);
    expect(target.outlet.sent).toStrictEqual([1, 2, 3]);
  });

  it('fails where the buffer of an Observable overflows', () => {
    const target = new FakeTarget(0);
    const { log } = record(range(1, 9).pipe(sendTo(target.stream)));
    expect(log).toStrictEqual([expect.any(BufferOverflowError)]);
  });

  it('pulls an iterable once per credit', () => {
    const target = new FakeTarget(2);
    let made = 0;
    const numbers = (function* () {
      while (made < 100) yield ++made;
    })();
    const { log } = record(
      fromIterable(numbers).pipe(
        map((value) => value),
        sendTo(target.stream),
      ),
    );
    expect([target.outlet.sent, made]).toStrictEqual([[1, 2], 3]);
    target.give(1);
    expect([target.outlet.sent, made]).toStrictEqual([[1, 2, 3], 4]);
    target.give(1_000);
    expect([log.length, log.at(-1)]).toStrictEqual([101, 'done']);
  });

  it('pulls from conflate once per credit', () => {
    const target = new FakeTarget(1);
    const source = new Subject<number>();
    source.pipe(conflate(), sendTo(target.stream)).subscribe();
    for (const value of [1, 2, 3]) source.next(value);
    target.give(1);
    expect(target.outlet.sent).toStrictEqual([1, 3]);
  });

  it('can be subscribed to, and errors, where the source refuses', () => {
    const target = new FakeTarget(1);
    expect(record(throwError(() => new Error('refused')).pipe(sendTo(target.stream))).log).toStrictEqual([
      new Error('refused'),
    ]);
  });
});

describe('the credit of a stream that is sent to another one', () => {
  it('returns when its item was sent', () => {
    const [stream, target] = [new FakeStream(), new FakeTarget(1)];
    stream.items
      .pipe(
        map((value) => 2 * value),
        sendTo(target.stream),
      )
      .subscribe();
    stream.push(1, 2, 3);
    expect([target.outlet.sent, stream.released]).toStrictEqual([[2], 1]);
    target.give(1);
    expect([target.outlet.sent, stream.released]).toStrictEqual([[2, 4], 2]);
  });

  it('returns when the stream that it is sent to has ended, or is cancelled', () => {
    const [left, right] = [new FakeStream(), new FakeStream()];
    const [ended, cancelled] = [new FakeTarget(0), new FakeTarget(0)];
    record(left.items.pipe(sendTo(ended.stream)));
    const { unsubscribe } = record(right.items.pipe(sendTo(cancelled.stream)));
    for (const stream of [left, right]) stream.push(1, 2);
    ended.end(new Error('of the call'));
    unsubscribe();
    expect([left.released, left.cancelled, right.released, right.cancelled]).toStrictEqual([2, 1, 2, 1]);
  });

  it('is unaffected by a consume behind it', () => {
    const [stream, target] = [new FakeStream(), new FakeTarget(0)];
    stream.items
      .pipe(
        sendTo(target.stream),
        consume(() => of(1)),
      )
      .subscribe();
    stream.push(1);
    target.give(1);
    expect([stream.released, stream.events]).toStrictEqual([1, []]);
  });
});
