/**
 * The sizes of items in the order in which they were sent, and their sum, run-length encoded: most streams have items
 * of one size, and then an item allocates nothing.
 */
export class SizeQueue {
  /** Number of items. */
  count = 0;
  /** Sum of their sizes, in bytes. */
  bytes = 0;

  // Runs of equal sizes: the size and the count of each, oldest first, from #head on. The last run stays when its items
  // are gone, for the next one: to empty the array for each item whose consumer keeps up took 0.2 µs.
  #runs: number[] = [];
  #head = 0;

  /** Adds one item. */
  push(size: number): void {
    this.count++;
    this.bytes += size;
    const runs = this.#runs;
    const last = runs.length;
    if (last > 0 && runs[last - 2] === size) {
      runs[last - 1]!++;
    } else if (last > 0 && this.count === 1) {
      runs[last - 2] = size;
      runs[last - 1] = 1;
    } else {
      runs.push(size, 1);
    }
  }

  /** Removes the oldest item and returns its size; 0 where there is none. */
  shift(): number {
    if (this.count === 0) return 0;
    const runs = this.#runs;
    const size = runs[this.#head]!;
    this.count--;
    this.bytes -= size;
    const remaining = --runs[this.#head + 1]!;
    if (remaining === 0) this.#dropRun();
    return size;
  }

  /** Removes the oldest `count` items, or all where there are fewer. */
  drop(count: number): void {
    let left = Math.min(count, this.count);
    this.count -= left;
    while (left > 0) {
      const runs = this.#runs;
      const taken = Math.min(left, runs[this.#head + 1]!);
      left -= taken;
      this.bytes -= taken * runs[this.#head]!;
      runs[this.#head + 1]! -= taken;
      if (runs[this.#head + 1] === 0) this.#dropRun();
    }
  }

  #dropRun(): void {
    if (this.#head + 2 === this.#runs.length) return;
    this.#head += 2;
    if (this.#head >= 64 && this.#head * 2 >= this.#runs.length) {
      this.#runs = this.#runs.slice(this.#head);
      this.#head = 0;
    }
  }
}
