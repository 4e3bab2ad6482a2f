import { describe, expect, it } from '@jest/globals';
import { map, Observable, take, type Subscriber } from 'rxjs';
import { reportUnhandled } from '../../lib/flow/unhandled.js';
import type { Delivery } from '../../lib/flow/delivery.js';
import { retainCurrent } from '../../lib/flow/delivery.js';
import { Inbound } from '../../lib/flow/inbound.js';
import { SourceTracker } from '../../lib/flow/source-tracker.js';

const bytes = (value: number): Uint8Array => Uint8Array.of(value);

interface Setup {
  readonly inbound: Inbound<number>;
  /** Released credits. */
  released(): number;
  readonly decodeErrors: unknown[];
  /** Subscribes to the items; the log gets what comes. */
  consume(through?: (items: Observable<number>) => Observable<unknown>): { log: unknown[]; stop(): void };
}

function setup(): Setup {
  let released = 0;
  const decodeErrors: unknown[] = [];
  const inbound = new Inbound<number>({
    route: 'route',
    report: () => undefined,
    decode: (payload) => {
      if (payload[0] === 255) throw new Error('not decodable');
      return payload[0]!;
    },
    release: () => {
      released++;
    },
    onThrown: reportUnhandled,
    undecodable: (error) => decodeErrors.push(error),
  });
  return {
    inbound,
    released: () => released,
    decodeErrors,
    consume: (through = (items) => items) => {
      const log: unknown[] = [];
      const items = new Observable((subscriber: Subscriber<number>) => {
        inbound.attach(subscriber);
        return () => {
          inbound.discard();
        };
      });
      const subscription = through(items).subscribe({
        next: (value) => log.push(value),
        error: (error: unknown) => log.push(error),
        complete: () => log.push('done'),
      });
      return {
        log,
        stop: () => {
          subscription.unsubscribe();
        },
      };
    },
  };
}

describe('an inbound half without a consumer', () => {
  it('holds the items and their credit', () => {
    const { inbound, released } = setup();
    for (const value of [1, 2]) inbound.push(bytes(value));
    expect([inbound.held, inbound.taken, released()]).toStrictEqual([2, false, 0]);
  });

  it('holds no message of which an item is a small part', () => {
    const decoded: Uint8Array[] = [];
    const inbound = new Inbound<number>({
      route: 'route',
      report: () => undefined,
      decode: (payload) => decoded.push(payload),
      release: () => undefined,
      onThrown: reportUnhandled,
      undecodable: () => undefined,
    });
    const message = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    inbound.push(message.subarray(2, 3));
    inbound.push(message.subarray(1));
    new Observable<number>((subscriber) => {
      inbound.attach(subscriber);
    }).subscribe();
    expect(decoded).toStrictEqual([message.slice(2, 3), message.slice(1)]);
    expect(decoded.map(({ buffer }) => buffer === message.buffer)).toStrictEqual([false, true]);
  });

  it('emits them in order to its consumer, and then later ones', () => {
    const { inbound, released, consume } = setup();
    for (const value of [1, 2]) inbound.push(bytes(value));
    const { log } = consume();
    inbound.push(bytes(3));
    expect([log, inbound.held, inbound.taken, released()]).toStrictEqual([[1, 2, 3], 0, true, 3]);
  });

  it('ends after the buffered items', () => {
    const { inbound, consume } = setup();
    inbound.push(bytes(1));
    inbound.end();
    expect(consume().log).toStrictEqual([1, 'done']);
  });

  it('errors after the buffered items', () => {
    const { inbound, consume } = setup();
    const error = new Error('of the stream');
    inbound.push(bytes(1));
    inbound.end(error);
    inbound.end();
    expect(consume().log).toStrictEqual([1, error]);
  });

  it('returns all credit once when it is discarded, also of later items', () => {
    const { inbound, released } = setup();
    for (const value of [1, 2, 3]) inbound.push(bytes(value));
    inbound.discard();
    inbound.discard();
    inbound.push(bytes(4));
    expect([released(), inbound.held, inbound.taken]).toStrictEqual([4, 0, true]);
  });
});

