import { describe, expect, it } from '@jest/globals';
import { Subject, take } from 'rxjs';
import { consume } from '../../lib/operators/consume.js';
import { fromReadableStream } from '../../lib/operators/from-readable-stream.js';
import { record, turn } from '../support/linked-managers.js';
import { FakeOutlet } from '../support/streams/outlet.js';

/** A stream of numbers, how many were asked for, and why it was cancelled. */
function numbers(end = Infinity): {
  asked: number;
  readonly cancels: unknown[];
  readonly stream: ReadableStream<number>;
} {
  const state = { asked: 0, cancels: [] as unknown[], stream: undefined as unknown as ReadableStream<number> };
  state.stream = new ReadableStream<number>(
    {
      pull(controller) {
        if (state.asked === end) controller.close();
        else controller.enqueue(++state.asked);
      },
      cancel(reason) {
        state.cancels.push(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return state;
}

// Promises of the platform: no marbles here.
describe('fromReadableStream', () => {
  it('emits the chunks, completes, and unlocks the stream', async () => {
    const { stream } = numbers(3);
    const { log } = record(fromReadableStream(stream));
    await turn();
    expect([log, stream.locked]).toStrictEqual([[1, 2, 3, 'done'], false]);
  });

  it('reads the next chunk when the work on the previous one ends', async () => {
    const source = numbers();
    const works: Subject<never>[] = [];
    fromReadableStream(source.stream)
      .pipe(consume(() => (works[works.length] = new Subject<never>())))
      .subscribe();
    await turn();
    expect([source.asked, works.length]).toStrictEqual([1, 1]);
    works[0]!.complete();
    await turn();
    expect([source.asked, works.length]).toStrictEqual([2, 2]);
  });

  it('reads ahead up to its capacity', async () => {
    const source = numbers();
    fromReadableStream(source.stream, { capacity: 3 })
      .pipe(consume(() => new Subject<never>()))
      .subscribe();
    await turn();
    expect(source.asked).toBe(3);
  });

  it('is read as credit allows where it is fed to a stream, plus one chunk', async () => {
    const source = numbers();
    const outlet = new FakeOutlet(2);
    const feeder = outlet.feed(fromReadableStream(source.stream));
    await turn();
    expect([outlet.sent, source.asked]).toStrictEqual([[1, 2], 3]);
    outlet.give(1);
    await turn();
    expect([outlet.sent, source.asked]).toStrictEqual([[1, 2, 3], 4]);
    feeder.stop();
    await turn();
    expect(source.cancels).toHaveLength(1);
  });

  it('cancels and unlocks the stream when it is unsubscribed, also within next', async () => {
    const [left, right] = [numbers(), numbers()];
    const { log } = record(fromReadableStream(left.stream).pipe(take(2)));
    const { unsubscribe } = record(fromReadableStream(right.stream).pipe(consume(() => new Subject())));
    await turn();
    unsubscribe();
    await turn();
    expect(log).toStrictEqual([1, 2, 'done']);
    expect([left.cancels, right.cancels]).toStrictEqual([[undefined], [undefined]]);
    expect([left.stream.locked, right.stream.locked]).toStrictEqual([false, false]);
  });

  it('errors with the error of the stream, and where it is locked', async () => {
    const failing = new ReadableStream<number>({
      start(controller) {
        controller.error(new Error('of the stream'));
      },
    });
    const locked = numbers().stream;
    locked.getReader();
    const logs = [record(fromReadableStream(failing)).log, record(fromReadableStream(locked)).log];
    await turn();
    expect(logs).toStrictEqual([[new Error('of the stream')], [expect.objectContaining({ name: 'TypeError' })]]);
    expect(failing.locked).toBe(false);
  });

  it('unlocks a stream that fails to be cancelled, and swallows the failure', async () => {
    const stream = new ReadableStream<number>({
      start(controller) {
        controller.enqueue(1);
      },
      cancel() {
        throw new Error('of cancel');
      },
    });
    // The item is in work, so no read waits.
    const { log, unsubscribe } = record(fromReadableStream(stream).pipe(consume(() => new Subject())));
    await turn();
    unsubscribe();
    await turn();
    expect([log, stream.locked]).toStrictEqual([[], false]);
  });

  it('keeps the order where an item makes the stream provide the next one', async () => {
    let controller!: ReadableStreamDefaultController<number>;
    const stream = new ReadableStream<number>({
      start(its) {
        controller = its;
      },
    });
    const items: number[] = [];
    fromReadableStream(stream).subscribe((item) => {
      items.push(item);
      if (item < 3) controller.enqueue(item + 1);
    });
    controller.enqueue(1);
    await turn();
    expect(items).toStrictEqual([1, 2, 3]);
  });

  it('refuses an invalid capacity', () => {
    expect(() => fromReadableStream(numbers().stream, { capacity: 0 })).toThrow(
      'fromReadableStream: capacity must be a whole number of items, 1 or more; it is 0.',
    );
  });
});
