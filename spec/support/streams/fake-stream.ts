import { reportUnhandled } from '../../../lib/flow/unhandled.js';
import { CallObservable } from '../../../lib/flow/call-observable.js';
import { Inbound } from '../../../lib/flow/inbound.js';
import type { GridEvent } from '../../../lib/observe.js';

/** A stream without a connection: the test pushes its items, and sees the credit that returns. An item is one byte. */
export class FakeStream {
  /** Credits that returned, over all calls. */
  released = 0;
  /** Calls so far: one for each subscription. */
  calls = 0;
  cancelled = 0;
  /** The receiving half of the last call. */
  inbound!: Inbound<number>;
  readonly events: GridEvent[] = [];
  readonly items: CallObservable<number>;

  constructor(route = 'upstream') {
    this.items = new CallObservable<number>((attach) => {
      this.calls++;
      const inbound = new Inbound<number>({
        route,
        report: (event) => this.events.push(event),
        decode: (payload) => payload[0]!,
        release: () => this.released++,
        onThrown: reportUnhandled,
        undecodable: () => undefined,
      });
      this.inbound = inbound;
      attach(inbound);
      return () => {
        this.cancelled++;
        inbound.discard();
      };
    });
  }

  push(...values: number[]): void {
    for (const value of values) this.inbound.push(Uint8Array.of(value));
  }

  end(error?: unknown): void {
    this.inbound.end(error);
  }
}
