/**
 * Deficit round robin by bytes, between two lanes and among the owners of each lane. schedule.ts has the picture.
 */

import { quantumBytes, type LaneName, type OwnerQueue } from './owner-queue.js';

/** The queues of owners that share equally, as a ring: {@link first} has its turn, and then moves to the end. */
class Lane {
  /** Bytes that the lane may send in its turn; see {@link OwnerQueue.deficit}. */
  deficit = quantumBytes;
  /** Number of queues with something to send. The others are in debt. */
  ready = 0;
  first: OwnerQueue | undefined = undefined;
  #last: OwnerQueue | undefined = undefined;

  append(queue: OwnerQueue): void {
    queue.previous = this.#last;
    queue.next = undefined;
    if (this.#last === undefined) this.first = queue;
    else this.#last.next = queue;
    this.#last = queue;
  }

  remove(queue: OwnerQueue): void {
    const { previous, next } = queue;
    if (previous === undefined) this.first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    queue.previous = undefined;
    queue.next = undefined;
  }

  clear(): void {
    this.first = undefined;
    this.#last = undefined;
    this.ready = 0;
    this.deficit = quantumBytes;
  }
}

/** The two lanes of a {@link Schedule}. */
export class Lanes {
  /** Number of queues with something to send. */
  ready = 0;

  readonly #lanes: Readonly<Record<LaneName, Lane>> = { calls: new Lane(), streams: new Lane() };
  #current = this.#lanes.calls;

  /**
   * The queue whose turn it is. At least one must be ready. A lane in which none is ready is skipped, and pays off its
   * debt meanwhile.
   */
  next(): OwnerQueue {
    const { calls, streams } = this.#lanes;
    while (this.#current.deficit <= 0 || this.#current.ready === 0) {
      if (this.#current.deficit <= 0) this.#current.deficit += quantumBytes;
      this.#current = this.#current === calls ? streams : calls;
    }
    return this.#current.first!;
  }

  /** Begins the turn of a queue, or continues it after the socket was full or the turn of its lane had ended. */
  begin(queue: OwnerQueue): void {
    if (queue.deficit <= 0) queue.deficit += quantumBytes;
  }

  /** True until the turn of the queue, or of its lane, is used up. */
  mayContinue(queue: OwnerQueue): boolean {
    return queue.deficit > 0 && this.#laneOf(queue).deficit > 0;
  }

  /** Charges the queue and its lane for bytes that were sent. */
  charge(queue: OwnerQueue, bytes: number): void {
    queue.deficit -= bytes;
    this.#laneOf(queue).deficit -= bytes;
  }

  /** Ends the turn of the queue: it moves to the end of the ring. */
  rotate(queue: OwnerQueue): void {
    const lane = this.#laneOf(queue);
    lane.remove(queue);
    lane.append(queue);
  }

  append(queue: OwnerQueue): void {
    this.#laneOf(queue).append(queue);
  }

  /** Removes a queue, which has nothing to send. */
  remove(queue: OwnerQueue): void {
    this.#laneOf(queue).remove(queue);
  }

  /** Updates the numbers of ready queues after a change of this one. */
  updateReady(queue: OwnerQueue): void {
    const { ready } = queue;
    if (ready === queue.countedAsReady) return;
    queue.countedAsReady = ready;
    const step = ready ? 1 : -1;
    this.#laneOf(queue).ready += step;
    this.ready += step;
  }

  /** Cancels all debts when nothing is ready, and so removes every queue. */
  cancelDebts(): void {
    for (const lane of Object.values(this.#lanes)) {
      for (let queue = lane.first; queue !== undefined; queue = queue.next) queue.owner.queue = undefined;
    }
    this.clear();
  }

  /** Removes all queues. Their owners keep the reference to them. */
  clear(): void {
    this.ready = 0;
    for (const lane of Object.values(this.#lanes)) lane.clear();
  }

  /** Number of queues, including those in debt. */
  get size(): number {
    let size = 0;
    for (const lane of Object.values(this.#lanes)) {
      for (let queue = lane.first; queue !== undefined; queue = queue.next) size++;
    }
    return size;
  }

  #laneOf(queue: OwnerQueue): Lane {
    return this.#lanes[queue.owner.lane];
  }
}
