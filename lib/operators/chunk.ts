import { asyncScheduler, Observable, type OperatorFunction, type SchedulerLike, type Subscriber } from 'rxjs';
import { aFunction, checkOptions, timerMs, whole, withMethods } from '../check.js';
import { trackRedelivery, redeliver } from '../flow/redeliver.js';
import { sizeOf as byteSizeOf } from '../flow/size-of.js';
import { SourceTracker } from '../flow/source-tracker.js';

/** Options of {@link chunk}. */
export interface ChunkOptions {
  /** Maximum size of a chunk in bytes; a larger item is a chunk of its own. */
  readonly maxBytes: number;
  /** Maximum time in ms that a chunk waits for more items. */
  readonly maxMs: number;
  /** Schedules the timers. Default: rxjs' `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

const chunkRules = {
  maxBytes: whole(1),
  maxMs: timerMs,
  scheduler: withMethods('a scheduler of rxjs', 'schedule'),
  sizeOf: aFunction('gives the size of an item'),
};

/**
 * Combines small items into chunks, so that many items use one credit and one frame. {@link unchunk} reverses it. The
 * size of an item is its `byteLength`, or the result of `sizeOf`.
 *
 * Backpressure applies per chunk: an item's credit returns when the next item joins its chunk, and that of the last
 * item when the chunk is released.
 *
 * Errors: an error of the source, or one thrown by `sizeOf`, follows the chunk that was being filled.
 *
 * @throws ConfigurationError for an unknown, missing or invalid option.
 *
 * @example
 * grid.handle(logs, () => lines$.pipe(chunk({ maxBytes: 64 << 10, maxMs: 20 }))); // output: type<Uint8Array[]>()
 * host2.stream(logs, {}).pipe(unchunk()).subscribe(show);
 */
export function chunk<T>(options: ChunkOptions & { readonly sizeOf: (item: T) => number }): OperatorFunction<T, T[]>;
export function chunk<T extends { readonly byteLength: number }>(options: ChunkOptions): OperatorFunction<T, T[]>;
export function chunk<T>(options: ChunkOptions & { readonly sizeOf?: (item: T) => number }): OperatorFunction<T, T[]> {
  checkOptions(options, chunkRules, { of: 'chunk', required: ['maxBytes', 'maxMs'] });
  const { maxBytes, maxMs, scheduler = asyncScheduler, sizeOf = byteSizeOf } = options;
  return (source) => {
    const chunks: Observable<T[]> = new Observable<T[]>((subscriber) => {
      new Chunking(chunks, subscriber, { maxBytes, maxMs, scheduler, sizeOf }).start(source);
    });
    return chunks;
  };
}

/**
 * One subscription of {@link chunk}.
 *
 *     empty ──item──▶ filling ──maxBytes reached, maxMs passed, source ended──▶ emitted, then empty
 *                      │   ▲
 *                      └───┘ item that fits; one that does not fit emits the chunk and starts the next one
 */
class Chunking<T> {
  readonly #chunks: Observable<T[]>;
  readonly #subscriber: Subscriber<T[]>;
  readonly #options: Required<ChunkOptions> & { readonly sizeOf: (item: T) => number };
  readonly #source = new SourceTracker(true);
  #items: T[] = [];
  #bytes = 0;
  // Returns the credit of the chunk that is being filled, which is that of its last item.
  #release: (() => void) | undefined = undefined;
  #timer: { unsubscribe(): void } | undefined = undefined;

  constructor(
    chunks: Observable<T[]>,
    subscriber: Subscriber<T[]>,
    options: Required<ChunkOptions> & { readonly sizeOf: (item: T) => number },
  ) {
    this.#chunks = chunks;
    this.#subscriber = subscriber;
    this.#options = options;
  }

  start(source: Observable<T>): void {
    trackRedelivery(this.#chunks, this.#source);
    this.#subscriber.add(() => {
      this.#timer?.unsubscribe();
      this.#source.unsubscribe();
      this.#release?.();
    });
    this.#source.subscribe(source, {
      next: (item) => {
        try {
          this.#add(item);
        } catch (error) {
          this.#fail(error);
        }
      },
      error: (error: unknown) => {
        this.#fail(error);
      },
      complete: () => {
        this.#flush();
        this.#subscriber.complete();
      },
    });
  }

  #add(item: T): void {
    const { maxBytes, maxMs, scheduler, sizeOf } = this.#options;
    const size = sizeOf(item);
    const emitFull = this.#bytes + size > maxBytes ? this.#take() : undefined;
    const releaseEarlier = this.#release;
    this.#items.push(item);
    this.#bytes += size;
    this.#release = this.#source.retainCurrent();
    this.#timer ??= scheduler.schedule(this.#flush, maxMs);
    emitFull?.();
    releaseEarlier?.();
    if (this.#bytes >= maxBytes) this.#flush();
  }

  #fail(error: unknown): void {
    this.#flush();
    this.#subscriber.error(error);
  }

  readonly #flush = (): void => {
    this.#take()();
  };

  // Empties the chunk before it is emitted, because the subscriber may cause further items. Returns a function that
  // emits it.
  #take(): () => void {
    const [items, release] = [this.#items, this.#release];
    this.#timer?.unsubscribe();
    this.#timer = undefined;
    this.#items = [];
    this.#bytes = 0;
    this.#release = undefined;
    return () => {
      // Subscriptions made by the subscriber are not part of the source.
      this.#source.except(() => {
        if (release !== undefined) redeliver(this.#chunks, this.#subscriber, items, release);
        else if (items.length > 0) this.#subscriber.next(items);
      });
    };
  }
}
