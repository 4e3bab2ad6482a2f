/**
 * The receiving half of a stream, between the engine and the one who consumes it.
 *
 *     waiting ──attach──▶ attached ──end, and everything delivered──▶ done
 *        └──────────────────┴──── discard ────▶ discarding (credit returns at once)
 *
 * Waiting, items are held: the window bounds them.
 */

import type { Subscriber } from 'rxjs';
import { guarded, type OnThrown } from '../guard.js';
import type { Report } from '../observe.js';
import { isSmallPart } from '../small-part.js';
import { DeliverySource, notifyEnd, type Delivery } from './delivery.js';
import { ExplicitDelivery } from './explicit-delivery.js';
import { trackSubscription } from './source-tracker.js';

/** The end of a stream that an {@link Inbound} belongs to. */
export interface InboundOwner<T> {
  /** Names the route in what is reported. */
  readonly route: string;
  readonly report: Report;
  /** The value of one item; what it throws ends the stream. */
  decode(payload: Uint8Array): T;
  /** Returns one credit. */
  release(): void;
  /** Takes what the consumer's code throws out of a notification. */
  readonly onThrown: OnThrown;
  /** An item does not decode; called at most once. The stream should then be cancelled, and the consumer has got the error. */
  undecodable(error: unknown): void;
}

/** See the head of this file. */
export class Inbound<T> {
  readonly #owner: InboundOwner<T>;
  readonly #release: () => void;
  readonly #source: DeliverySource;
  // Held in order. Undefined: nothing has been held yet, which is the usual case.
  #held: Uint8Array[] | undefined = undefined;
  #heldFrom = 0;
  #subscriber: Subscriber<T> | undefined = undefined;
  #explicit: Subscriber<Delivery<T>> | undefined = undefined;
  #end: { readonly error: unknown } | undefined = undefined;
  #discarding = false;
  #draining = false;

  constructor(owner: InboundOwner<T>) {
    this.#owner = owner;
    this.#release = () => {
      owner.release();
    };
    this.#source = new DeliverySource(this.#release);
  }

  /** Items that wait for a consumer. */
  get held(): number {
    return this.#held === undefined ? 0 : this.#held.length - this.#heldFrom;
  }

  /** True once somebody consumes, or everything is discarded. */
  get taken(): boolean {
    return this.#subscriber !== undefined || this.#explicit !== undefined || this.#discarding;
  }

  /**
   * Gives everything that came and comes to `subscriber`; credit follows the current delivery. `origin` is what was
   * subscribed to, where that makes a call for each subscription.
   */
  attach(subscriber: Subscriber<T>, origin: object = this.#source): void {
    this.#source.origin = origin;
    this.#source.consumer = subscriber;
    trackSubscription({ route: this.#owner.route, report: this.#owner.report, origin });
    this.#subscriber = subscriber;
    this.#drain();
  }

  /** Gives everything that came and comes to `subscriber` as deliveries that it releases by hand. */
  attachExplicit(subscriber: Subscriber<Delivery<T>>): void {
    this.#explicit = subscriber;
    this.#drain();
  }

  /** Nobody consumes: the credit of what came and comes returns at once. */
  discard(): void {
    if (this.#discarding) return;
    this.#discarding = true;
    this.#subscriber = undefined;
    this.#explicit = undefined;
    const count = this.held;
    this.#held = undefined;
    for (let index = 0; index < count; index++) this.#release();
  }

  /** One item from the engine. */
  push(payload: Uint8Array): void {
    if (this.#discarding) this.#release();
    else if (!this.taken || this.#draining) this.#hold(payload);
    else this.#give(payload);
  }

  /** No more items come. The consumer hears it after the items that it has not got yet. */
  end(error?: unknown): void {
    this.#end ??= { error };
    this.#finish();
  }

  // A view would keep the whole message, and those that share its memory; only the item is accounted for.
  #hold(payload: Uint8Array): void {
    (this.#held ??= []).push(isSmallPart(payload) ? payload.slice() : payload);
  }

  #drain(): void {
    this.#draining = true;
    // `next` may discard, or make items come.
    while (this.held > 0) this.#give(this.#held![this.#heldFrom++]!);
    this.#draining = false;
    this.#held = undefined;
    this.#heldFrom = 0;
    this.#finish();
  }

  #give(payload: Uint8Array): void {
    let value: T;
    try {
      value = this.#owner.decode(payload);
    } catch (error) {
      const consumer = this.#subscriber ?? this.#explicit;
      this.#release();
      this.discard();
      this.#owner.undecodable(error);
      guarded(this.#owner.onThrown, () => consumer?.error(error));
      return;
    }
    // The items behind this one come all the same.
    guarded(this.#owner.onThrown, this.#deliver, value);
  }

  // The type of its argument is `unknown`, or an Inbound of one type would be none of a wider one.
  readonly #deliver = (value: unknown): void => {
    if (this.#subscriber !== undefined) {
      this.#source.deliver(this.#subscriber, value as T);
      return;
    }
    const { route, report } = this.#owner;
    this.#explicit?.next(new ExplicitDelivery(value as T, this.#release, { route, report }));
  };

  #finish(): void {
    if (this.#end === undefined || this.#draining || this.held > 0) return;
    const consumer = this.#subscriber ?? this.#explicit;
    if (consumer === undefined) return;
    this.#subscriber = undefined;
    this.#explicit = undefined;
    this.#discarding = true;
    const { error } = this.#end;
    guarded(this.#owner.onThrown, () => {
      notifyEnd(consumer, error);
    });
  }
}
