import { currentDelivery, currentSource } from './delivery.js';

/**
 * Finds, among buffered items, those that the window of their stream bounds, so that they do not count towards the
 * bounds of the buffer: one item of each delivery, and of a delivery in one piece all that an operator makes of it,
 * which has the bounds of a whole buffer for itself. So a stream of batches that an operator takes apart may have as
 * many batches on the way as its window says.
 */
export class DeliveredItems {
  readonly #maxItems: number;
  readonly #maxBytes: number;
  // A delivery in one piece is synchronous: it suffices to count what is made of the last one.
  #last = 0;
  #items = 0;
  #bytes = 0;
  // Deliveries in parts, as the work on one item gives them. Undefined until there is one, which is rare.
  #waiting: Set<number> | undefined = undefined;

  constructor(maxItems: number, maxBytes = Infinity) {
    this.#maxItems = maxItems;
    this.#maxBytes = maxBytes;
  }

  /**
   * An item of the current delivery is buffered. Returns the id of the delivery; 0 where the item counts; -1 where it
   * exceeds the bounds of its delivery.
   */
  add(bytes = 0): number {
    const delivery = currentDelivery();
    if (currentSource()?.partOf === delivery) {
      this.#waiting ??= new Set();
      if (this.#waiting.has(delivery)) return 0;
      this.#waiting.add(delivery);
      return delivery;
    }
    if (delivery !== this.#last) {
      this.#last = delivery;
      this.#items = 0;
      this.#bytes = 0;
    } else if (this.#items > this.#maxItems || this.#bytes + bytes > this.#maxBytes) return -1;
    this.#items++;
    this.#bytes += bytes;
    return delivery;
  }

  /** An item that does not count has left the buffer. `delivery`: what {@link add} has returned. */
  remove(delivery: number, bytes = 0): void {
    if (delivery === this.#last) {
      this.#items--;
      this.#bytes -= bytes;
    } else this.#waiting?.delete(delivery);
  }
}
