/**
 * The sending half of one end of a stream, the same for the caller's input and the handler's output. An item passes
 * three objects on its way from the user's source to the schedule of the connection:
 *
 *     source ──▶ feeder ──▶ StreamSource ──▶ stream ──▶ schedule
 *
 * There is one source, and there may be additional ones, which `sendTo` makes. They share the stream, and take turns
 * with region items:
 *
 *     free ──region item──▶ sending a region ──ended──▶ free: the end that waits, or the sources go on
 *                            └── nothing else is sent, and the end of a source waits
 */

import { isObservable } from 'rxjs';
import { sendRegion, type RegionForm, type RegionItem, type RegionSending } from '../codec/region-item.js';
import type { FileStream } from '../contract/received-files.js';
import { StreamPort } from '../contract/stream-port.js';
import type { FeedBounds, FeedSource } from '../flow/feed/feed.js';
import type { SendObserver } from '../flow/feed/sending.js';
import { guarded, type OnThrown } from '../guard.js';
import type { StreamMux } from '../mux/stream/stream.js';
import { ObservedSource } from './observed-source.js';
import { StreamSource } from './stream-source.js';

/** The end of a stream whose sending half this is. */
export interface SendingOwner<T> {
  /** Names the route in error messages. */
  readonly route: string;
  /** Encodes an item. An error thrown here ends the sending with `fail`. */
  encode(item: T): Uint8Array;
  /** A source has completed, and every item is sent. */
  complete(): void;
  /** A source failed, and every item before the failure is sent. */
  fail(error: unknown): void;
  /** Takes errors thrown while a source is cleaned up. */
  readonly onThrown: OnThrown;
  /** Takes a failure of a source that is not reported otherwise; see `Outlet`. */
  readonly onLateFailure?: OnThrown | undefined;
}

/** Sends the items of a source, and of those that `sendTo` adds, to one stream. */
export class SendingHalf<T> {
  readonly owner: SendingOwner<T>;
  readonly bounds: FeedBounds;
  /** The stream; undefined until it has been opened. */
  stream: StreamMux | undefined = undefined;
  /** Called after each item. */
  onSent: (() => void) | undefined = undefined;
  /** True while a region item sends itself. */
  sendsRegion = false;
  /** True after {@link stop}. */
  stopped = false;

  readonly #port: StreamPort | undefined;
  #region: RegionSending | undefined = undefined;
  // The end of a source that waits for a region.
  #end: (() => void) | undefined = undefined;
  #source: StreamSource<T> | undefined = undefined;
  #observed: Set<ObservedSource<T>> | undefined = undefined;

  /** `form` is undefined if the route carries no files. */
  constructor(owner: SendingOwner<T>, form: RegionForm | undefined, bounds: FeedBounds) {
    this.owner = owner;
    this.bounds = bounds;
    if (form !== undefined) this.#port = new StreamPort(form, owner.route);
  }

  /** True if the route carries files. */
  get takesRegions(): boolean {
    return this.#port !== undefined;
  }

  /** True once there is a source. */
  get fed(): boolean {
    return this.#source !== undefined;
  }

  /** After {@link stop}: settles when the source has ended; undefined if it has. */
  get running(): PromiseLike<unknown> | undefined {
    return this.#source?.running;
  }

  /** The stream has been opened. */
  attach(stream: StreamMux, files: FileStream): void {
    this.stream = stream;
    if (this.#port === undefined) return;
    this.#port.stream = stream;
    this.#port.files = files;
  }

  /** Starts to feed `source`. */
  feed(source: FeedSource<T>): void {
    // After the end an Observable is not subscribed; an iterator may need to clean up.
    if (this.stopped && isObservable(source)) return;
    this.#source = new StreamSource(this);
    this.#source.feed(source);
  }

  /**
   * Creates an additional source, whose progress `observer` is notified of. `complete` is called after its last item.
   */
  observedSource(observer: SendObserver, complete: () => void): ObservedSource<T> {
    return new ObservedSource<T>(this, observer, complete);
  }

  /** Adds a source that {@link observedSource} has created: it is notified of what happens to the stream. */
  add(source: ObservedSource<T>): void {
    (this.#observed ??= new Set()).add(source);
  }

  /** Continues a region item, or the sources: credit has arrived, or the socket has room again. */
  resume(): void {
    this.#region?.resume();
    this.#resumeSources();
  }

  /** The half-close has been sent. */
  halfClosed(): void {
    for (const source of this.#observed ?? []) {
      guarded(this.owner.onThrown, () => {
        source.halfClosed();
      });
    }
  }

  /** Stops the source and sends no more. Either may run user code; what it throws goes to the owner's `onThrown`. */
  stop(): void {
    const { onThrown } = this.owner;
    this.stopped = true;
    guarded(onThrown, () => this.#region?.stop());
    guarded(onThrown, () => this.#source?.stop());
  }

  /** The stream has ended: stops all sources. */
  end(error: unknown): void {
    this.stop();
    for (const source of this.#observed ?? []) {
      guarded(this.owner.onThrown, () => {
        source.end(error);
      });
    }
  }

  // --- called by the sources

  /** Lets a region item send itself. */
  sendRegion(item: RegionItem): void {
    this.sendsRegion = true;
    const region = item[sendRegion](this.#port!, (failure) => {
      this.sendsRegion = false;
      this.#region = undefined;
      if (this.stopped) return;
      if (failure !== undefined) this.owner.fail(failure.error);
      else if (this.#end !== undefined) this.#end();
      else this.#resumeSources();
    });
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- the region may have ended synchronously.
    if (!this.sendsRegion) return;
    this.#region = region;
    if (this.stopped) region.stop();
  }

  /** The sending is complete, once no region is being sent. */
  complete(): void {
    this.#whenFree(() => {
      this.owner.complete();
    });
  }

  /** The sending has failed, once no region is being sent. */
  fail(error: unknown): void {
    this.#whenFree(() => {
      this.owner.fail(error);
    });
  }

  #whenFree(end: () => void): void {
    if (this.sendsRegion) this.#end = end;
    else end();
  }

  #resumeSources(): void {
    this.#source?.resume();
    for (const source of this.#observed ?? []) {
      guarded(this.owner.onThrown, () => {
        source.resume();
      });
    }
  }
}
