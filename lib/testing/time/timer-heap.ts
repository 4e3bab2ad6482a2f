/** A task that waits for its time. */
export interface Timer {
  readonly at: number;
  readonly order: number;
  /** What set it, for the list of what is still open; undefined for hosts and lines. */
  readonly label: string | undefined;
  /** Undefined once it was cancelled: it stays in the heap until its time. */
  task: (() => void) | undefined;
}

/** Timers, the earliest first; of equal ones the one that was set first. A binary heap. */
export class TimerHeap {
  readonly #heap: Timer[] = [];

  /** The earliest timer that was not cancelled. */
  get first(): Timer | undefined {
    while (this.#heap.length > 0 && this.#heap[0]!.task === undefined) this.#removeFirst();
    return this.#heap[0];
  }

  /** Timers that were not cancelled. They are counted one by one. */
  get count(): number {
    return this.#heap.reduce((count, { task }) => (task === undefined ? count : count + 1), 0);
  }

  /** The timers that were not cancelled, the earliest first. */
  get sorted(): readonly Timer[] {
    return this.#heap.filter(({ task }) => task !== undefined).sort((left, right) => (earlier(left, right) ? -1 : 1));
  }

  /** Removes all. */
  clear(): void {
    this.#heap.length = 0;
  }

  /** Adds a timer. */
  push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!earlier(timer, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = timer;
  }

  /** Takes the earliest timer out. */
  shift(): Timer | undefined {
    const { first } = this;
    if (first !== undefined) this.#removeFirst();
    return first;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && earlier(heap[child + 1]!, heap[child]!)) child++;
      if (!earlier(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

function earlier(left: Timer, right: Timer): boolean {
  return left.at === right.at ? left.order < right.order : left.at < right.at;
}
