import { currentDelivery, currentSource } from './delivery.js';

/**
 * Finds, among buffered items, the first one of each delivery. The window of a stream bounds its deliveries, so their first
 * items need no further bound. The other items that operators derive from a delivery are bounded by the buffer.
 */
export class FirstItems {
  // A delivery in one piece is synchronous: it suffices to remember the last one.
  #last = 0;
  // Deliveries in parts. Undefined until there is one, which is rare.
  #waiting: Set<number> | undefined = undefined;

  /** An item of the current delivery is buffered. Returns the id of the delivery if it is its first item, otherwise 0. */
  add(): number {
    const delivery = currentDelivery();
    if (currentSource()?.partOf === delivery) {
      this.#waiting ??= new Set();
      if (this.#waiting.has(delivery)) return 0;
      this.#waiting.add(delivery);
    } else if (delivery === this.#last) return 0;
    else this.#last = delivery;
    return delivery;
  }

  /** The first item of a delivery has left the buffer. */
  remove(delivery: number): void {
    this.#waiting?.delete(delivery);
  }
}
