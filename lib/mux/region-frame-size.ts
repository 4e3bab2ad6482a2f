/**
 * How large the region frames of a connection are: as large as they may be while nothing else is sent, and small beside other
 * traffic. They are small not for the sake of what waits in the schedule, where a region frame has its turn like any other,
 * but because as many of them as there is credit for are on the way, ahead of every answer. (Measured: a call beside a
 * transfer waited 19 ms with frames of 1 MiB and a window of 16.)
 */

import { maxRegionFrameBytes, minRegionFrameBytes } from '../limits.js';

/** Region frames grow again after so long a time, in ms, in which nothing else was sent. */
const quietTime = 50;

/** See the head of this file. */
export class RegionFrameSize {
  /** Bytes of the next region frames. */
  bytes = maxRegionFrameBytes;

  readonly #now: () => number;
  #othersSent = false;
  #lastOther = -Infinity;
  #lastEnd = -Infinity;

  /** `now`: the time in ms. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A message without a region frame goes out. */
  othersSend(): void {
    this.#othersSent = true;
  }

  /** A region frame begins to leave. */
  begin(): void {
    // What led to the first frame of a transfer is not beside it.
    if (this.#now() - this.#lastEnd >= quietTime) this.#othersSent = false;
  }

  /** The region frame has left. */
  end(): void {
    const now = this.#now();
    this.#lastEnd = now;
    if (this.#othersSent) {
      this.#othersSent = false;
      this.#lastOther = now;
      this.bytes = Math.max(minRegionFrameBytes, this.bytes >> 1);
    } else if (now - this.#lastOther >= quietTime) {
      this.bytes = Math.min(maxRegionFrameBytes, this.bytes << 1);
    }
  }
}
