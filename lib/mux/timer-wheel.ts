/**
 * One timer for any number of deadlines: a wheel of 1 ms slots.
 *
 *     slot  0    1    2   …    63      the low bits of `due` select the slot; an entry of a
 *           │    │    └─ e ─ e         later revolution stays in its slot until its time comes
 *           └─ e └─ …
 *
 * The wheel grows with its entries, up to 4 096 slots, so that an idle connection does not pay for a busy one.
 *
 * Adding and removing an entry touches two neighbours, and almost every deadline is removed before it passes. Only the
 * earliest entry has a timer of the platform.
 */

import { maxTimerMs } from '../check.js';
import { guarded, type OnThrown } from '../guard.js';

const fewestSlots = 64;
const mostSlots = 4096;

/** An entry of a wheel. The entry itself is the list node, so that arming a timer allocates nothing. */
export abstract class TimerEntry {
  /** When {@link onTimer} is due, on the monotonic clock, in ms. Infinity while the entry is in no wheel. */
  due = Infinity;
  /** @internal */
  nextTimer: TimerEntry | undefined = undefined;
  /** @internal */
  previousTimer: TimerEntry | undefined = undefined;

  /** Called once when the entry is due. The entry has left the wheel, and may be added again. */
  abstract onTimer(now: number): void;
}

/** The newest entry of each slot; the number of slots is a power of two. */
type Slots = (TimerEntry | undefined)[];

const emptySlots = (count: number): Slots => new Array<TimerEntry | undefined>(count).fill(undefined);

// `&` takes a number modulo 2^32, which keeps the low bits of every time.
const slotOf = (slots: Slots, due: number): number => due & (slots.length - 1);

function put(slots: Slots, entry: TimerEntry): void {
  const slot = slotOf(slots, entry.due);
  const head = slots[slot];
  entry.nextTimer = head;
  entry.previousTimer = undefined;
  if (head !== undefined) head.previousTimer = entry;
  slots[slot] = entry;
}

/** Arms and fires the deadlines of any number of entries with one timer of the platform. */
export class TimerWheel {
  readonly #now: () => number;
  readonly #schedule: (task: () => void, ms: number) => () => void;
  readonly #onThrown: OnThrown;
  #slots: Slots | undefined = undefined;
  #size = 0;
  // The time for which the platform's timer is set; Infinity where it is not set.
  #wakeAt = Infinity;
  // Lower bound of all due times: the entry that had it may have been removed.
  #earliest = Infinity;
  #cancelWake: (() => void) | undefined = undefined;
  // Everything due up to this time has fired.
  #firedUpTo = 0;

  /** `onThrown` takes an error thrown by an entry's timer. The other entries fire regardless. */
  constructor(now: () => number, schedule: (task: () => void, ms: number) => () => void, onThrown: OnThrown) {
    this.#now = now;
    this.#schedule = schedule;
    this.#onThrown = onThrown;
  }

  /** Number of entries. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds `entry`, or moves it if it is in the wheel already. It fires at `due` or up to 1 ms later, never earlier. An
   * entry that is due at Infinity never fires, and is not held.
   */
  add(entry: TimerEntry, due: number): void {
    if (entry.due !== Infinity) this.remove(entry);
    if (due === Infinity) return;
    const slots = this.#roomySlots();
    if (this.#size === 0) this.#firedUpTo = Math.floor(this.#now()) - 1;
    // An entry that is due in the past goes to the next slot that will be visited.
    const at = Math.max(Math.ceil(due), this.#firedUpTo + 1);
    entry.due = at;
    put(slots, entry);
    this.#size++;
    if (at < this.#earliest) this.#earliest = at;
  }

  /** Removes `entry`. Does nothing where it is in no wheel. */
  remove(entry: TimerEntry): void {
    if (entry.due === Infinity) return;
    const { nextTimer, previousTimer } = entry;
    if (nextTimer !== undefined) nextTimer.previousTimer = previousTimer;
    if (previousTimer !== undefined) previousTimer.nextTimer = nextTimer;
    else this.#slots![slotOf(this.#slots!, entry.due)] = nextTimer;
    entry.due = Infinity;
    entry.nextTimer = undefined;
    entry.previousTimer = undefined;
    this.#size--;
  }

  /**
   * Sets the platform's timer for the entries added and removed since the last call. Must be called at the end of each
   * turn. A call that is answered within its turn costs no timer (setting and clearing one took 0.9 µs).
   */
  rearm(): void {
    if (this.#size === 0) this.stop();
    else if (this.#earliest < this.#wakeAt) this.#wake(this.#earliest);
  }

  /** Clears the platform's timer. Entries stay; {@link rearm} sets the timer again. */
  stop(): void {
    this.#cancelWake?.();
    this.#cancelWake = undefined;
    this.#wakeAt = Infinity;
    if (this.#size === 0) this.#earliest = Infinity;
  }

  #wake(at: number): void {
    this.#cancelWake?.();
    this.#wakeAt = at;
    this.#cancelWake = this.#schedule(
      () => {
        this.#cancelWake = undefined;
        this.#wakeAt = Infinity;
        this.#fire();
      },
      // Rounded up: a timer drops the fraction, and would fire too early for the entry.
      Math.min(Math.max(0, Math.ceil(at - this.#now())), maxTimerMs),
    );
  }

  #fire(): void {
    const now = this.#now();
    const until = Math.floor(now);
    const slots = this.#slots!;
    const from = this.#firedUpTo + 1;
    this.#firedUpTo = until;
    const due: TimerEntry[] = [];
    for (let time = from; time <= until && time < from + slots.length; time++) {
      for (let entry = slots[slotOf(slots, time)]; entry !== undefined; entry = entry.nextTimer) {
        if (entry.due <= until) due.push(entry);
      }
    }
    // Each slot is a stack. Reversed, and then sorted stably, entries with equal times fire in the order of their
    // adding.
    due.reverse().sort((a, b) => a.due - b.due);
    for (const entry of due) {
      // An entry that fires may remove another one, or move it.
      if (entry.due > until) continue;
      this.remove(entry);
      guarded(this.#onThrown, () => {
        entry.onTimer(now);
      });
    }
    this.#earliest = Infinity;
    if (this.#size > 0) this.#findEarliest();
    this.rearm();
  }

  // Returns the slots, with room for one more entry.
  #roomySlots(): Slots {
    const slots = (this.#slots ??= emptySlots(fewestSlots));
    if (this.#size < slots.length || slots.length === mostSlots) return slots;
    const more = emptySlots(slots.length * 4);
    for (const head of slots) {
      // From the oldest entry on, so that each new slot is a stack again.
      let entry = head;
      while (entry?.nextTimer !== undefined) entry = entry.nextTimer;
      while (entry !== undefined) {
        const newer = entry.previousTimer;
        put(more, entry);
        entry = newer;
      }
    }
    this.#slots = more;
    return more;
  }

  // Visits the slots in the order of time, up to the first entry that is due in this revolution, which is near where
  // there are many. Where all entries are due later, it visits all of them, at most once a revolution.
  #findEarliest(): void {
    const slots = this.#slots!;
    const from = this.#firedUpTo + 1;
    let earliest = Infinity;
    for (let time = from; time < from + slots.length && time < earliest; time++) {
      for (let entry = slots[slotOf(slots, time)]; entry !== undefined; entry = entry.nextTimer) {
        if (entry.due < earliest) earliest = entry.due;
      }
    }
    this.#earliest = earliest;
  }
}
