import type { HostConnection } from '../../connection/host-connection.js';
import { reportUnhandled } from '../../flow/unhandled.js';
import { guarded } from '../../guard.js';
import { drainCheckInterval, removedHostTimeout } from '../../bounds.js';
import type { Runtime } from '../../runtime.js';
import { closePeer, type Peer } from './peers.js';

const reason = 'it is not in the list of hosts any more';

/**
 * The end of the connection to a host that was removed from the list: neither side begins new calls, and what runs has
 * time to end.
 *
 *     retiring ── no call runs | link lost | time over | close ──▶ closed
 */
export class Retirement {
  readonly connection: HostConnection;

  readonly #runtime: Runtime;
  readonly #peer: Peer;
  readonly #until: number;
  readonly #onEnd: () => void;
  #cancelTimer: (() => void) | undefined = undefined;
  #ended = false;

  /** `onEnd` is called once, when the connection is closed. */
  constructor(runtime: Runtime, peer: Peer, onEnd: () => void) {
    this.#runtime = runtime;
    this.#peer = peer;
    this.connection = peer.connection;
    this.#until = runtime.now() + removedHostTimeout;
    this.#onEnd = onEnd;
  }

  /** Begins it. It may end at once. */
  begin(): void {
    // Neither side dials any more, and neither waits to be dialed.
    guarded(reportUnhandled, () => {
      this.#peer.stop();
    });
    guarded(reportUnhandled, () => {
      this.connection.drain.refuseCalls(reason, this.#until);
      this.connection.drain.makeNoCalls();
    });
    this.#check();
  }

  /** Ends it now. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelTimer?.();
    try {
      closePeer(this.#peer);
    } finally {
      this.#onEnd();
    }
  }

  #check(): void {
    const { connection } = this;
    const idle = connection.drain.working === 0 && connection.stats.openOut === 0 && connection.drain.flushed;
    const left = this.#until - this.#runtime.now();
    if (idle) {
      guarded(reportUnhandled, () => {
        connection.drain.finishLink();
      });
    }
    if (idle || left <= 0 || connection.link === undefined) {
      guarded(reportUnhandled, () => {
        this.close();
      });
      return;
    }
    this.#cancelTimer = this.#runtime.schedule(
      () => {
        this.#check();
      },
      Math.min(drainCheckInterval, left),
    );
  }
}
