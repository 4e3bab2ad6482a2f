/**
 * The receiving half of a stream, between the engine and the consumer.
 *
 *     waiting ──attach──▶ attached ──end, and everything delivered──▶ done
 *        └──────────────────┴──── discard ────▶ discarding (credit returns at once)
 *
 * Without a consumer, items are held; the window of the stream bounds them.
 */

import type { Subscriber } from 'rxjs';
import { guarded, type OnThrown } from '../guard.js';
import type { Report } from '../observe.js';
import { keep } from '../lent.js';
import { isSmallPart } from '../small-part.js';
import type { ItemSource } from './intercepted-items.js';
import { DeliverySource, notifyEnd, type Delivery } from './delivery.js';
import { ExplicitDelivery } from './explicit-delivery.js';
import { trackSubscription } from './source-tracker.js';

/** The end of the stream that an {@link Inbound} belongs to. */
export interface InboundOwner<T> {
  /** Names the route in what is reported. */
  readonly route: string;
  readonly report: Report;
  /** Decodes one item. An error thrown here ends the stream. */
  decode(payload: Uint8Array): T;
  /** Returns one credit. */
  release(): void;
  /** Takes errors that the consumer's code throws out of a notification. */
  readonly onThrown: OnThrown;
  /**
   * An item could not be decoded, and the consumer has been notified. Called at most once; the stream should be
   * cancelled.
   */
  undecodable(error: unknown): void;
}

/** The receiving half of a stream: keeps received items until the consumer takes them, and returns their credit. */
export class Inbound<T> implements ItemSource<T> {
  readonly #owner: InboundOwner<T>;
  readonly #release: () => void;
  readonly #source: DeliverySource;
  // Held items, oldest first. Undefined until one is held, which is rare.
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

  /** Number of items that wait for a consumer. */
  get held(): number {
    return this.#held === undefined ? 0 : this.#held.length - this.#heldFrom;
  }

  /** True once there is a consumer, or items are discarded. */
  get taken(): boolean {
    return this.#subscriber !== undefined || this.#explicit !== undefined || this.#discarding;
  }

  /**
   * Delivers held and future items to `subscriber`; credit follows the current delivery. `origin` is the Observable
   * that was subscribed to, where each subscription is a call of its own.
   */
  attach(subscriber: Subscriber<T>, origin: object = this.#source): void {
    this.#source.origin = origin;
    this.#source.consumer = subscriber;
    trackSubscription({ route: this.#owner.route, report: this.#owner.report, origin, source: this.#source });
    this.#subscriber = subscriber;
    this.#drain();
  }

  /** Delivers held and future items to `subscriber` as deliveries that it releases explicitly. */
  attachExplicit(subscriber: Subscriber<Delivery<T>>): void {
    this.#explicit = subscriber;
    this.#drain();
  }

  /** Drops held and future items, whose credit returns at once. */
  discard(): void {
    if (this.#discarding) return;
    this.#discarding = true;
    this.#subscriber = undefined;
    this.#explicit = undefined;
    const count = this.held;
    this.#held = undefined;
    for (let index = 0; index < count; index++) this.#release();
  }

  /** Takes one item from the engine. */
  push(payload: Uint8Array): void {
    if (this.#discarding) this.#release();
    else if (!this.taken || this.#draining) this.#hold(payload);
    else this.#deliverPayload(payload);
  }

  /** The stream has ended. The consumer is notified after it has got the held items. */
  end(error?: unknown): void {
    this.#end ??= { error };
    this.#finish();
  }

  // A view would keep the whole message alive, and others that share its memory, while only the item is accounted for.
  #hold(payload: Uint8Array): void {
    (this.#held ??= []).push(isSmallPart(payload) ? payload.slice() : keep(payload));
  }

  #drain(): void {
    this.#draining = true;
    // `next` may discard, or cause further items to arrive.
    while (this.held > 0) this.#deliverPayload(this.#held![this.#heldFrom++]!);
    this.#draining = false;
    this.#held = undefined;
    this.#heldFrom = 0;
    this.#finish();
  }

  #deliverPayload(payload: Uint8Array): void {
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
    // The items behind this one are delivered regardless.
    guarded(this.#owner.onThrown, this.#deliver, value);
  }

  // The argument is `unknown`, because otherwise Inbound<T> would not be assignable to an Inbound of a wider type.
  readonly #deliver = (value: unknown): void => {
    if (this.#subscriber !== undefined) {
      this.#source.deliver(this.#subscriber, value as T);
      return;
    }
    const { route, report } = this.#owner;
    this.#explicit?.next(new ExplicitDelivery(value as T, this.#release, { route, report }));
  };

  #finish(): void {
    if (this.#end === undefined || this.#draining) return;
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
