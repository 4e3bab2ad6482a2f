/**
 * Dials one host, again and again until it is stopped.
 *
 *     waiting ──▶ attempt ──accepted──▶ linked ──lost──▶ waiting
 *        ▲           └── failed, rejected ──────────────────▲
 *
 * The first attempts start 50, 100, 200 … ms after the start of the previous one, because a host that has just started
 * notices its peers only when they dial it. Later attempts follow at `redialInterval`. Random jitter of up to
 * `dialJitter` is added, for the earlier attempts in proportion. The sequence restarts when a link that lived for at
 * least `redialInterval` is lost, so a host whose links flap is dialed no more often than a host that is down. A
 * rejection ends the first attempts, too: the host has started. `dial-attempt.ts` has the attempt itself; a leaf dials
 * otherwise, see `leaf-dialer.ts`.
 */

import { Subscription } from 'rxjs';
import { RejectedError } from '../../rejection.js';
import { firstRedialInterval, maxDuplicateWait } from '../../bounds.js';
import type { Checksum } from '../../wire/checksum.js';
import { DialAttempt, type AttemptFailure, type ConnectFields, type DialAttemptOptions } from './dial-attempt.js';
import type { HostConnection } from '../host-connection.js';

/** Options of a {@link Dialer}. */
export interface DialerOptions extends Pick<
  DialAttemptOptions,
  'url' | 'dial' | 'runtime' | 'limits' | 'token' | 'accepted'
> {
  readonly connection: HostConnection;
  /** While it is a promise, the socket opens and the handshake waits. */
  readonly checksum: Checksum | undefined | Promise<Checksum>;
  /** The Connect, except for its time and token. */
  readonly connect: ConnectFields;
  /** The other side rejected. */
  readonly rejected: (reason: string) => void;
  /** The other side is connected to another process with this side's name. Called after `rejected`. */
  readonly duplicate?: () => void;
}

/** Dials one host, again and again, until it is stopped. */
export class Dialer {
  readonly #options: DialerOptions;
  readonly #subscription = new Subscription();
  #attempt: DialAttempt | undefined = undefined;
  #attemptBegan = -Infinity;
  #cancelWait: (() => void) | undefined = undefined;
  #stopped = false;
  // False after the first link, and after the quick attempts that follow the start: hosts are often started together.
  #starting = true;
  readonly #graceEnd: number;
  #attempts = 0; // since the last link that lasted
  #linkedAt = 0;
  // Number of attempts in a row that failed because another process has this side's name.
  #duplicates = 0;

  constructor(options: DialerOptions) {
    this.#options = options;
    this.#graceEnd = options.runtime.now() + options.limits.dialedGrace;
    this.#subscription.add(
      options.connection.lost.subscribe(() => {
        if (options.runtime.now() - this.#linkedAt >= options.limits.redialInterval) this.#attempts = 0;
        this.#scheduleNext();
      }),
    );
    this.#begin();
  }

  /** Stops dialing for good. */
  stop(): void {
    this.#stopped = true;
    this.#cancelWait?.();
    this.#attempt?.cancel();
    this.#subscription.unsubscribe();
  }

  #scheduleNext(): void {
    if (this.#stopped) return;
    const { runtime, limits } = this.#options;
    const interval = this.#interval();
    const jitter = limits.dialJitter * Math.min(1, interval / limits.redialInterval);
    const next = this.#attemptBegan + interval + runtime.random() * jitter;
    this.#cancelWait = runtime.schedule(
      () => {
        this.#begin();
      },
      Math.max(0, next - runtime.now()),
    );
  }

  #interval(): number {
    const { redialInterval } = this.#options.limits;
    if (this.#duplicates > 0) {
      return Math.max(redialInterval, Math.min(redialInterval * 2 ** this.#duplicates, maxDuplicateWait));
    }
    return Math.min(redialInterval, firstRedialInterval * 2 ** Math.max(0, this.#attempts - 1));
  }

  #begin(): void {
    const { url, dial, runtime, limits, checksum, connect, token, accepted } = this.#options;
    this.#attempt = new DialAttempt({
      ...{ url, dial, runtime, limits, checksum, token },
      connect: () => connect,
      began: () => {
        this.#attemptBegan = runtime.now();
        this.#attempts++;
      },
      accepted: (socket, response) => {
        this.#duplicates = 0;
        this.#starting = false;
        this.#linkedAt = runtime.now();
        accepted(socket, response);
      },
      failed: (failure) => {
        this.#failed(failure);
      },
    });
    // The token function may have stopped the dialer.
    if (this.#stopped) this.#attempt.cancel();
  }

  #failed({ error, unreachable, ext }: AttemptFailure): void {
    const { runtime, limits, connection, rejected, duplicate } = this.#options;
    if (error instanceof RejectedError) {
      this.#attempts = Infinity;
      rejected(error.reason);
    }
    if (ext?.dup === 1) {
      this.#duplicates++;
      duplicate?.();
    }
    if (this.#isStopped()) return;
    this.#starting &&= unreachable && this.#interval() < limits.redialInterval && runtime.now() < this.#graceEnd;
    connection.attemptFailed(error, this.#starting);
    this.#scheduleNext();
  }

  // A method, because the compiler assumes that the field keeps its value across a call.
  #isStopped(): boolean {
    return this.#stopped;
  }
}
