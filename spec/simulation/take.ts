import { finalize, map, of, Subscriber, tap, timer, type Observable, type Subscription } from 'rxjs';
import { autoRelease, chunk, consume, toReadableStream, unchunk, type Delivery } from '../../lib/index.js';
import type { Flow } from './ledger.js';
import type { Taker } from './routes.js';
import { sleep } from './source.js';
import type { Throws } from './throws.js';

/** What can be taken in every way. */
export interface Takeable extends Observable<Uint8Array>, AsyncIterable<Uint8Array> {
  readonly deliveries: Observable<Delivery<Uint8Array>>;
}

/** What the code of who takes items throws. */
export interface TakerThrows {
  readonly place: 'projection' | 'finalizer' | 'observer';
  /** Item at which an operator or the observer throws. */
  readonly at: number;
  readonly make: () => Error;
  readonly ledger: Throws;
}

/** Who takes the items of a stream. */
export interface TakeOptions {
  readonly flow: Flow;
  readonly taker: Taker;
  /** Virtual ms for each item. */
  readonly takes: number;
  /** Stop after so many items; 0: do not. */
  readonly stopAfter: number;
  readonly throws?: TakerThrows | undefined;
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
  readonly #throws: TakerThrows | undefined;
  #ends = 0;
  #items = 0;
  // While its own finalizers run at the end.
  #finalizing = false;

  constructor(
    item: (item: T) => void,
    ended: (end: { readonly error?: unknown }) => void,
    throws: TakerThrows | undefined,
  ) {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- an observer never hears what comes after the end.
    super();
    this.#item = item;
    this.#ended = ended;
    this.#throws = throws;
  }

  override next(item?: T): void {
    if (this.#ends === 0 && this.closed) return;
    this.#item(item!);
    const throws = this.#throws;
    if (throws?.place === 'observer' && this.#items++ === throws.at) throw throws.make();
  }

  override error(error: unknown): void {
    // An operator of rxjs makes an error of what its destination throws. An observer would not hear of it.
    if (this.#finalizing) this.#throws!.ledger.report(error, 'caught');
    else this.#end({ error });
  }

  override complete(): void {
    this.#end({});
  }

  #end(end: { readonly error?: unknown }): void {
    if (this.closed && this.#ends === 0) return;
    this.#ends++;
    this.#ended(end);
    this.#finalizing = this.#throws?.place === 'finalizer';
    try {
      this.unsubscribe();
    } finally {
      // The operators behind it see the throw in this turn.
      queueMicrotask(() => (this.#finalizing = false));
    }
  }
}

/** Subscribes, and hears everything. `item` gets the subscription too: items may come before this returns. */
export function witness<T>(
  source: Observable<T>,
  item: (item: T, subscription: Subscription) => void,
  ended: (end: { readonly error?: unknown }) => void,
  throws?: TakerThrows,
): Subscription {
  const subscriber: Witness<T> = new Witness<T>(
    (value) => {
      item(value, subscriber);
    },
    ended,
    throws,
  );
  explosive(source, throws).subscribe(subscriber);
  return subscriber;
}

/** The source, behind an operator that throws as it should. */
function explosive<T>(source: Observable<T>, throws: TakerThrows | undefined): Observable<T> {
  if (throws?.place === 'projection') {
    return source.pipe(
      map((item, index) => {
        if (index === throws.at) throw throws.make();
        return item;
      }),
    );
  }
  if (throws?.place !== 'finalizer') return source;
  return source.pipe(
    finalize(() => {
      throw throws.make();
    }),
  );
}

/** Unsubscribes; what finalizers throw comes to who does that. */
export function unsubscribe(subscription: Subscription, throws: TakerThrows | undefined): void {
  if (throws === undefined) subscription.unsubscribe();
  else
    throws.ledger.catching(() => {
      subscription.unsubscribe();
    });
}

/** Takes all items of a stream in one of the ways that users do. The result gives up. */
export function take(stream: Takeable, options: TakeOptions): () => void {
  const { flow, taker, takes, stopAfter, stopped, ended, throws } = options;
  if (taker === 'forAwait') return iterate(stream, options);
  if (taker === 'readable') return iterate(read(stream), options);
  const taken = (subscription: Subscription): void => {
    if (flow.delivered !== stopAfter) return;
    stopped();
    unsubscribe(subscription, throws);
  };
  const end = (value: { readonly error?: unknown }): void => {
    if (!('error' in value)) flow.completed = true;
    ended(value);
  };
  const subscription = subscribe();
  return () => {
    unsubscribe(subscription, throws);
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
        return witness(consumed, release, end, throws);
      }
      case 'deliveries':
        return witness(
          stream.deliveries,
          (delivery, current) => {
            flow.deliver(delivery.value);
            const done = (): void => {
              flow.released++;
              delivery.release();
              // A second time, which does nothing.
              delivery.release();
            };
            if (takes === 0) done();
            else setTimeout(done, takes);
            taken(current);
          },
          end,
          throws,
        );
      case 'chunked': {
        // The credit of an item returns when the next one joins its chunk.
        const counted = stream.pipe(tap(() => flow.released++));
        return witness(
          counted.pipe(chunk({ maxBytes: 300, maxMs: 5 }), unchunk()),
          (item, current) => {
            flow.deliver(item);
            taken(current);
          },
          end,
          throws,
        );
      }
      default:
        return witness(
          taker === 'autoRelease' ? stream.deliveries.pipe(autoRelease()) : stream,
          (item, current) => {
            flow.deliver(item);
            flow.released++;
            taken(current);
          },
          end,
          throws,
        );
    }
  }
}

/** Reads a stream as the body of a response is read. */
function read(stream: Takeable): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const reader = toReadableStream(stream).getReader();
      return {
        next: () => reader.read() as Promise<IteratorResult<Uint8Array>>,
        async return() {
          // Of a stream that has failed, it rejects with the failure, which the loop has.
          await reader.cancel().catch(() => undefined);
          return { done: true, value: undefined };
        },
      };
    },
  };
}

function iterate(
  stream: AsyncIterable<Uint8Array>,
  { flow, takes, stopAfter, stopped, ended, throws }: TakeOptions,
): () => void {
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
      if (throws?.place === 'projection' && flow.delivered > throws.at) throw throws.make();
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
