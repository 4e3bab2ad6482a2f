import { describe, expect, it } from '@jest/globals';
import type { Observable } from 'rxjs';
import { finalize, map, NEVER, share, Subject, takeUntil, tap } from 'rxjs';
import { bufferBounded } from '../../../lib/operators/buffer-bounded.js';
import { conflate } from '../../../lib/operators/conflate.js';
import { consume } from '../../../lib/operators/consume.js';
import { toAsyncIterable } from '../../../lib/operators/to-async-iterable.js';
import { FakeStream } from '../../support/streams/fake-stream.js';
import { FakeOutlet } from '../../support/streams/outlet.js';

const behind: [string, (source: Observable<number>) => Observable<number>][] = [
  ['finalize', (source) => source.pipe(finalize(() => undefined))],
  ['takeUntil', (source) => source.pipe(takeUntil(NEVER))],
  ['map', (source) => source.pipe(map((value) => value))],
  ['tap and share', (source) => source.pipe(tap(), share())],
];

describe.each(behind)('an operator that buffers items for its consumer, with %s behind it', (_, operator) => {
  it('conflates while there is no credit, and buffers one item at the stream', () => {
    const outlet = new FakeOutlet(0);
    const source = new Subject<number>();
    outlet.feed(operator(source.pipe(conflate())));
    for (let item = 0; item < 1_500; item++) source.next(item);
    outlet.give(5);
    source.next(7);
    source.complete();
    expect(outlet.log).toStrictEqual([0, 1_499, 7, 'done']);
  });

  it('drops items as its bound says', () => {
    const outlet = new FakeOutlet(0);
    const source = new Subject<number>();
    const dropped: number[] = [];
    const drops = { next: ({ value }: { value: number }) => dropped.push(value) };
    outlet.feed(operator(source.pipe(bufferBounded({ capacity: 2, overflow: 'drop-oldest', drops }))));
    for (let item = 0; item < 6; item++) source.next(item);
    outlet.give(5);
    expect([outlet.log, dropped]).toStrictEqual([
      [0, 4, 5],
      [1, 2, 3],
    ]);
  });

  it('ends after the buffered items, and stops its source', () => {
    const outlet = new FakeOutlet(0);
    const [failing, stopped] = [new Subject<number>(), new Subject<number>()];
    outlet.feed(operator(failing.pipe(conflate())));
    failing.next(1);
    failing.next(2);
    failing.error(new Error('of the source'));
    expect(outlet.log).toStrictEqual([]);
    outlet.give(2);
    expect(outlet.log).toStrictEqual([1, 2, new Error('of the source')]);
    const feeder = new FakeOutlet(0).feed(operator(stopped.pipe(conflate())));
    stopped.next(1);
    feeder.stop();
    expect(stopped.observed).toBe(false);
  });

  it('conflates while consume works on an item', () => {
    const source = new Subject<number>();
    const work: Subject<never>[] = [];
    const started: number[] = [];
    operator(source.pipe(conflate()))
      .pipe(
        consume((item) => {
          started.push(item);
          const subject = new Subject<never>();
          work.push(subject);
          return subject;
        }),
      )
      .subscribe();
    for (let item = 0; item < 10; item++) source.next(item);
    work[0]!.complete();
    expect(started).toStrictEqual([0, 9]);
  });

  it('emits every item at once to a subscriber that retains nothing', () => {
    const source = new Subject<number>();
    const items: number[] = [];
    operator(source.pipe(conflate())).subscribe((item) => items.push(item));
    for (let item = 0; item < 4; item++) source.next(item);
    expect(items).toStrictEqual([0, 1, 2, 3]);
  });
});

it('conflates for a reader behind another operator', async () => {
  const source = new Subject<number>();
  const items = toAsyncIterable(
    source.pipe(
      conflate(),
      finalize(() => undefined),
    ),
  )[Symbol.asyncIterator]();
  const first = items.next();
  for (let item = 0; item < 10; item++) source.next(item);
  source.complete();
  const values: unknown[] = [(await first).value, (await items.next()).value, (await items.next()).value];
  expect(values).toStrictEqual([0, 9, undefined]);
});

it('conflates a stream for a slow consumer: credit returns, and new items replace the buffered one', () => {
  const stream = new FakeStream();
  const work: Subject<never>[] = [];
  const started: number[] = [];
  stream.items
    .pipe(
      conflate(),
      consume((item) => {
        started.push(item);
        const subject = new Subject<never>();
        work.push(subject);
        return subject;
      }),
    )
    .subscribe();
  stream.push(1, 2, 3, 4);
  work[0]!.complete();
  expect([started, stream.released, stream.events]).toStrictEqual([[1, 4], 4, []]);
});
