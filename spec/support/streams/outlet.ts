import type { Feeder, FeedSource, Outlet } from '../../../lib/flow/feed/feed.js';
import { feed } from '../../../lib/flow/feed/feed.js';

/** An outlet whose credit the test gives, and which keeps what happens, in order. */
export class FakeOutlet implements Outlet<number> {
  credit: number;
  readonly log: unknown[] = [];
  /** What the source threw while it was cleaned up. */
  readonly thrown: unknown[] = [];
  readonly onThrown = (error: unknown): void => {
    this.thrown.push(error);
  };
  /** Called after each item: for tests of re-entrancy. */
  onSend: (() => void) | undefined = undefined;
  #feeder: Feeder | undefined = undefined;

  constructor(credit = 0) {
    this.credit = credit;
  }

  /** Feeds the outlet. One item is one byte. */
  feed(source: FeedSource<number>, bounds: { items?: number; bytes?: number } = {}): Feeder {
    return (this.#feeder = feed(source, this, { items: 1024, bytes: 1 << 20, ...bounds }));
  }

  give(credit: number): void {
    this.credit += credit;
    // Undefined while the feeding starts.
    this.#feeder?.resume();
  }

  /** Items that were sent. */
  get sent(): number[] {
    return this.log.filter((entry) => typeof entry === 'number');
  }

  get canSend(): boolean {
    return this.credit > 0;
  }

  encode(item: number): Uint8Array {
    if (item < 0) throw new RangeError('not encodable');
    return Uint8Array.of(item, item >> 8, item >> 16);
  }

  send(payload: Uint8Array): void {
    if (this.credit === 0) throw new Error('sent without credit');
    this.credit--;
    this.log.push(payload[0]! | (payload[1]! << 8) | (payload[2]! << 16));
    this.onSend?.();
  }

  complete(): void {
    this.log.push('done');
  }

  fail(error: unknown): void {
    this.log.push(error);
  }
}
