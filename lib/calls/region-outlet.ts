import type { Outlet } from '../flow/feed.js';
import type { OnThrown } from '../guard.js';
import {
  isRegionItem,
  sendRegion,
  type RegionItem,
  type RegionPort,
  type RegionSending,
} from '../codec/region-item.js';

/** Carries a region item from `encode` to `send`. It has no bytes itself. */
class RegionPayload extends Uint8Array {
  readonly item: RegionItem;

  constructor(item: RegionItem) {
    super(0);
    this.item = item;
  }
}

/**
 * An outlet that accepts region items as well as ordinary ones. While a region item sends itself, the outlet accepts
 * nothing else and defers `complete` and `fail`.
 *
 *     idle ──send(region item)──▶ sending ──ended──▶ idle, then the deferred complete or fail; if there is none, onFree
 */
export class RegionOutlet<T> implements Outlet<T> {
  readonly #outlet: Outlet<T>;
  readonly #port: RegionPort;
  readonly #onFree: () => void;
  #sending = false;
  #run: RegionSending | undefined = undefined;
  #stopped = false;
  #end: (() => void) | undefined = undefined;

  /** `onFree` is called when items may be sent again. */
  constructor(outlet: Outlet<T>, port: RegionPort, onFree: () => void) {
    this.#outlet = outlet;
    this.#port = port;
    this.#onFree = onFree;
  }

  get onThrown(): OnThrown {
    return this.#outlet.onThrown;
  }

  get onLateFailure(): OnThrown | undefined {
    return this.#outlet.onLateFailure;
  }

  get canSend(): boolean {
    return !this.#sending && this.#outlet.canSend;
  }

  encode(item: T): Uint8Array {
    return isRegionItem(item) ? new RegionPayload(item) : this.#outlet.encode(item);
  }

  send(payload: Uint8Array): void {
    if (!(payload instanceof RegionPayload)) {
      this.#outlet.send(payload);
      return;
    }
    this.#sending = true;
    const run = payload.item[sendRegion](this.#port, (failure) => {
      this.#sending = false;
      this.#run = undefined;
      if (this.#stopped) return;
      if (failure !== undefined) this.#outlet.fail(failure.error);
      else if (this.#end !== undefined) this.#end();
      else this.#onFree();
    });
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- the region may have ended synchronously.
    if (!this.#sending) return;
    this.#run = run;
    if (this.#stopped) run.stop();
  }

  complete(): void {
    this.#finish(() => {
      this.#outlet.complete();
    });
  }

  fail(error: unknown): void {
    this.#finish(() => {
      this.#outlet.fail(error);
    });
  }

  /** Continues after credit has arrived. */
  resume(): void {
    this.#run?.resume();
  }

  /** Stops sending, because the stream has ended. */
  stop(): void {
    this.#stopped = true;
    this.#run?.stop();
  }

  #finish(end: () => void): void {
    if (this.#sending) this.#end = end;
    else end();
  }
}
