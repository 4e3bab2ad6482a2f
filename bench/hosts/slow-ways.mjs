// Every way to take the items of a stream slowly. Each takes the stream, and `work`, which takes one item for a while;
// the result stops it.
import { filter, map, retry, scan, share } from 'rxjs';
import { consume, sendTo, toReadableStream } from 'rxgrid';
import { toNodeReadable } from 'rxgrid/node';

const ignore = () => {};

const consuming = (through) => (stream, work) => {
  const subscription = through(stream).pipe(consume(work)).subscribe({ error: ignore });
  return () => subscription.unsubscribe();
};

/** Reads one item after the other, until `stop`. */
function readAll(iterator, work, stop) {
  let stopped = false;
  const read = async () => {
    while (!stopped) {
      const { done, value } = await iterator.next();
      if (done || stopped) return;
      await work(value);
    }
  };
  read().catch(ignore);
  return () => {
    stopped = true;
    stop();
  };
}

/** Holds the event loop up, as a synchronous consumer does. */
function block(ms) {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

export const ways = {
  consume: consuming((items) => items),
  'consume-map': consuming(map((item) => ({ item }))),
  'consume-filter': consuming(filter((item) => item.length > 0)),
  'consume-scan': consuming(scan((bytes, item) => bytes + item.length, 0)),
  'consume-share': consuming(share()),
  'consume-retry': consuming(retry(3)),
  'for-await'(stream, work) {
    const iterator = stream[Symbol.asyncIterator]();
    return readAll(iterator, work, () => iterator.return());
  },
  subscribe(stream, work, { workMs, counts }) {
    const subscription = stream.subscribe({
      next() {
        counts.taken++;
        block(workMs);
      },
      error: ignore,
    });
    return () => subscription.unsubscribe();
  },
  deliveries(stream, work) {
    let last = Promise.resolve();
    const subscription = stream.deliveries.subscribe({
      next(delivery) {
        last = last.then(() => work(delivery.value)).then(() => delivery.release());
      },
      error: ignore,
    });
    return () => subscription.unsubscribe();
  },
  toReadableStream(stream, work) {
    const reader = toReadableStream(stream).getReader();
    return readAll({ next: () => reader.read() }, work, () => reader.cancel());
  },
  toNodeReadable(stream, work) {
    const readable = toNodeReadable(stream);
    return readAll(readable[Symbol.asyncIterator](), work, () => readable.destroy());
  },
  /** To another stream, whose other end is slow. */
  sendTo(stream, work, { openSlow }) {
    const subscription = stream.pipe(sendTo(openSlow())).subscribe({ error: ignore });
    return () => subscription.unsubscribe();
  },
};
