/** A first-in, first-out queue. Removing an item takes constant time. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #from = 0;

  get length(): number {
    return this.#items.length - this.#from;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Removes and returns the oldest item; undefined where the queue is empty. */
  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#from];
    this.#items[this.#from++] = undefined;
    if (this.#from === this.#items.length) {
      this.#items = [];
      this.#from = 0;
    } else if (this.#from > 1024 && this.#from * 2 > this.#items.length) {
      this.#items.splice(0, this.#from);
      this.#from = 0;
    }
    return item;
  }

  /** Removes and returns all items. */
  clear(): T[] {
    const items = this.#items.splice(this.#from) as T[];
    this.#items = [];
    this.#from = 0;
    return items;
  }
}
