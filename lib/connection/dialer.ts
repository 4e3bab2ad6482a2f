/**
 * Dials one host, again and again until it is stopped.
 *
 *     waiting ──▶ gate ──▶ dialing ──open──▶ handshake ──accepted──▶ linked ──lost──▶ waiting
 *        ▲                    └──── failed ────┴── rejected ─────────────────────────────▲
 *
 * The first attempts start 50, 100, 200 … ms after the start of the previous one, because a host that has just started notices
 * its peers only when they dial it. Later attempts follow at `redialInterval`. Random jitter of up to `dialJitter` is added, for
 * the earlier attempts in proportion. The sequence restarts when a link that lived for at least `redialInterval` is lost, so a
 * host whose links flap is dialed no more often than a host that is down. The same holds for a host that rejected the attempt,
 * since it has started. The time of an attempt, and of its token, begins behind the gate.
 */

import { defer, Subscription } from 'rxjs';
import { ConfigurationError, errorText, RejectedError, toError } from '../errors.js';
import { reportUnhandled } from '../flow/unhandled.js';
import { guarded } from '../guard.js';
import { firstRedial, maxDuplicateWait, type Limits } from '../limits.js';
import { printable, printableUrl } from '../printable.js';
import type { Runtime } from '../runtime.js';
import type { Checksum } from '../wire/checksum.js';
import type { ConnectRequest, ConnectResponse } from '../wire/connect.js';
import { timestampFromMs } from '../wire/timestamp.js';
import { DialGate } from './dial-gate.js';
import { dialHeaders } from './dial-headers.js';
import type { HostConnection } from './host-connection.js';
import { checkHandshakeSize, connectMessage, readConnectResponse } from './handshake.js';
import { stallTolerantTimer } from './stall-tolerant-timer.js';
import type { Dial, Socket } from '../transport/socket.js';

/** Options of a {@link Dialer}. */
export interface DialerOptions {
  readonly connection: HostConnection;
  /** The URL to dial. Errors show it without user, password and query. */
  readonly url: string;
  readonly dial: Dial;
  readonly runtime: Runtime;
  readonly limits: Limits;
  /** While it is a promise, the socket opens and the handshake waits. If it rejects, the dialer must be stopped. */
  readonly checksum: Checksum | undefined | Promise<Checksum>;
  /** The Connect, except for its time and token. */
  readonly connect: Omit<ConnectRequest, 'time' | 'token'>;
  /** Creates the token of one attempt. */
  readonly token: () => string | Promise<string>;
  /** The other side accepted: creates the link of the socket. Called in the turn in which the answer arrived. */
  readonly accepted: (socket: Socket, response: ConnectResponse) => void;
  /** The other side rejected. */
  readonly rejected: (reason: string) => void;
  /** The other side is connected to another process with this side's name. Called after `rejected`. */
  readonly duplicate?: () => void;
}

