/**
 * The acceptor's side of a handshake.
 *
 *     waiting ──Connect──▶ checking (host, clock, token, direction) ──▶ done: accepted, the link is open
 *        └── silence, garbage ──▶ rejected ◀── a check fails ──┘          (the reason goes to both ends)
 *                                    └── after a while, or when the other side has closed ──▶ done
 */

import { Subscription } from 'rxjs';
import {
  agree,
  announcedExtensions,
  connectResponseMessage,
  duplicateHost,
  readConnect,
  rejectionExtensions,
  type Agreement,
} from '../../connection/handshake.js';
import { stallTolerantTimer } from '../../connection/dialing/stall-tolerant-timer.js';
import type { Socket } from '../../transport/socket.js';
import { errorText, LimitError } from '../../errors.js';
import { RejectedError } from '../../rejection.js';
import { printable } from '../../printable.js';
import type { ConnectRequest, Extensions } from '../../wire/payloads/connect.js';
import { timestampToMs } from '../../wire/msgpack/timestamp.js';
import type { Endpoint } from '../endpoint.js';

/** What the transport knows about a dialer. */
export interface DialerInfo {
  /** Origin header of a browser. */
  readonly origin?: string | undefined;
  /** Network address that the connection came from: that of a proxy, where there is one. */
  readonly address?: string | undefined;
  /** Authorization header of the upgrade. Hosts send their token in it, browsers cannot. */
  readonly authorization?: string | undefined;
}

/** The result of accepting a Connect. */
export interface Admission {
  /** Name of the acceptor, for a leaf. */
  readonly name?: string;
  /** What the answer announces beside the usual extensions. */
  readonly ext?: Extensions;
  readonly tls: boolean;
  /**
   * A last check in the turn of the answer, because conditions may have changed while the token was verified. @throws
   * as Admit.
   */
  check?(): void;
  /** Takes over the socket. Called in the turn in which the answer was sent. */
  open(socket: Socket, agreement: Agreement, remoteId: Uint8Array): void;
}

/** Checks a Connect. @throws any error; its text is the reason of the rejection. */
export type Admit = (request: ConnectRequest, info: DialerInfo) => Promise<Admission>;

/** Another process with the dialer's name is connected and responds. */
export class DuplicateHostRejection extends Error {}

/** Time in ms that a rejected socket stays open, so that the dialer can read the reason. */
const rejectionLinger = 100;

/** Host name in events before a Connect has arrived. */
const unknownHost = 'an unknown host';

/** Rejects a dialer before its handshake starts, and closes the socket. */
export function refuseHandshake(endpoint: Endpoint, socket: Socket, reason: string): void {
  sendRejection(endpoint, socket, unknownHost, reason);
  socket.outbound.complete();
}

// The dialer receives `sentReason`; the event has `reason`, which may contain more details.
function sendRejection(
  endpoint: Endpoint,
  socket: Socket,
  host: string,
  reason: string,
  sentReason = reason,
  ext?: Extensions,
): void {
  socket.outbound.next(
    connectResponseMessage({
      id: endpoint.id,
      accepted: false,
      rejectedReason: printable(sentReason),
      ...(ext === undefined ? {} : { ext }),
    }),
  );
  endpoint.report({ type: 'rejected', host, by: 'local', reason });
}

/** A handshake in progress. */
export interface Handshake {
  /** True until the dialer has sent something. */
  readonly silent: boolean;
  /** Rejects the handshake. The reason goes to the dialer and into an event. */
  reject(reason: string): void;
  /** Closes the socket immediately, without a reason. */
  giveUp(): void;
}

/** The acceptor's side of the handshake on an open socket. */
export class AcceptingHandshake implements Handshake {
  readonly #endpoint: Endpoint;
  readonly #socket: Socket;
  readonly #info: DialerInfo;
  readonly #admit: Admit;
  readonly #done: () => void;
  readonly #subscription = new Subscription();
  #state: 'waiting' | 'checking' | 'rejected' | 'done' = 'waiting';
  #host = unknownHost;
  /** The dialer has announced extensions: a rejection may carry them, too. */
  #extended = false;
  #cancelTimer: () => void;

