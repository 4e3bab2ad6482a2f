/**
 * One attempt to connect: token, WebSocket, handshake.
 *
 *     gate ──▶ token ──▶ dialing ──open──▶ handshake ──accepted──▶ linked
 *                └──────────┴── failed ───────┴── rejected
 *
 * The time of an attempt, and of its token, begins behind the gate. Exactly one of `accepted` and `failed` is called,
 * and neither after `cancel`; never within the constructor.
 */

import { defer, Subscription } from 'rxjs';
import { ConfigurationError, errorText, toError } from '../../errors.js';
import { RejectedError, type RejectionCode } from '../../rejection.js';
import { reportUnhandled } from '../../flow/unhandled.js';
import { guarded } from '../../guard.js';
import type { Limits } from '../../limits.js';
import { printable, printableUrl } from '../../printable.js';
import type { Runtime } from '../../runtime.js';
import type { Dial, Socket } from '../../transport/socket.js';
import type { Checksum } from '../../wire/checksum.js';
import type { ConnectRequest, ConnectResponse, Extensions } from '../../wire/payloads/connect.js';
import { timestampFromMs } from '../../wire/msgpack/timestamp.js';
import { DialGate } from './dial-gate.js';
import { dialHeaders } from './dial-headers.js';
import { checkHandshakeSize, connectMessage, readConnectResponse, rejectionCode } from '../handshake.js';
import { stallTolerantTimer } from './stall-tolerant-timer.js';

/** Why an attempt failed. */
export interface AttemptFailure {
  readonly error: Error;
  /** The WebSocket could not be opened: the host may be starting. */
  readonly unreachable: boolean;
  /** What the other side announced with its rejection; undefined where it did not reject in the handshake. */
  readonly ext?: Extensions | undefined;
}

/** The Connect, except for its time and token. */
export type ConnectFields = Omit<ConnectRequest, 'time' | 'token'>;

/** Options of a {@link DialAttempt}. */
export interface DialAttemptOptions {
  /** The URL to dial. Errors show it without user, password and query. */
  readonly url: string;
  readonly dial: Dial;
  readonly runtime: Runtime;
  readonly limits: Limits;
  /** While it is a promise, the socket opens and the handshake waits. If it rejects, the attempt fails. */
  readonly checksum: Checksum | undefined | PromiseLike<Checksum | undefined>;
  /** Creates the Connect, once the checksum is there. */
  readonly connect: () => ConnectFields;
  /** Creates the token. */
  readonly token: () => string | Promise<string>;
  /** The attempt has passed the gate. */
  readonly began: () => void;
  /** The other side accepted: creates the link of the socket. Called in the turn in which the answer arrived. */
  readonly accepted: (socket: Socket, response: ConnectResponse) => void;
  readonly failed: (failure: AttemptFailure) => void;
}

/** One attempt to connect: token, WebSocket, handshake. */
export class DialAttempt {
  readonly #options: DialAttemptOptions;
  // Closed once the attempt has ended in any way.
  readonly #parts = new Subscription();
  readonly #shownUrl: string;
  #releaseGate: (() => void) | undefined = undefined;

