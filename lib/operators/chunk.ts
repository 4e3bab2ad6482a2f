import { asyncScheduler, Observable, type OperatorFunction, type SchedulerLike } from 'rxjs';
import { aFunction, checkOptions, timerMs, whole, withMethods } from '../check.js';
import { trackRedelivery, redeliver } from '../flow/redeliver.js';
import { sizeOf as byteSizeOf } from '../flow/size-of.js';
import { SourceTracker } from '../flow/source-tracker.js';

/** Options of {@link chunk}. */
export interface ChunkOptions {
  /** A chunk holds at most so many bytes; an item that is larger is a chunk of its own. */
  readonly maxBytes: number;
  /** A chunk waits at most so many ms for more items. */
  readonly maxMs: number;
  /** Where the time comes from. Default: rxjs' `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
}

const chunkRules = {
  maxBytes: whole(1),
  maxMs: timerMs,
  scheduler: withMethods('a scheduler of rxjs', 'schedule'),
  sizeOf: aFunction('gives the size of an item'),
};

/**
 * Puts small items together, so that many of them cost one credit and one frame. {@link unchunk} takes them apart again:
 * `unchunk` behind `chunk` gives the same items. The size of an item is its `byteLength`, or what `sizeOf` says.
 *
 * A stream before it is held back by whole chunks: an item's credit returns when the next one joins its chunk, and that of
 * the last one when the chunk is done with.
 *
 * Errors: an error of the source, or what `sizeOf` throws, comes after the chunk that was being filled.
 *
 * @throws ConfigurationError for an option that is unknown, missing, or cannot work.
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
    const chunks = new Observable<T[]>((subscriber) => {
      const notes = new SourceTracker(true);
      let items: T[] = [];
      let bytes = 0;
      // The credit of the chunk that is being filled: that of its last item.
      let release: (() => void) | undefined;
      let timer: { unsubscribe(): void } | undefined;

      // Takes the chunk out; the result emits it. Who hears of it may make more items come.
      const take = (): (() => void) => {
        const [full, releaseFull] = [items, release];
        timer?.unsubscribe();
        timer = undefined;
        items = [];
        bytes = 0;
        release = undefined;
        return () => {
          // What is subscribed to because of a chunk is no part of its source.
          notes.except(() => {
            if (releaseFull !== undefined) redeliver(chunks, subscriber, full, releaseFull);
            else if (full.length > 0) subscriber.next(full);
          });
        };
      };
      const flush = (): void => {
        take()();
      };
      const add = (item: T): void => {
        const size = sizeOf(item);
        const emitFull = bytes + size > maxBytes ? take() : undefined;
        const releaseEarlier = release;
        items.push(item);
        bytes += size;
        release = notes.retainCurrent();
        timer ??= scheduler.schedule(flush, maxMs);
        emitFull?.();
        releaseEarlier?.();
        if (bytes >= maxBytes) flush();
      };
      const fail = (error: unknown): void => {
        flush();
        subscriber.error(error);
      };

      trackRedelivery(chunks, notes);
      subscriber.add(() => {
        timer?.unsubscribe();
        notes.unsubscribe();
        release?.();
      });
      notes.subscribe(source, {
        next: (item) => {
          try {
            add(item);
          } catch (error) {
            fail(error);
          }
        },
        error: fail,
        complete: () => {
          flush();
          subscriber.complete();
        },
      });
    });
    return chunks;
  };
}
