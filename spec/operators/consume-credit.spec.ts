import { describe, expect, it } from '@jest/globals';
import type { Observable } from 'rxjs';
import { filter, map, merge, mergeMap, of, retry, share, Subject } from 'rxjs';
import { consume } from '../../lib/operators/consume.js';
import { FakeStream } from '../support/streams/fake-stream.js';
import { FakeOutlet } from '../support/streams/outlet.js';

/** The work on items: each waits until the test ends it. */
class Work {
  readonly open: Subject<never>[] = [];
  readonly project = (): Observable<never> => {
    const work = new Subject<never>();
    this.open.push(work);
    return work;
  };

  endFirst(): void {
    this.open.shift()!.complete();
  }
}

describe('the credit of a stream, where consume stands behind an operator', () => {
  it('filter: returns at once for an item that does not reach it', () => {
    const stream = new FakeStream();
    stream.items
      .pipe(
        filter((value) => value % 2 === 0),
        consume(new Work().project),
      )
      .subscribe();
    stream.push(1, 2, 3);
    expect(stream.released).toBe(2);
  });

  it('share: is retained until the last of its consumers is done', () => {
    const stream = new FakeStream();
    const works = [new Work(), new Work()] as const;
    const shared = stream.items.pipe(share());
    for (const work of works) shared.pipe(consume(work.project)).subscribe();
    stream.push(1);
    works[1].endFirst();
    expect([stream.calls, stream.released]).toStrictEqual([1, 0]);
    works[0].endFirst();
    expect(stream.released).toBe(1);
  });

  it('mergeMap: is retained until everything that its item became is processed', () => {
    const stream = new FakeStream();
    const work = new Work();
    stream.items
      .pipe(
        mergeMap((value) => of(value, value)),
        consume(work.project),
      )
      .subscribe();
    stream.push(1);
    work.endFirst();
    expect(stream.released).toBe(0);
    work.endFirst();
    expect(stream.released).toBe(1);
  });

  it('retry: follows the stream that was called again', () => {
    const stream = new FakeStream();
    const work = new Work();
    stream.items.pipe(retry(1), consume(work.project)).subscribe();
    stream.push(1);
    stream.end(new Error('lost'));
    stream.push(2);
    expect([stream.calls, stream.released]).toStrictEqual([2, 0]);
    work.endFirst();
    work.endFirst();
    expect([stream.released, stream.events]).toStrictEqual([2, []]);
  });

  it('merge of streams: returns to the stream of its item', () => {
    const [left, right] = [new FakeStream(), new FakeStream()];
    const work = new Work();
    merge(left.items, right.items)
      .pipe(consume(work.project, { concurrency: 2 }))
      .subscribe();
    left.push(1);
    right.push(1);
    work.open[1]!.complete();
    expect([left.released, right.released]).toStrictEqual([0, 1]);
  });

  it('consume behind consume: is retained until both are done', () => {
    const stream = new FakeStream();
    const [first, second] = [new Work(), new Work()];
    stream.items
      .pipe(
        consume((value) => merge(of(value), first.project())),
        consume(second.project),
      )
      .subscribe();
    stream.push(1);
    first.endFirst();
    expect(stream.released).toBe(0);
    second.endFirst();
    expect([stream.released, stream.events]).toStrictEqual([1, []]);
  });

  it('consume behind asynchronous work: is retained until the results are processed, too', () => {
    const stream = new FakeStream();
    const results = new Subject<number>();
    const work = new Work();
    stream.items
      .pipe(
        consume(() => results),
        map((value) => value),
        consume(work.project),
      )
      .subscribe();
    stream.push(1);
    results.next(10);
    results.next(11);
    results.complete();
    expect(stream.released).toBe(0);
    work.endFirst();
    expect(stream.released).toBe(0);
    work.endFirst();
    expect([stream.released, stream.events]).toStrictEqual([1, []]);
  });

  it('consume in a relay: is retained until its results are sent', () => {
    const outlet = new FakeOutlet(0);
    const stream = new FakeStream();
    const results: Subject<number>[] = [];
    const relay = stream.items.pipe(
      consume(
        () => {
          results.push(new Subject());
          return results.at(-1)!;
        },
        { concurrency: 3 },
      ),
    );
    outlet.feed(relay, { items: 1 });
    stream.push(1, 2, 3);
    for (const [index, result] of results.entries()) {
      result.next(10 * index);
      result.complete();
    }
    expect([stream.released, outlet.log]).toStrictEqual([0, []]);
    outlet.give(2);
    expect([stream.released, outlet.log]).toStrictEqual([2, [0, 10]]);
    outlet.give(1);
    expect([stream.released, outlet.log]).toStrictEqual([3, [0, 10, 20]]);
  });
});
