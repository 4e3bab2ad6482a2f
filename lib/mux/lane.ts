/**
 * Whose turn it is: deficit round robin by bytes, between two lanes and among the owners of each. See schedule.ts for
 * the picture.
 */

import { quantumBytes, type LaneName, type OwnerQueue } from './owner-queue.js';

/** The places of owners that share equally, as a ring: {@link first} has its turn, and then goes to the end. */
class Lane {
  /** Bytes that the lane may send in its turn; as {@link OwnerQueue.deficit}. */
  deficit = quantumBytes;
  /** Places that have something to send; the others are in debt. */
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
  /** Places that have something to send. */
  ready = 0;

  readonly #lanes: Readonly<Record<LaneName, Lane>> = { calls: new Lane(), streams: new Lane() };
  #current = this.#lanes.calls;

  /** The place whose turn it is. There must be one that is ready. A lane without is passed by, and pays its debt. */
  next(): OwnerQueue {
    const { calls, streams } = this.#lanes;
    while (this.#current.deficit <= 0 || this.#current.ready === 0) {
      if (this.#current.deficit <= 0) this.#current.deficit += quantumBytes;
      this.#current = this.#current === calls ? streams : calls;
    }
    return this.#current.first!;
  }

  /** The place's turn begins, or goes on where the socket was full, or where its lane's turn had ended. */
  begin(queue: OwnerQueue): void {
    if (queue.deficit <= 0) queue.deficit += quantumBytes;
  }

  /** True until the turn of the place, or of its lane, is used up. */
  mayGoOn(queue: OwnerQueue): boolean {
    return queue.deficit > 0 && this.#laneOf(queue).deficit > 0;
  }

  /** The place has sent so many bytes. */
  charge(queue: OwnerQueue, bytes: number): void {
    queue.deficit -= bytes;
    this.#laneOf(queue).deficit -= bytes;
  }

  /** The turn of the place has ended: the next one's comes. */
  rotate(queue: OwnerQueue): void {
    const lane = this.#laneOf(queue);
    lane.remove(queue);
    lane.append(queue);
  }

  append(queue: OwnerQueue): void {
    this.#laneOf(queue).append(queue);
  }

  /** Takes out a place, which has nothing to send. */
  remove(queue: OwnerQueue): void {
    this.#laneOf(queue).remove(queue);
  }

  /** Brings the numbers of places that are ready up to date, after a change of this one. */
  count(queue: OwnerQueue): void {
    const { ready } = queue;
    if (ready === queue.counted) return;
    queue.counted = ready;
    const step = ready ? 1 : -1;
    this.#laneOf(queue).ready += step;
    this.ready += step;
  }

  /** Nothing is ready: forgives all debts, and so no place is left. */
  forgive(): void {
    for (const lane of Object.values(this.#lanes)) {
      for (let queue = lane.first; queue !== undefined; queue = queue.next) queue.owner.queue = undefined;
    }
    this.clear();
  }

  /** Forgets all places. Their owners keep them. */
  clear(): void {
    this.ready = 0;
    for (const lane of Object.values(this.#lanes)) lane.clear();
  }

  #laneOf(queue: OwnerQueue): Lane {
    return this.#lanes[queue.owner.lane];
  }
}
