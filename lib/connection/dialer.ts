/**
 * Dials one host for ever.
 *
 *     waiting ──▶ gate ──▶ dialing ──open──▶ handshake ──accepted──▶ linked ──lost──▶ waiting
 *        ▲                    └──── failed ────┴── rejected ─────────────────────────────▲
 *
 * The first attempts start 50, 100, 200 … ms after the one before began: a host that starts, or starts again, notices its
 * peers only when they dial it. Further ones follow at `redialInterval`. A random share of `dialJitter` is added, of an
 * earlier attempt in the same proportion. The count begins again when a link is lost that lived for `redialInterval`; one
 * that flaps is dialed no faster than a host that is down, and so is a host that rejected: it has started. An attempt begins
 * behind the gate, and so do its times and its token.
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

/** What a dialer needs. */
export interface DialerOptions {
  readonly connection: HostConnection;
  /** Where to dial. Errors show it without its user, password and query. */
  readonly url: string;
  readonly dial: Dial;
  readonly runtime: Runtime;
  readonly limits: Limits;
  /** A promise while it is being made: the socket opens meanwhile, and the handshake waits. Where it rejects, stop the dialer. */
  readonly checksum: Checksum | undefined | Promise<Checksum>;
  /** Makes the Connect, but for its time and token. */
  readonly connect: Omit<ConnectRequest, 'time' | 'token'>;
  /** Makes a token for one attempt. */
  readonly token: () => string | Promise<string>;
  /** The other side accepted: makes the link of the socket. Called in the turn in which the answer came. */
  readonly accepted: (socket: Socket, response: ConnectResponse) => void;
  /** The other side rejected. */
  readonly rejected: (reason: string) => void;
  /** The other side has a connection to another process under this side's name. Follows `rejected`. */
  readonly duplicate?: () => void;
}

/** See the head of this file. */
export class Dialer {
  readonly #options: DialerOptions;
  readonly #subscription = new Subscription();
  #attempt: Subscription | undefined = undefined;
  #attemptBegan = -Infinity;
  #cancelWait: (() => void) | undefined = undefined;
  #leaveGate: (() => void) | undefined = undefined;
  #stopped = false;
  // False after the first link, and after the quick attempts that follow the start: hosts are often started together.
  #starting = true;
  readonly #graceEnd: number;
  #attempts = 0; // since the last link that lasted
  #linkedAt = 0;
  // Attempts in a row that failed because another process has this side's name.
  #duplicates = 0;

  constructor(options: DialerOptions) {
    this.#options = options;
    this.#graceEnd = options.runtime.now() + options.limits.dialedGrace;
    this.#subscription.add(
      options.connection.lost.subscribe(() => {
        if (options.runtime.now() - this.#linkedAt >= options.limits.redialInterval) this.#attempts = 0;
        this.#wait();
      }),
    );
    this.#enter();
  }

  /** Gives up for good. */
  stop(): void {
    this.#stopped = true;
    this.#cancelWait?.();
    if (this.#attempt !== undefined) giveUp(this.#attempt);
    this.#leaveGate?.();
    this.#subscription.unsubscribe();
  }

  #wait(): void {
    if (this.#stopped) return;
    const { runtime, limits } = this.#options;
    const interval = this.#interval();
    const jitter = limits.dialJitter * Math.min(1, interval / limits.redialInterval);
    const next = this.#attemptBegan + interval + runtime.random() * jitter;
    this.#cancelWait = runtime.schedule(
      () => {
        this.#enter();
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

  #enter(): void {
    const { runtime, limits } = this.#options;
    this.#leaveGate = DialGate.of(runtime).enter(limits.maxDials, limits.dialTimeout / 2, () => {
      this.#dial().catch((error: unknown) => {
        this.#fail(toError(error));
      });
    });
    // Who makes the token may have stopped this.
    if (this.#stopped) this.#leaveGate();
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
      // To give a socket up may end it at once, which is no second failure.
      if (attempt.closed) return;
      giveUp(attempt);
      this.#fail(toError(error), unreachable);
    };
    const late = (what: string, ms: number): (() => void) =>
      stallTolerantTimer(
        runtime,
        () => {
          fail(new Error(`${what} did not come within ${String(ms)} ms.`));
        },
        ms,
      );
    const cancelDialTimer = late(`An open connection to ${shownUrl}`, limits.dialTimeout);
    attempt.add(cancelDialTimer);
    attempt.add(
      defer(() => dial(url, { headers, maxMessageBytes: limits.maxMessageBytes })).subscribe({
        next: (socket) => {
          guarded(fail, () => {
            cancelDialTimer();
            attempt.add(late(`The answer of ${shownUrl} to the handshake`, limits.handshakeTimeout));
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

  // A token that never comes must not stop the dialing.
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
      throw new ConfigurationError(`sign() must give a text; it gave a value of type ${typeof signed}`);
    } finally {
      attempt.unsubscribe();
    }
  }

  #shakeHands(socket: Socket, token: string, attempt: Subscription, fail: (error: unknown) => void): void {
    const { checksum, limits } = this.#options;
    socket.limitMessages?.(limits.maxHandshakeBytes, 'maxHandshakeBytes');
    let linked = false;
    const handshake = new Subscription(() => {
      // The attempt was given up: a half-open socket must not stay.
      if (!linked) socket.outbound.error(new Error('The handshake was given up.'));
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
          giveUp(attempt);
          this.#leaveGate?.();
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
    this.#leaveGate?.();
    this.#starting &&= unreachable && this.#interval() < limits.redialInterval && runtime.now() < this.#graceEnd;
    this.#options.connection.attemptFailed(error, this.#starting);
    this.#wait();
  }
}

// The dial may be a user's Observable, and what its finalizers throw must not end the dialing.
function giveUp(attempt: Subscription): void {
  guarded(reportUnhandled, () => {
    attempt.unsubscribe();
  });
}
