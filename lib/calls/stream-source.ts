import { isRegionItem, type RegionItem } from '../codec/region-item.js';
import { feed, type Feeder, type FeedSource, type Outlet } from '../flow/feed/feed.js';
import type { OnThrown } from '../guard.js';
import type { SendingHalf } from './sending-half.js';

/** Carries a region item from `encode` to `send`. It has no bytes itself. */
class RegionPayload extends Uint8Array {
  readonly item: RegionItem;

  constructor(item: RegionItem) {
    super(0);
    this.item = item;
  }
}

/** One source of a {@link SendingHalf}. Its feeder gives it the items; it encodes them, and sends them to the stream. */
export class StreamSource<T> implements Outlet<T> {
  protected readonly half: SendingHalf<T>;
  #feeder: Feeder | undefined = undefined;

  constructor(half: SendingHalf<T>) {
    this.half = half;
  }

  /** Starts to feed `source`, and stops it at once if the stream ends while its first items are sent. */
  feed(source: FeedSource<T>): void {
    const { half } = this;
    this.#feeder = feed(source, this, half.bounds);
    if (half.stopped) this.#feeder.stop();
  }

  /** After {@link stop}: settles when the source has ended; undefined if it has. */
  get running(): PromiseLike<unknown> | undefined {
    return this.#feeder?.running;
  }

  /** Continues the source: the stream may accept items again. */
  resume(): void {
    this.#feeder?.resume();
  }

  /** Stops the source. */
  stop(): void {
    this.#feeder?.stop();
  }

  get onThrown(): OnThrown {
    return this.half.owner.onThrown;
  }

  get onLateFailure(): OnThrown | undefined {
    return this.half.owner.onLateFailure;
  }

  get canSend(): boolean {
    const { stream, stopped, sendsRegion } = this.half;
    return stream !== undefined && !stopped && !sendsRegion && stream.writable;
  }

  encode(item: T): Uint8Array {
    const { half } = this;
    return half.takesRegions && isRegionItem(item) ? new RegionPayload(item) : half.owner.encode(item);
  }

  send(payload: Uint8Array): void {
    const { half } = this;
    if (payload instanceof RegionPayload) {
      half.sendRegion(payload.item);
    } else {
      half.stream!.send(payload);
      half.onSent?.();
    }
  }

  complete(): void {
    this.half.complete();
  }

  fail(error: unknown): void {
    this.half.fail(error);
  }
}
