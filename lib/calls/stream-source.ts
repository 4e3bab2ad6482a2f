import { isRegionItem, type RegionItem } from '../codec/region-item.js';
import { feed, type Feeder, type FeedSource, type Outlet, type Payload } from '../flow/feed/feed.js';
import type { OnThrown } from '../guard.js';
import type { SendingHalf } from './sending-half.js';

/** An item between `encode` and `send`. */
export type SourcePayload = Uint8Array | UnreadRegion;

/** A region item between `encode` and `send`: it is not encoded, and reads its bytes when it is sent. */
class UnreadRegion implements Payload {
  readonly length = 0;
  readonly item: RegionItem;

  constructor(item: RegionItem) {
    this.item = item;
  }
}

/**
 * One source of a {@link SendingHalf}. Its feeder gives it the items; it encodes them, and sends them to the stream.
 */
export class StreamSource<T> implements Outlet<T, SourcePayload> {
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

  encode(item: T): SourcePayload {
    const { half } = this;
    return half.takesRegions && isRegionItem(item) ? new UnreadRegion(item) : half.owner.encode(item);
  }

  send(payload: SourcePayload): void {
    const { half } = this;
    if (payload instanceof UnreadRegion) {
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
