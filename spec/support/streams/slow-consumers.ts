import { filter, map, retry, scan, share, type Observable } from 'rxjs';
import { consume, duplex, toReadableStream, type, type CallObservable, type CreditWindow } from '../../../lib/index.js';
import { toNodeReadable } from '../../../lib/node/to-node-readable.js';

/** Counts items of a stream at its two ends. The greatest lead of the producer is what backpressure bounds. */
export class Account {
  produced = 0;
  released = 0;
  /** The greatest `produced − released` so far. */
  lead = 0;

  produce(): number {
    this.produced++;
    this.lead = Math.max(this.lead, this.produced - this.released);
    return this.produced;
  }

  release(): void {
    this.released++;
  }
}

/** Emits once, when the work on one item is done. */
export type Work = () => Observable<unknown>;

/** Takes items, does the work on each, one at a time, and tells the account. The result stops it. */
export type Consumer = (items: CallObservable<number>, work: Work, account: Account) => () => void;

const done = (work: Work, account: Account): Observable<unknown> =>
  work().pipe(
    map(() => {
      account.release();
    }),
  );

const consuming =
  (through: (items: Observable<number>) => Observable<unknown>): Consumer =>
  (items, work, account) => {
    const subscription = through(items)
      .pipe(consume(() => done(work, account)))
      .subscribe({ error: () => undefined });
    return () => {
      subscription.unsubscribe();
    };
  };

const looping =
  (through: (items: CallObservable<number>) => AsyncIterable<unknown>): Consumer =>
  (items, work, account) => {
    let stopped = false;
    const isStopped = (): boolean => stopped;
    void (async () => {
      for await (const item of through(items)) {
        if (isStopped()) break;
        await new Promise((resolve) => done(work, account).subscribe(() => resolve(item)));
      }
    })().catch(() => undefined);
    return () => {
      stopped = true;
    };
  };

/**
 * Every way to take items slowly; who only subscribes is done with an item when `next` returns, and so is never slow.
 */
export const consumers: Readonly<Record<string, Consumer>> = {
  'deliveries that are released one after the other': (items, work, account) => {
    const held: (() => void)[] = [];
    let busy = false;
    const next = (): void => {
      const release = held.shift();
      if (busy || release === undefined) return;
      busy = true;
      done(work, account).subscribe(() => {
        release();
        busy = false;
        next();
      });
    };
    const subscription = items.deliveries.subscribe({
      next: (delivery) => {
        held.push(() => {
          delivery.release();
        });
        if (!busy) next();
      },
      error: () => undefined,
    });
    return () => {
      subscription.unsubscribe();
    };
  },
  'for await': looping((items) => items),
  toReadableStream: looping((items) => toReadableStream(items)),
  toNodeReadable: looping((items) => toNodeReadable(items)),
  consume: consuming((items) => items),
  'consume behind map': consuming(map((value) => ({ value }))),
  'consume behind filter': consuming(filter((value) => value > 0)),
  'consume behind scan': consuming(scan((sum, value) => sum + value, 0)),
  'consume behind share': consuming(share()),
  'consume behind retry': consuming(retry({ count: 3 })),
};

/** What a handler may give, or a call may send: items without end, which count themselves. */
export const producers: Readonly<Record<string, (account: Account) => Iterable<number> | AsyncIterable<number>>> = {
  'a generator': function* (account) {
    for (let count = 0; count < 1_000_000; count++) yield account.produce();
  },
  'an iterable': (account) => ({
    [Symbol.iterator]: () => ({ next: () => ({ done: account.produced === 1_000_000, value: account.produce() }) }),
  }),
  'an async generator': async function* (account) {
    for (let count = 0; count < 1_000_000; count++) yield account.produce();
  },
};

/** Routes with this window, one for each direction. */
export const routesWith = (window: number | CreditWindow) => ({
  // The payload says which account is meant: streams do not begin in the order in which they are made.
  down: duplex({
    id: 1,
    name: 'down',
    request: type<number | undefined>(),
    output: type<number>(),
    outCapacity: window,
  }),
  up: duplex({
    id: 2,
    name: 'up',
    request: type<number | undefined>(),
    input: type<number>(),
    output: type<number>(),
    inCapacity: window,
  }),
});