  constructor(options: DialAttemptOptions) {
    this.#options = options;
    this.#shownUrl = printableUrl(options.url);
    const { runtime, limits } = options;
    this.#releaseGate = DialGate.of(runtime).acquire(limits.maxDials, limits.dialTimeout / 2, () => {
      options.began();
      this.#run().catch((error: unknown) => {
        this.#fail(toError(error));
      });
    });
  }

  /** Ends the attempt: nothing is called any more. */
  cancel(): void {
    this.#end();
  }

  async #run(): Promise<void> {
    const { runtime, limits, dial, url } = this.#options;
    let token: string;
    try {
      token = await this.#sign();
    } catch (error) {
      this.#fail(new Error(`The token could not be made: ${errorText(error)}`));
      return;
    }
    if (this.#parts.closed) return;
    const headers = dialHeaders(token, runtime.wallNow());
    const cancelDialTimer = this.#startTimeout(`An open connection to ${this.#shownUrl}`, limits.dialTimeout);
    this.#parts.add(
      defer(() => dial(url, { headers, maxMessageBytes: limits.maxMessageBytes })).subscribe({
        next: (socket) => {
          guarded(this.#onError, () => {
            cancelDialTimer();
            this.#startTimeout(`The answer of ${this.#shownUrl} to the handshake`, limits.handshakeTimeout);
            this.#shakeHands(socket, token);
          });
        },
        error: (error: unknown) => {
          this.#fail(toError(error), true);
        },
      }),
    );
  }

  // A token that never resolves must not stop the dialing.
  async #sign(): Promise<string> {
    const { runtime, limits, token } = this.#options;
    const wait = new Subscription();
    this.#parts.add(wait);
    const late = new Promise<never>((_, reject) => {
      const ms = limits.handshakeTimeout;
      const onLate = (): void => {
        reject(new Error(`it did not come within ${String(ms)} ms`));
      };
      wait.add(stallTolerantTimer(runtime, onLate, ms));
    });
    try {
      const signed: unknown = await Promise.race([token(), late]);
      if (typeof signed === 'string') return signed;
      throw new ConfigurationError(`sign() must return a text; it returned a value of type ${typeof signed}`);
    } finally {
      wait.unsubscribe();
      this.#parts.remove(wait);
    }
  }

  #shakeHands(socket: Socket, token: string): void {
    const { checksum, limits } = this.#options;
    socket.limitMessages?.(limits.maxHandshakeBytes, 'maxHandshakeBytes');
    let linked = false;
    const handshake = new Subscription(() => {
      // The attempt was cancelled: a half-open socket must not stay.
      if (!linked) socket.outbound.error(new Error('The handshake was cancelled.'));
    });
    this.#parts.add(handshake);
    const onLinked = (): void => {
      linked = true;
    };
    const begin = (made: Checksum | undefined): void => {
      if (!handshake.closed) this.#sendConnect(socket, token, made, handshake, onLinked);
    };
    if (isPromise(checksum)) {
      checksum.then((made) => {
        guarded(this.#onError, begin, made);
      }, this.#onError);
    } else begin(checksum);
  }

  #sendConnect(
    socket: Socket,
    token: string,
    checksum: Checksum | undefined,
    handshake: Subscription,
    onLinked: () => void,
  ): void {
    const { runtime, connect, limits } = this.#options;
    let hello: Uint8Array;
    try {
      hello = connectMessage({ ...connect(), time: timestampFromMs(runtime.wallNow()), token });
    } catch (error) {
      this.#fail(new Error(`The token cannot be sent: ${errorText(error)}`));
      return;
    }
    handshake.add(
      socket.inbound.subscribe({
        next: (message) => {
          if (this.#parts.closed) return;
          let response: ConnectResponse;
          try {
            checkHandshakeSize(message, limits);
            response = readConnectResponse(message, checksum);
          } catch (error) {
            this.#fail(new Error(`${this.#shownUrl} is no grid: ${printable(errorText(error))}`));
            return;
          }
          this.#onResponse(socket, response, onLinked);
        },
        error: (error: unknown) => {
          this.#fail(new Error(`${this.#shownUrl} closed the connection during the handshake: ${errorText(error)}`));
        },
        complete: () => {
          this.#fail(new Error(`${this.#shownUrl} closed the connection during the handshake.`));
        },
      }),
    );
    socket.outbound.next(hello);
  }

  #onResponse(socket: Socket, response: ConnectResponse, onLinked: () => void): void {
    if (!response.accepted) {
      const reason = printable(response.rejectedReason);
      const code: RejectionCode = rejectionCode(response.ext);
      const text = `${this.#shownUrl} rejected the connection: ${reason}`;
      this.#fail(new RejectedError(text, reason, code), false, response.ext);
      return;
    }
    onLinked();
    this.#end();
    this.#options.accepted(socket, response);
  }

  #startTimeout(what: string, ms: number): () => void {
    const onTimeout = (): void => {
      this.#fail(new Error(`${what} did not come within ${String(ms)} ms.`));
    };
    const cancel = stallTolerantTimer(this.#options.runtime, onTimeout, ms);
    this.#parts.add(cancel);
    return cancel;
  }

  readonly #onError = (error: unknown): void => {
    this.#fail(toError(error));
  };

  #fail(error: Error, unreachable = false, ext?: Extensions): void {
    // Ending the attempt may end the socket synchronously, which is not a second failure.
    if (this.#parts.closed) return;
    this.#end();
    this.#options.failed({ error, unreachable, ext });
  }

  // The dial may be a user's Observable: an error of its finalizers must not end the dialing.
  #end(): void {
    guarded(reportUnhandled, () => {
      this.#parts.unsubscribe();
    });
    this.#releaseGate?.();
  }
}

function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function';
}
