import type { StreamCounts } from '../../metrics/open-streams.js';

/**
 * Counts what one end of a stream moves, and how long it waits for credit.
 *
 *     flowing ──an item is to be sent, and there is no credit──▶ stalled ──credit, or the end──▶ flowing
 *
 * Before the first credit a stream is not open yet, and does not count as stalled.
 */
export class StreamCounter implements StreamCounts {
  itemsOut = 0;
  itemsIn = 0;
  bytesOut = 0;
  bytesIn = 0;
  creditStalls = 0;
  creditStalledMs = 0;
  /** Since when the stream waits for credit, on the monotonic clock, in ms; undefined while it does not. */
  stalledSince: number | undefined = undefined;
  /** Items that the other side has acknowledged. */
  acknowledged = 0;
  /** True once this side has had credit. */
  credited = false;

  sent(bytes: number): void {
    this.itemsOut++;
    this.bytesOut += bytes;
  }

  received(bytes: number): void {
    this.itemsIn++;
    this.bytesIn += bytes;
  }

  stall(now: number): void {
    this.creditStalls++;
    this.stalledSince = now;
  }

  resume(now: number): void {
    if (this.stalledSince === undefined) return;
    this.creditStalledMs += Math.max(0, now - this.stalledSince);
    this.stalledSince = undefined;
  }
}
