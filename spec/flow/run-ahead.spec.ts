import { describe, expect, it } from '@jest/globals';
import {
  bufferCount,
  combineLatest,
  EMPTY,
  filter,
  map,
  merge,
  type Observable,
  takeUntil,
  withLatestFrom,
  zip,
} from 'rxjs';
import { Inbound } from '../../lib/flow/inbound.js';
import { CallObservable } from '../../lib/flow/call-observable.js';
import { reportUnhandled } from '../../lib/flow/unhandled.js';
import type { GridEvent } from '../../lib/observe.js';
import { consume } from '../../lib/operators/consume.js';
import { toAsyncIterable } from '../../lib/operators/to-async-iterable.js';
import { FakeOutlet } from '../support/streams/outlet.js';

/** A stream of objects, each with its number. */
class Numbered {
  readonly items: CallObservable<{ readonly number: number }>;
  #inbound!: Inbound<{ readonly number: number }>;
  #sent = 0;

  constructor(route: string, events: GridEvent[]) {
    this.items = new CallObservable((attach) => {
      this.#inbound = new Inbound({
        route,
        report: (event) => events.push(event),
        decode: (payload) => ({ number: payload[0]! }),
        release: () => undefined,
        onThrown: reportUnhandled,
        undecodable: () => undefined,
      });
      attach(this.#inbound);
      return () => {
        this.#inbound.discard();
      };
    });
  }

  push(count: number): void {
    for (let index = 0; index < count; index++) this.#inbound.push(Uint8Array.of(this.#sent++ % 256));
  }
}

type Join = (fast: Numbered, slow: Numbered) => Observable<unknown>;
const joined: Join = (fast, slow) => zip(fast.items, slow.items);

/**
 * The fast stream gets hundreds of items ahead of the slow one, which then goes on. The result is what was reported.
 */
function run(join: Join, take: (source: Observable<unknown>) => void): GridEvent[] {
  const events: GridEvent[] = [];
  const [fast, slow] = [new Numbered('fast', events), new Numbered('slow', events)];
  take(join(fast, slow));
  fast.push(1);
  slow.push(1);
  for (let round = 0; round < 10; round++) {
    fast.push(50);
    slow.push(1);
  }
  slow.push(100);
  return events;
}

const consumed = (source: Observable<unknown>): void => {
  source.pipe(consume(() => EMPTY)).subscribe();
};
const report = {
  type: 'backpressure-lost',
  route: 'fast',
  remedy: expect.stringContaining('zip() lets this stream run ahead of the others'),
};

describe('a stream that zip lets run ahead of another one is reported once', () => {
  it('by consume', () => {
    expect(run(joined, consumed)).toStrictEqual([report]);
  });

  it('by a reader', () => {
    const read = (source: Observable<unknown>): void => void toAsyncIterable(source)[Symbol.asyncIterator]().next();
    expect(run(joined, read)).toStrictEqual([report]);
  });

  it('by a relay', () => {
    const relay = (source: Observable<unknown>): void => {
      new FakeOutlet(99).feed(source.pipe(map((pair) => pair as never)));
    };
    expect(run(joined, relay)).toStrictEqual([report]);
  });
});

it.each<[string, Join]>([
  ['whose items are dropped by withLatestFrom', (fast, slow) => slow.items.pipe(withLatestFrom(fast.items))],
  ['that ends another', (fast, slow) => slow.items.pipe(takeUntil(fast.items.pipe(filter(() => false))))],
  ['of which the latest is taken', (fast, slow) => combineLatest([fast.items, slow.items])],
  ['that is merged', (fast, slow) => merge(fast.items, slow.items)],
  ['that is collected', (fast, slow) => merge(fast.items, slow.items).pipe(bufferCount(100))],
])('a stream %s is not reported', (_, join) => {
  expect(run(join, consumed)).toStrictEqual([]);
});
