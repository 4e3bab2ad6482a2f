import { Sending, sendFrom, type SendObserver } from '../../lib/flow/sending.js';
import type { DuplexStream } from '../../lib/index.js';
import { FakeOutlet } from './outlet.js';

/** An open stream without a connection: the test gives its credit and ends it. */
export class FakeTarget {
  /** What goes out, `done` for the half-close, and the error that an item or the source failed with. */
  readonly outlet: FakeOutlet;
  /** Reasons it was cancelled with. */
  readonly cancels: unknown[] = [];
  /** False: the half-close waits, as it does without a connection. */
  writes = true;
  #sending: Sending<number> | undefined = undefined;

  constructor(credit = 0) {
    this.outlet = new FakeOutlet(credit);
  }

  /** As `sendTo` takes it. */
  get stream(): DuplexStream<number, unknown> {
    return this as unknown as DuplexStream<number, unknown>;
  }

  get credit(): number {
    return this.outlet.credit;
  }

  [sendFrom](observer: SendObserver): Sending<number> {
    const { outlet } = this;
    const ends = {
      get canSend() {
        return outlet.canSend;
      },
      encode: (item: number) => outlet.encode(item),
      onThrown: outlet.onThrown,
      send: (payload: Uint8Array) => {
        outlet.send(payload);
      },
      complete: () => {
        outlet.complete();
        if (this.writes) this.halfClosed();
      },
      fail: (error: unknown) => {
        outlet.fail(error);
        this.end(error);
      },
    };
    return (this.#sending = new Sending('upload', ends, { items: 8, bytes: 1024 }, observer));
  }

  cancel(reason: unknown = 'cancelled'): void {
    this.cancels.push(reason);
  }

  give(credit: number): void {
    this.outlet.credit += credit;
    this.#sending?.resume();
  }

  halfClosed(): void {
    this.#sending?.halfClosed();
  }

  end(error?: unknown): void {
    this.#sending?.end(error);
  }
}
