import { describe, expect, it, jest } from '@jest/globals';
import { NEVER, Observable, of, Subject } from 'rxjs';
import { takeUntilAborted } from '../../lib/operators/take-until-aborted.js';
import { FakeStream } from '../support/streams/fake-stream.js';
import { record } from '../support/linked-managers.js';
import { testScheduler } from '../support/streams/marbles.js';

describe('takeUntilAborted', () => {
  it('errors with the reason when the signal aborts, and stops the source', () => {
    testScheduler().run(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const abort = new AbortController();
      const source = hot('               -a-b-c-|');
      cold('                             ----x').subscribe(() => {
        abort.abort('enough');
      });
      expectObservable(source.pipe(takeUntilAborted(abort.signal))).toBe('-a-b#', undefined, 'enough');
      expectSubscriptions(source.subscriptions).toBe('^---!');
    });
  });

  it('does not subscribe to the source where the signal has aborted', () => {
    testScheduler().run(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('-a|');
      expectObservable(source.pipe(takeUntilAborted(AbortSignal.abort('before')))).toBe('#', {}, 'before');
      expectSubscriptions(source.subscriptions).toBe([]);
    });
  });

  it('passes completion and error of the source on', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      const { signal } = new AbortController();
      expectObservable(hot('-a-|').pipe(takeUntilAborted(signal))).toBe('-a-|');
      expectObservable(hot('-a-#').pipe(takeUntilAborted(signal))).toBe('-a-#');
      expectObservable(hot('-a-b').pipe(takeUntilAborted(signal)), '^-!').toBe('-a-');
    });
  });

  it('errors with the default reason of the platform where none is given', () => {
    const abort = new AbortController();
    const { log } = record(NEVER.pipe(takeUntilAborted(abort.signal)));
    abort.abort();
    expect(log).toStrictEqual([abort.signal.reason]);
    expect(abort.signal.reason).toHaveProperty('name', 'AbortError');
  });

  it('aborts within next, and within subscribe', () => {
    const [inNext, inSubscribe] = [new AbortController(), new AbortController()];
    const source = new Subject<number>();
    const log: unknown[] = [];
    source.pipe(takeUntilAborted(inNext.signal)).subscribe({
      next: (value) => {
        log.push(value);
        inNext.abort('now');
      },
      error: (error: unknown) => log.push(error),
    });
    source.next(1);
    source.next(2);
    expect([log, source.observed]).toStrictEqual([[1, 'now'], false]);
    let emitted = 0;
    const endless = new Observable<number>((subscriber) => {
      while (!subscriber.closed) {
        if (++emitted === 3) inSubscribe.abort('within');
        subscriber.next(emitted);
      }
    });
    expect(record(endless.pipe(takeUntilAborted(inSubscribe.signal))).log).toStrictEqual([1, 2, 'within']);
    expect(emitted).toBe(3);
  });

  it('removes its listener after the end', () => {
    const { signal } = new AbortController();
    const [add, remove] = [jest.spyOn(signal, 'addEventListener'), jest.spyOn(signal, 'removeEventListener')];
    of(1).pipe(takeUntilAborted(signal)).subscribe();
    NEVER.pipe(takeUntilAborted(signal)).subscribe().unsubscribe();
    expect([add.mock.calls.length, remove.mock.calls.length]).toStrictEqual([2, 2]);
  });

  it('cancels a stream, and leaves its credit alone', () => {
    const stream = new FakeStream();
    const abort = new AbortController();
    const { log } = record(stream.items.pipe(takeUntilAborted(abort.signal)));
    stream.push(1);
    abort.abort('enough');
    expect([log, stream.released, stream.cancelled]).toStrictEqual([[1, 'enough'], 1, 1]);
  });
});
