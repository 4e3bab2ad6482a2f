import { currentDelivery, currentSource } from './delivery.js';

/**
 * Which items are the first of their delivery that wait. The window of a stream bounds its deliveries, so those need no
 * other bound; nothing but a bound of its own limits what one delivery becomes.
 */
export class FirstItems {
  // What comes in one piece comes in one go: the last one will do.
  #last = 0;
  // What comes in parts. Undefined: nothing has, which is the usual case.
  #waiting: Set<number> | undefined = undefined;

  /** An item of the current delivery begins to wait. The delivery, where it is its first one; 0 where it is not. */
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

  /** The first item of a delivery waits no longer. */
  remove(delivery: number): void {
    this.#waiting?.delete(delivery);
  }
}
