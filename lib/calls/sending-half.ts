import type { FileStream } from '../contract/received-files.js';
import { StreamPort } from '../contract/stream-port.js';
import type { RegionForm } from '../codec/region-item.js';
import { feed, type FeedBounds, type Feeder, type FeedSource, type Outlet } from '../flow/feed.js';
import { guarded } from '../guard.js';
import type { StreamMux } from '../mux/stream.js';
import { RegionOutlet } from './region-outlet.js';

/**
 * The sending half of one end of a stream, the same for the caller's input and the handler's output: feeds one source to an
 * outlet, through a {@link RegionOutlet} if the route carries files.
 */
export class SendingHalf<T> {
  /** What sources send to: the outlet that was given, or the {@link RegionOutlet} in front of it. */
  readonly outlet: Outlet<T>;

  readonly #port: StreamPort | undefined;
  readonly #regions: RegionOutlet<T> | undefined;
  #feeder: Feeder | undefined = undefined;

  /** `form` is undefined if the route carries no files. `onFree` is called when a region item has been sent. */
  constructor(outlet: Outlet<T>, form: RegionForm | undefined, route: string, onFree: () => void) {
    if (form === undefined) {
      this.outlet = outlet;
      return;
    }
    this.#port = new StreamPort(form, route);
    this.#regions = new RegionOutlet<T>(outlet, this.#port, onFree);
    this.outlet = this.#regions;
  }

  /** True if the route carries files. */
  get takesRegions(): boolean {
    return this.#regions !== undefined;
  }

  /** True once there is a source. */
  get fed(): boolean {
    return this.#feeder !== undefined;
  }

  /** After {@link stop}: settles when the source has ended; undefined if it has. */
  get running(): PromiseLike<unknown> | undefined {
    return this.#feeder?.running;
  }

  /** Sets the stream that region items are sent on. */
  attach(stream: StreamMux, files: FileStream): void {
    if (this.#port === undefined) return;
    this.#port.stream = stream;
    this.#port.files = files;
  }

  /** Starts to feed `source`, and stops it at once if the stream `hasEnded` by the time that its first items are sent. */
  feed(source: FeedSource<T>, bounds: FeedBounds, hasEnded: () => boolean): void {
    this.#feeder = feed(source, this.outlet, bounds);
    if (hasEnded()) this.#feeder.stop();
  }

  /** Continues a region item after credit has arrived. */
  resumeRegion(): void {
    this.#regions?.resume();
  }

  /** Continues the source after credit has arrived. */
  resumeSource(): void {
    this.#feeder?.resume();
  }

  /** Stops the source and sends no more. Either may run user code; what it throws goes to the outlet's `onThrown`. */
  stop(): void {
    const { onThrown } = this.outlet;
    guarded(onThrown, () => this.#regions?.stop());
    guarded(onThrown, () => this.#feeder?.stop());
  }
}