  /** `done` is called when the handshake has ended, with any result. */
  constructor(endpoint: Endpoint, socket: Socket, info: DialerInfo, admit: Admit, done: () => void) {
    this.#endpoint = endpoint;
    this.#socket = socket;
    this.#info = info;
    this.#admit = admit;
    this.#done = done;
    const { handshakeTimeout, maxHandshakeBytes } = endpoint.limits;
    socket.limitMessages?.(maxHandshakeBytes, 'maxHandshakeBytes');
    this.#cancelTimer = stallTolerantTimer(
      endpoint.runtime,
      () => {
        const late = this.#state === 'waiting' ? 'No connect came' : 'The checks of the connect did not end';
        this.reject(`${late} within ${String(handshakeTimeout)} ms.`);
      },
      handshakeTimeout,
    );
    this.#subscription.add(
      socket.inbound.subscribe({
        next: (message) => {
          this.#onMessage(message);
        },
        error: (error: unknown) => {
          if (error instanceof LimitError) {
            endpoint.report({ type: 'limit', host: this.#host, limit: error.limit, message: error.message });
          }
          this.#finish();
        },
        complete: () => {
          this.#finish();
        },
      }),
    );
  }

  get silent(): boolean {
    return this.#state === 'waiting';
  }

  reject(reason: string, sentReason?: string, ext?: Extensions): void {
    if (this.#state === 'rejected' || this.#state === 'done') return;
    // Keep reading while the reason is being sent: closing a socket with unread bytes may discard what was sent.
    this.#state = 'rejected';
    this.#cancelTimer();
    sendRejection(this.#endpoint, this.#socket, this.#host, reason, sentReason, this.#extended ? ext : undefined);
    if (this.#isDone()) return;
    this.#cancelTimer = this.#endpoint.runtime.schedule(() => {
      this.#abort(new Error(reason));
    }, rejectionLinger);
  }

  giveUp(): void {
    if (!this.#isDone()) this.#abort(new Error('The host closes.'));
  }

  #onMessage(message: Uint8Array): void {
    if (this.#state === 'checking') this.reject('A message came before the connect was answered.');
    if (this.#state !== 'waiting') return;
    // Not every transport enforces the limit itself.
    const { maxHandshakeBytes } = this.#endpoint.limits;
    if (message.length > maxHandshakeBytes) {
      this.reject(
        `The connect has ${String(message.length)} bytes, and maxHandshakeBytes is ${String(maxHandshakeBytes)}.`,
      );
      return;
    }
    this.#onConnect(message).catch((error: unknown) => {
      const rejection = error instanceof RejectedError ? error : undefined;
      const ext = rejection === undefined ? undefined : rejectionExtensions(rejection.code);
      this.reject(errorText(error), rejection?.reason, error instanceof DuplicateHostRejection ? duplicateHost : ext);
    });
  }

  async #onConnect(message: Uint8Array): Promise<void> {
    const endpoint = this.#endpoint;
    this.#state = 'checking';
    const request = readConnect(message, endpoint.checksum);
    this.#host = request.leaf === true ? 'a leaf' : request.host;
    this.#extended = request.ext !== undefined;
    const admission = await this.#admit(request, this.#info);
    if (!this.#isChecking()) return;
    admission.check?.();
    this.#finish();
    try {
      this.#accept(request, admission);
    } catch (error) {
      // The handshake is over, so that no rejection can be sent.
      endpoint.report({ type: 'rejected', host: this.#host, by: 'local', reason: errorText(error) });
      this.#socket.outbound.error(error);
    }
  }

  #accept(request: ConnectRequest, admission: Admission): void {
    const { id, checksumMode } = this.#endpoint;
    const extensions = announcedExtensions(checksumMode);
    this.#socket.outbound.next(
      connectResponseMessage({
        id,
        accepted: true,
        rejectedReason: '',
        // A reference peer announces no extensions and is sent none.
        ...(request.ext === undefined ? {} : { ext: { ...extensions, ...admission.ext } }),
        ...(admission.name === undefined ? {} : { name: admission.name }),
      }),
    );
    admission.open(this.#socket, agree(extensions, request.ext, admission.tls), request.id);
  }

  #finish(): void {
    this.#state = 'done';
    this.#cancelTimer();
    this.#subscription.unsubscribe();
    this.#done();
  }

  #abort(error: Error): void {
    this.#finish();
    this.#socket.outbound.error(error);
  }

  // Methods, because the compiler assumes that the state keeps its value across a call or an await.
  #isChecking(): boolean {
    return this.#state === 'checking';
  }

  #isDone(): boolean {
    return this.#state === 'done';
  }
}

/** @throws Error if the clocks differ by more than the limit. */
export function checkClock(request: ConnectRequest, endpoint: Endpoint): void {
  const skew = Math.abs(endpoint.runtime.wallNow() - timestampToMs(request.time));
  if (skew > endpoint.limits.maxClockSkew) {
    throw new Error(
      `the clocks differ by ${String(Math.round(skew / 1000))} s, and ${String(endpoint.limits.maxClockSkew / 1000)} s are allowed: synchronise them`,
    );
  }
}