/** See the head of this file. */
export class Dialer {
  readonly #options: DialerOptions;
  readonly #subscription = new Subscription();
  #attempt: Subscription | undefined = undefined;
  #attemptBegan = -Infinity;
  #cancelWait: (() => void) | undefined = undefined;
  #releaseGate: (() => void) | undefined = undefined;
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
    this.#passGate();
  }

  /** Stops dialing for good. */
  stop(): void {
    this.#stopped = true;
    this.#cancelWait?.();
    if (this.#attempt !== undefined) cancelAttempt(this.#attempt);
    this.#releaseGate?.();
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
        this.#passGate();
      },
      Math.max(0, next - runtime.now()),
    );
  }

  #interval(): number {
    const { redialInterval } = this.#options.limits;
    if (this.#duplicates > 0) {
      return Math.max(redialInterval, Math.min(redialInterval * 2 ** this.#duplicates, maxDuplicateWait));
    }
    return Math.min(redialInterval, firstRedial * 2 ** Math.max(0, this.#attempts - 1));
  }

  #passGate(): void {
    const { runtime, limits } = this.#options;
    this.#releaseGate = DialGate.of(runtime).acquire(limits.maxDials, limits.dialTimeout / 2, () => {
      this.#dial().catch((error: unknown) => {
        this.#fail(toError(error));
      });
    });
    // The token function may have stopped the dialer.
    if (this.#stopped) this.#releaseGate();
  }

  async #dial(): Promise<void> {
    const { runtime, limits, dial, url } = this.#options;
    const shownUrl = printableUrl(url);
    this.#attemptBegan = runtime.now();
    this.#attempts++;
    let signed: string;
    try {
      signed = await this.#sign();
    } catch (error) {
      this.#fail(new Error(`The token could not be made: ${errorText(error)}`));
      return;
    }
    if (this.#stopped) return;
    const headers = dialHeaders(signed, runtime.wallNow());
    const attempt = new Subscription();
    this.#attempt = attempt;
    const fail = (error: unknown, unreachable = false): void => {
      // Cancelling may end the socket synchronously, which is not a second failure.
      if (attempt.closed) return;
      cancelAttempt(attempt);
      this.#fail(toError(error), unreachable);
    };
    const startTimeout = (what: string, ms: number): (() => void) =>
      stallTolerantTimer(
        runtime,
        () => {
          fail(new Error(`${what} did not come within ${String(ms)} ms.`));
        },
        ms,
      );
    const cancelDialTimer = startTimeout(`An open connection to ${shownUrl}`, limits.dialTimeout);
    attempt.add(cancelDialTimer);
    attempt.add(
      defer(() => dial(url, { headers, maxMessageBytes: limits.maxMessageBytes })).subscribe({
        next: (socket) => {
          guarded(fail, () => {
            cancelDialTimer();
            attempt.add(startTimeout(`The answer of ${shownUrl} to the handshake`, limits.handshakeTimeout));
            this.#shakeHands(socket, signed, attempt, fail);
          });
        },
        error: (error: unknown) => {
          if (error instanceof RejectedError) this.#rejected(error.reason);
          fail(error, true);
        },
      }),
    );
  }

  // A token that never resolves must not stop the dialing.
  async #sign(): Promise<string> {
    const { runtime, limits, token } = this.#options;
    const attempt = new Subscription();
    this.#attempt = attempt;
    const late = new Promise<never>((_, reject) => {
      const ms = limits.handshakeTimeout;
      attempt.add(
        stallTolerantTimer(
          runtime,
          () => {
            reject(new Error(`it did not come within ${String(ms)} ms`));
          },
          ms,
        ),
      );
    });
    try {
      const signed: unknown = await Promise.race([token(), late]);
      if (typeof signed === 'string') return signed;
      throw new ConfigurationError(`sign() must return a text; it returned a value of type ${typeof signed}`);
    } finally {
      attempt.unsubscribe();
    }
  }

  #shakeHands(socket: Socket, token: string, attempt: Subscription, fail: (error: unknown) => void): void {
    const { checksum, limits } = this.#options;
    socket.limitMessages?.(limits.maxHandshakeBytes, 'maxHandshakeBytes');
    let linked = false;
    const handshake = new Subscription(() => {
      // The attempt was cancelled: a half-open socket must not stay.
      if (!linked) socket.outbound.error(new Error('The handshake was cancelled.'));
    });
    attempt.add(handshake);
    const begin = (made: Checksum | undefined): void => {
      if (!handshake.closed) this.#sendConnect(socket, token, made, attempt, fail, handshake, () => (linked = true));
    };
    if (checksum instanceof Promise) {
      void checksum.then(
        (made) => {
          guarded(fail, begin, made);
        },
        () => undefined,
      );
    } else begin(checksum);
  }

  #sendConnect(
    socket: Socket,
    token: string,
    checksum: Checksum | undefined,
    attempt: Subscription,
    fail: (error: Error) => void,
    handshake: Subscription,
    onLinked: () => void,
  ): void {
    const { runtime, connect, accepted, duplicate } = this.#options;
    const url = printableUrl(this.#options.url);
    let hello: Uint8Array;
    try {
      hello = connectMessage({ ...connect, time: timestampFromMs(runtime.wallNow()), token });
    } catch (error) {
      fail(new Error(`The token cannot be sent: ${errorText(error)}`));
      return;
    }
    handshake.add(
      socket.inbound.subscribe({
        next: (message) => {
          if (attempt.closed) return;
          let response: ConnectResponse;
          try {
            checkHandshakeSize(message, this.#options.limits);
            response = readConnectResponse(message, checksum);
          } catch (error) {
            fail(new Error(`${url} is no grid: ${printable(errorText(error))}`));
            return;
          }
          if (!response.accepted) {
            const reason = printable(response.rejectedReason);
            this.#rejected(reason);
            if (response.ext?.dup === 1) {
              this.#duplicates++;
              duplicate?.();
            }
            fail(new RejectedError(`${url} rejected the connection: ${reason}`, reason));
            return;
          }
          this.#duplicates = 0;
          this.#starting = false;
          this.#linkedAt = this.#options.runtime.now();
          onLinked();
          cancelAttempt(attempt);
          this.#releaseGate?.();
          accepted(socket, response);
        },
        error: (error: unknown) => {
          fail(new Error(`${url} closed the connection during the handshake: ${errorText(error)}`));
        },
        complete: () => {
          fail(new Error(`${url} closed the connection during the handshake.`));
        },
      }),
    );
    socket.outbound.next(hello);
  }

  #rejected(reason: string): void {
    this.#attempts = Infinity;
    this.#options.rejected(reason);
  }

  #fail(error: Error, unreachable = false): void {
    if (this.#stopped) return;
    const { runtime, limits } = this.#options;
    this.#releaseGate?.();
    this.#starting &&= unreachable && this.#interval() < limits.redialInterval && runtime.now() < this.#graceEnd;
    this.#options.connection.attemptFailed(error, this.#starting);
    this.#scheduleNext();
  }
}

// The dial may be a user's Observable: an error of its finalizers must not end the dialing.
function cancelAttempt(attempt: Subscription): void {
  guarded(reportUnhandled, () => {
    attempt.unsubscribe();
  });
}
