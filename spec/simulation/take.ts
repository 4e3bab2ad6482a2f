import { map, type Observable, Subscriber, type Subscription, timer, of } from 'rxjs';
import { consume, type Delivery } from '../../lib/index.js';
import type { Flow } from './ledger.js';
import type { Taker } from './routes.js';
import { sleep } from './source.js';

/** What can be taken in every way. */
export interface Takeable extends Observable<Uint8Array>, AsyncIterable<Uint8Array> {
  readonly deliveries: Observable<Delivery<Uint8Array>>;
}

/** Who takes the items of a stream. */
export interface TakeOptions {
  readonly flow: Flow;
  readonly taker: Taker;
  /** Virtual ms for each item. */
  readonly takes: number;
  /** Stop after so many items; 0: do not. */
  readonly stopAfter: number;
  /** It has been stopped, by itself. */
  readonly stopped: () => void;
  /** It has ended; told as often as the stream tells it. */
  readonly ended: (end: { readonly error?: unknown }) => void;
}

/**
 * Hears every notification, also those that rxjs would keep from an observer because they came after the end. After an
 * unsubscription none counts.
 */
class Witness<T> extends Subscriber<T> {
  readonly #item: (item: T) => void;
  readonly #ended: (end: { readonly error?: unknown }) => void;
  #ends = 0;

  constructor(item: (item: T) => void, ended: (end: { readonly error?: unknown }) => void) {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- an observer never hears what comes after the end.
    super();
    this.#item = item;
    this.#ended = ended;
  }

  override next(item?: T): void {
    if (this.#ends > 0 || !this.closed) this.#item(item!);
  }

  override error(error: unknown): void {
    this.#end({ error });
  }

  override complete(): void {
    this.#end({});
  }

  #end(end: { readonly error?: unknown }): void {
    if (this.closed && this.#ends === 0) return;
    this.#ends++;
    this.#ended(end);
    this.unsubscribe();
  }
}

/** Subscribes, and hears everything. `item` gets the subscription too: items may come before this returns. */
export function witness<T>(
  source: Observable<T>,
  item: (item: T, subscription: Subscription) => void,
  ended: (end: { readonly error?: unknown }) => void,
): Subscription {
  const subscriber = new Witness<T>((value) => {
    item(value, subscriber);
  }, ended);
  source.subscribe(subscriber);
  return subscriber;
}

/** Takes all items of a stream in one of the ways that users do. The result gives up. */
export function take(stream: Takeable, options: TakeOptions): () => void {
  const { flow, taker, takes, stopAfter, stopped, ended } = options;
  if (taker === 'forAwait') return iterate(stream, options);
  const taken = (subscription: Subscription): void => {
    if (flow.delivered !== stopAfter) return;
    stopped();
    subscription.unsubscribe();
  };
  const end = (value: { readonly error?: unknown }): void => {
    if (!('error' in value)) flow.completed = true;
    ended(value);
  };
  const subscription = subscribe();
  return () => {
    subscription.unsubscribe();
  };

  function subscribe(): Subscription {
    switch (taker) {
      case 'consume': {
        const consumed = stream.pipe(
          consume((item) => {
            flow.deliver(item);
            return (takes === 0 ? of(0) : timer(takes)).pipe(map(() => undefined));
          }),
        );
        const release = (_: undefined, current: Subscription): void => {
          flow.released++;
          taken(current);
        };
        return witness(consumed, release, end);
      }
      case 'deliveries':
        return witness(
          stream.deliveries,
          (delivery, current) => {
            flow.deliver(delivery.value);
            const done = (): void => {
              flow.released++;
              delivery.release();
            };
            if (takes === 0) done();
            else setTimeout(done, takes);
            taken(current);
          },
          end,
        );
      default:
        return witness(
          stream,
          (item, current) => {
            flow.deliver(item);
            flow.released++;
            taken(current);
          },
          end,
        );
    }
  }
}

function iterate(stream: Takeable, { flow, takes, stopAfter, stopped, ended }: TakeOptions): () => void {
  const iterator = stream[Symbol.asyncIterator]();
  // Given up: the loop may go on for one more turn, and its end is no outcome.
  let given = false as boolean;
  const loop = async (): Promise<void> => {
    for await (const item of { [Symbol.asyncIterator]: () => iterator }) {
      flow.deliver(item);
      if (flow.delivered === stopAfter) {
        given = true;
        stopped();
        return;
      }
      if (takes > 0) await sleep(takes);
      flow.released++;
    }
  };
  loop().then(
    () => {
      if (given) return;
      flow.completed = true;
      ended({});
    },
    (error: unknown) => {
      if (!given) ended({ error });
    },
  );
  return () => {
    given = true;
    void iterator.return?.();
  };
}
