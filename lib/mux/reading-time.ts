/**
 * The time of a turn of the event loop in which messages are read, over all connections of a process: many busy
 * connections must not block the event loop together.
 *
 * Messages that follow each other closely, on whatever connection, form a run, which has one slice of time:
 *
 *     none ──message──▶ new ──has lasted `markAfter`──▶ marked ──slice used up──▶ over
 *      ▲                 │ older than `sparseAfter`       │                        │
 *      └─────────────────┴───────── the event loop has turned ─────────────────────┘
 *
 * That the event loop has turned is known from a macrotask, the marker. Sparse messages and short bursts need none, so
 * they cost no timer. Readers that are behind wait in line. The same macrotask then begins the next run, and divides
 * its slice among them.
 *
 * In a run that is over, a reader that has read nothing yet may read a little: a connection with few messages need not
 * wait for one with many.
 */

import type { Marks, Runtime } from '../runtime.js';

/** The part of a runtime that a {@link ReadingTime} uses. */
export type ReadingRuntime = Pick<Runtime, 'now' | 'schedule' | 'nextTurn'> & Marks;

/** One that reads in slices. */
export interface SlicedReader {
  /** Reads on until a time on the monotonic clock, in ms. It waits in line again if it has more to read. */
  readSlice(end: number): void;
}

/**
 * Length of a slice, in ms. After it, the event loop turns. Until then a write that the kernel did not take whole
 * waits, and with it what other calls wait for. (Measured: with 10 ms, p99 of a call beside other traffic was 12 to 19
 * ms, with 4 ms 3 to 12.)
 */
const sliceTime = 4;
/** After this time, in ms, nobody reads any more until the event loop has turned. */
const longestRun = 2 * sliceTime;
/** A run of messages that has lasted this long, in ms, gets a marker. */
const markAfter = 2;
/**
 * After this time, in ms, a run without a marker counts as over: messages are sparse, and the event loop has turned.
 */
const sparseAfter = 50;
/** The least share of a slice, in ms: what a connection sends in its share leaves in one message. */
const leastShare = 0.5;
/** How late a slice may come in a simulation, in ms. */
export const busyMs = 12;

/** Divides the time for reading among the connections of a runtime. */
export class ReadingTime {
  static readonly #shared = new WeakMap<Runtime, ReadingTime>();

  /** Number of the current run. */
  run = 0;

  readonly #runtime: ReadingRuntime;
  readonly #waiting: SlicedReader[] = [];
  #readers = 0;
  #began = -Infinity;
  // Set while the macrotask waits to run that begins the next run.
  #cancelTurn: (() => void) | undefined = undefined;
  #dividing = false;

  constructor(runtime: ReadingRuntime) {
    this.#runtime = runtime;
  }

  /** The one that all connections of a runtime share. */
  static of(runtime: Runtime): ReadingTime {
    let time = this.#shared.get(runtime);
    if (time === undefined) this.#shared.set(runtime, (time = new ReadingTime(runtime)));
    return time;
  }

  /** When the slice of the current run ends, on the monotonic clock, in ms. */
  get sliceEnd(): number {
    return this.#began + sliceTime;
  }

  /** Counts a reader, until {@link leave}. */
  join(): void {
    this.#readers++;
  }

  /** The reader reads no more. The last one takes the timer along. */
  leave(reader: SlicedReader): void {
    const at = this.#waiting.indexOf(reader);
    if (at >= 0) this.#waiting.splice(at, 1);
    if (--this.#readers > 0) return;
    this.#cancelTurn?.();
    this.#cancelTurn = undefined;
  }

  /**
   * Adds a message that arrives now to the current run, or begins a new one. False: its reader has to wait. `lastRun`:
   * the last run in which that reader has read.
   */
  admits(at: number, lastRun: number): boolean {
    const lasted = at - this.#began;
    if (lasted < sliceTime && (lasted < markAfter || this.#isMarked)) return true;
    if (this.#isMarked && lasted < Infinity) return lasted < longestRun && lastRun !== this.run;
    if (lasted < sparseAfter) this.#scheduleTurn(false);
    // It is unknown whether the event loop has turned meanwhile: a new slice begins.
    this.#begin(at);
    return true;
  }

  /** Puts a reader that is behind into the line for the next slices. */
  wait(reader: SlicedReader): void {
    this.#waiting.push(reader);
    if (this.#waiting.length > 1 || this.#dividing) return;
    this.#cancelTurn?.();
    this.#scheduleTurn(this.#isNextLate);
  }

  get #isMarked(): boolean {
    return this.#cancelTurn !== undefined || this.#dividing;
  }

  #begin(at: number): void {
    this.#began = at;
    this.run++;
  }

  #scheduleTurn(isLate: boolean): void {
    const turn = (): void => {
      this.#cancelTurn = undefined;
      // The next message begins a new run.
      this.#begin(-Infinity);
      if (this.#waiting.length > 0) this.#divide();
    };
    const { nextTurn } = this.#runtime;
    this.#cancelTurn =
      nextTurn === undefined || isLate ? this.#runtime.schedule(turn, isLate ? busyMs : 0) : nextTurn(turn);
  }

  // Each reader in line gets an equal share. Where they are many, some have theirs in the next slice.
  #divide(): void {
    this.#begin(this.#runtime.now());
    const end = this.sliceEnd;
    this.#dividing = true;
    try {
      for (let now = this.#began; now < end && this.#waiting.length > 0; now = this.#runtime.now()) {
        const share = Math.max(leastShare, sliceTime / this.#waiting.length);
        this.#waiting.shift()!.readSlice(Math.min(end, now + share));
      }
    } finally {
      this.#dividing = false;
      this.#begin(-Infinity);
      if (this.#waiting.length > 0) this.#scheduleTurn(this.#isNextLate);
    }
  }

  // In simulations, the event loop is sometimes busy before the next slice: calls reach their deadlines unread.
  get #isNextLate(): boolean {
    return this.#runtime.buggify?.('a slice comes late') === true;
  }
}
