/**
 * One timer for any number of deadlines: a wheel of 1 ms slots.
 *
 *     slot  0    1    2   …    63      the low bits of due name the slot; an entry that is due in a
 *           │    │    └─ e ─ e         later revolution stays where it is until its time comes
 *           └─ e └─ …
 *
 * There are more slots where more entries wait, up to 4 096: an idle connection should not pay for a busy one.
 *
 * Adding and removing an entry touches two neighbours, and almost every deadline is removed before it passes. The
 * platform's timer is set for the earliest entry only.
 */

import { guarded, type OnThrown } from '../guard.js';

const fewestSlots = 64;
const mostSlots = 4096;

/** A timer of the platform that is set for longer fires at once. */
const maxTimerMs = 0x7fff_ffff;

/** What waits in a wheel; the entry itself is the list node, so that arming allocates nothing. */
export abstract class TimerEntry {
  /** When {@link onTimer} is called, on the monotonic clock, in ms. Infinity while the entry is in no wheel. */
  due = Infinity;
  /** @internal */
  nextTimer: TimerEntry | undefined = undefined;
  /** @internal */
  previousTimer: TimerEntry | undefined = undefined;

  /** Called once when the time has come; the entry has left the wheel and may be added again. */
  abstract onTimer(now: number): void;
}

/** The newest entry of each; their number is a power of two. */
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

/** See the head of this file. */
export class TimerWheel {
  readonly #now: () => number;
  readonly #schedule: (task: () => void, ms: number) => () => void;
  readonly #onThrown: OnThrown;
  #slots: Slots | undefined = undefined;
  #size = 0;
  // The platform's timer is set for this time; Infinity: it is not set.
  #wakeAt = Infinity;
  // Nothing is due before; the entry that was may have been removed.
  #earliest = Infinity;
  #cancelWake: (() => void) | undefined = undefined;
  // Everything due up to this time has fired.
  #firedUpTo = 0;

  /** `onThrown`: takes what an entry's timer threw; the others fire all the same. */
  constructor(now: () => number, schedule: (task: () => void, ms: number) => () => void, onThrown: OnThrown) {
    this.#now = now;
    this.#schedule = schedule;
    this.#onThrown = onThrown;
  }

  /** Entries that wait. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds `entry`, or moves it where it is in the wheel already. It fires at `due` or up to 1 ms later, never earlier;
   * at Infinity it never does, and is not held.
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

  /** Removes `entry`; harmless where it is in no wheel. */
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
   * Sets the platform's timer for what was added and removed since the last time; due at the end of each turn. A call
   * that is answered in the turn in which it came costs no timer (setting and clearing one was 0.9 µs).
   */
  rearm(): void {
    if (this.#size === 0) this.stop();
    else if (this.#earliest < this.#wakeAt) this.#wake(this.#earliest);
  }

  /** Takes the platform's timer down. Entries stay, and {@link rearm} starts it again. */
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
      // Rounded up: a timer drops the fraction, and would wake too early for the entry.
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
    // Each slot is a stack: reversed, and sorted by a sort that is stable, equal times fire in the order of adding.
    due.reverse().sort((a, b) => a.due - b.due);
    for (const entry of due) {
      // One that fires may remove another one, or move it.
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

  // The slots, with room for one more entry.
  #roomySlots(): Slots {
    const slots = (this.#slots ??= emptySlots(fewestSlots));
    if (this.#size < slots.length || slots.length === mostSlots) return slots;
    const more = emptySlots(slots.length * 4);
    for (const head of slots) {
      // From the oldest on, so that each slot is a stack again.
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

  // Walks the slots in the order of time, up to the first entry that is due in this revolution: among many it is near.
  // Where all are due later, every one has been looked at; that happens once a revolution at the most.
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