describe('an inbound half with its consumer', () => {
  it('decodes an item when it is emitted, not when it arrives', () => {
    const { inbound, consume, decodeErrors } = setup();
    inbound.push(bytes(255));
    expect(decodeErrors).toStrictEqual([]);
    consume();
    expect(decodeErrors).toHaveLength(1);
  });

  it('keeps the order where items arrive while it emits buffered ones', () => {
    const { inbound, consume, released } = setup();
    for (const value of [1, 2]) inbound.push(bytes(value));
    const { log } = consume(
      map((value) => {
        if (value < 4) inbound.push(bytes(value + 2));
        return value;
      }),
    );
    expect([log, released()]).toStrictEqual([[1, 2, 3, 4, 5], 5]);
  });

  it('ends after the buffered items where the end arrives while it emits them', () => {
    const { inbound, consume } = setup();
    for (const value of [1, 2]) inbound.push(bytes(value));
    const { log } = consume(
      map((value) => {
        inbound.end();
        return value;
      }),
    );
    expect(log).toStrictEqual([1, 2, 'done']);
  });

  it('returns every credit once where it is unsubscribed within next', () => {
    const { inbound, consume, released } = setup();
    for (const value of [1, 2, 3]) inbound.push(bytes(value));
    const { log } = consume(take(1));
    expect([log, released(), inbound.held]).toStrictEqual([[1, 'done'], 3, 0]);
    inbound.push(bytes(4));
    inbound.end(new Error('too late'));
    expect([log, released()]).toStrictEqual([[1, 'done'], 4]);
  });

  it('returns the credit of a retained item when it is released, also after the unsubscription', () => {
    const { inbound, consume, released } = setup();
    let release: (() => void) | undefined;
    const { stop } = consume(
      map(() => {
        release = retainCurrent();
      }),
    );
    inbound.push(bytes(1));
    stop();
    expect(released()).toBe(0);
    release!();
    expect(released()).toBe(1);
  });

  it('reports a payload that does not decode to both sides, once, and returns all credit', () => {
    const { inbound, consume, released, decodeErrors } = setup();
    for (const value of [1, 255, 2, 255]) inbound.push(bytes(value));
    const { log } = consume();
    inbound.push(bytes(3));
    inbound.end(decodeErrors[0]);
    expect(decodeErrors).toStrictEqual([new Error('not decodable')]);
    expect([log, released()]).toStrictEqual([[1, new Error('not decodable')], 5]);
  });

  it('is named to subscription trackers, with its call', () => {
    const { inbound } = setup();
    const notes = new SourceTracker();
    const origin = {};
    let retained: (() => void) | undefined;
    notes.during(() => {
      new Observable((subscriber: Subscriber<number>) => {
        inbound.attach(subscriber, origin);
      }).subscribe(() => (retained = notes.retainCurrent()));
    });
    inbound.push(bytes(1));
    expect(notes.streams.map(({ route, origin }) => ({ route, origin }))).toStrictEqual([{ route: 'route', origin }]);
    expect(retained).toBeDefined();
  });
});

describe('an inbound half whose consumer releases explicitly', () => {
  const explicit = (inbound: Inbound<number>, next: (delivery: Delivery<number>) => void): { log: unknown[] } => {
    const log: unknown[] = [];
    new Observable((subscriber: Subscriber<Delivery<number>>) => {
      inbound.attachExplicit(subscriber);
    }).subscribe({
      next,
      error: (error: unknown) => log.push(error),
      complete: () => log.push('done'),
    });
    return { log };
  };

  it('returns the credit of each delivery once, in any order', () => {
    const { inbound, released } = setup();
    const deliveries: Delivery<number>[] = [];
    inbound.push(bytes(1));
    explicit(inbound, (delivery) => deliveries.push(delivery));
    inbound.push(bytes(2));
    expect([deliveries.map(({ value }) => value), released()]).toStrictEqual([[1, 2], 0]);
    deliveries[1]!.release();
    deliveries[1]!.release();
    expect(released()).toBe(1);
    deliveries[0]!.release();
    expect(released()).toBe(2);
  });

  it('ends as for any other consumer', () => {
    const { inbound } = setup();
    const { log } = explicit(inbound, () => undefined);
    inbound.push(bytes(1));
    inbound.end();
    expect([log, inbound.taken]).toStrictEqual([['done'], true]);
  });

  it('errors for a payload that does not decode', () => {
    const { inbound, decodeErrors } = setup();
    const { log } = explicit(inbound, () => undefined);
    inbound.push(bytes(255));
    expect([log, decodeErrors]).toStrictEqual([[new Error('not decodable')], [new Error('not decodable')]]);
  });
});
