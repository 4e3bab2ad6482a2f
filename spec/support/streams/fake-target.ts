import type { ObservedSource } from '../../../lib/calls/observed-source.js';
import { SendingHalf } from '../../../lib/calls/sending-half.js';
import type { FileStream } from '../../../lib/contract/received-files.js';
import { sendFrom, type Sending, type SendObserver } from '../../../lib/flow/feed/sending.js';
import type { DuplexStream } from '../../../lib/index.js';
import type { StreamMux } from '../../../lib/mux/stream/stream.js';
import { FakeOutlet } from './outlet.js';

/** An open stream without a connection: the test gives its credit and ends it. */
export class FakeTarget {
  /** What goes out, `done` for the half-close, and the error that an item or the source failed with. */
  readonly outlet: FakeOutlet;
  /** Reasons it was cancelled with. */
  readonly cancels: unknown[] = [];
  /** False: the half-close waits, as it does without a connection. */
  writes = true;
  #source: ObservedSource<number> | undefined = undefined;

  constructor(credit = 0) {
    this.outlet = new FakeOutlet(credit);
  }

  // What a source uses of the stream.
  get #mux(): StreamMux {
    const { outlet } = this;
    const mux = {
      get writable() {
        return outlet.canSend;
      },
      send: (payload: Uint8Array) => {
        outlet.send(payload);
      },
    };
    return mux as unknown as StreamMux;
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
    const owner = {
      route: 'upload',
      onThrown: outlet.onThrown,
      encode: (item: number) => outlet.encode(item),
      complete: () => {
        outlet.complete();
        if (this.writes) this.halfClosed();
      },
      fail: (error: unknown) => {
        outlet.fail(error);
        this.end(error);
      },
    };
    const half = new SendingHalf<number>(owner, undefined, { items: 8, bytes: 1024 });
    half.attach(this.#mux, {} as FileStream);
    return (this.#source = half.observedSource(observer, owner.complete));
  }

  cancel(reason: unknown = 'cancelled'): void {
    this.cancels.push(reason);
  }

  give(credit: number): void {
    this.outlet.credit += credit;
    this.#source?.resume();
  }

  halfClosed(): void {
    this.#source?.halfClosed();
  }

  end(error?: unknown): void {
    this.#source?.end(error);
  }
}
