/**
 * The size of a connection's region frames: as large as allowed while nothing else is sent, and small beside other
 * traffic. Small frames do not help queued frames, because the schedule gives a region frame a turn like any other.
 * They help because a whole window of region frames is in flight ahead of every answer. (Measured: a call beside a
 * transfer waited 19 ms with frames of 1 MiB and a window of 16.)
 */

import { maxRegionFrameBytes, minRegionFrameBytes } from '../../bounds.js';

/** Region frames grow again after this time, in ms, without other traffic. */
const quietTime = 50;

/** Adapts the size of a connection's region frames to its other traffic. */
export class RegionFrameSize {
  /** Size of the next region frames, in bytes. */
  bytes = maxRegionFrameBytes;

  readonly #now: () => number;
  #othersSent = false;
  #lastOther = -Infinity;
  #lastEnd = -Infinity;

  /** `now` is the monotonic clock, in ms. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A message without a region frame is sent. */
  otherMessageSent(): void {
    this.#othersSent = true;
  }

  /** A region frame begins to be written. */
  begin(): void {
    // Frames that led to the first frame of a transfer are no traffic beside it.
    if (this.#now() - this.#lastEnd >= quietTime) this.#othersSent = false;
  }

  /** The region frame has been written. */
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
