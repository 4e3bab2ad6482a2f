/**
 * Whose turn it is: deficit round robin by bytes, between two lanes and among the owners of each. See schedule.ts for
 * the picture.
 */

import { quantumBytes, type LaneName, type Place } from './place.js';

/** The places of owners that share equally, as a ring: {@link first} has its turn, and then goes to the end. */
class Lane {
  /** Bytes that the lane may send in its turn; as {@link Place.deficit}. */
  deficit = quantumBytes;
  /** Places that have something to send; the others are in debt. */
  ready = 0;
  first: Place | undefined = undefined;
  #last: Place | undefined = undefined;

  append(place: Place): void {
    place.previous = this.#last;
    place.next = undefined;
    if (this.#last === undefined) this.first = place;
    else this.#last.next = place;
    this.#last = place;
  }

  remove(place: Place): void {
    const { previous, next } = place;
    if (previous === undefined) this.first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    place.previous = undefined;
    place.next = undefined;
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
  next(): Place {
    const { calls, streams } = this.#lanes;
    while (this.#current.deficit <= 0 || this.#current.ready === 0) {
      if (this.#current.deficit <= 0) this.#current.deficit += quantumBytes;
      this.#current = this.#current === calls ? streams : calls;
    }
    return this.#current.first!;
  }

  /** The place's turn begins, or goes on where the socket was full, or where its lane's turn had ended. */
  begin(place: Place): void {
    if (place.deficit <= 0) place.deficit += quantumBytes;
  }

  /** True until the turn of the place, or of its lane, is used up. */
  mayGoOn(place: Place): boolean {
    return place.deficit > 0 && this.#laneOf(place).deficit > 0;
  }

  /** The place has sent so many bytes. */
  charge(place: Place, bytes: number): void {
    place.deficit -= bytes;
    this.#laneOf(place).deficit -= bytes;
  }

  /** The turn of the place has ended: the next one's comes. */
  rotate(place: Place): void {
    const lane = this.#laneOf(place);
    lane.remove(place);
    lane.append(place);
  }

  append(place: Place): void {
    this.#laneOf(place).append(place);
  }

  /** Takes out a place, which has nothing to send. */
  remove(place: Place): void {
    this.#laneOf(place).remove(place);
  }

  /** Brings the numbers of places that are ready up to date, after a change of this one. */
  count(place: Place): void {
    const { ready } = place;
    if (ready === place.counted) return;
    place.counted = ready;
    const step = ready ? 1 : -1;
    this.#laneOf(place).ready += step;
    this.ready += step;
  }

  /** Nothing is ready: forgives all debts, and so no place is left. */
  forgive(): void {
    for (const lane of Object.values(this.#lanes)) {
      for (let place = lane.first; place !== undefined; place = place.next) place.owner.place = undefined;
    }
    this.clear();
  }

  /** Forgets all places. Their owners keep them. */
  clear(): void {
    this.ready = 0;
    for (const lane of Object.values(this.#lanes)) lane.clear();
  }

  #laneOf(place: Place): Lane {
    return this.#lanes[place.owner.lane];
  }
}
