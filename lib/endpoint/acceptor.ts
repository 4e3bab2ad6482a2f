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
  type Agreement,
} from '../connection/handshake.js';
import { stallTolerantTimer } from '../connection/stall-tolerant-timer.js';
import type { Socket } from '../transport/socket.js';
import { errorText, LimitError, RejectedError } from '../errors.js';
import { printable } from '../printable.js';
import type { ConnectRequest, Extensions } from '../wire/connect.js';
import { timestampToMs } from '../wire/timestamp.js';
import type { Endpoint } from './endpoint.js';

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
  readonly tls: boolean;
  /** A last check in the turn of the answer, because conditions may have changed while the token was verified. @throws as Admit. */
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

/** Runs the acceptor's side of the handshake on an open socket. `done` is called when the handshake has ended, with any result. */
export function acceptHandshake(
  endpoint: Endpoint,
  socket: Socket,
  info: DialerInfo,
  admit: Admit,
  done: () => void,
): Handshake {
  let state: 'waiting' | 'checking' | 'rejected' | 'done' = 'waiting';
  let host = unknownHost;
  let extended = false;
  const subscription = new Subscription();

  const finish = (): void => {
    state = 'done';
    cancelTimer();
    subscription.unsubscribe();
    done();
  };
  const giveUp = (error: Error): void => {
    finish();
    socket.outbound.error(error);
  };
  const reject = (reason: string, sentReason?: string, ext?: Extensions): void => {
    if (state === 'rejected' || state === 'done') return;
    // Keep reading while the reason is being sent: closing a socket with unread bytes may discard what was sent.
    state = 'rejected';
    cancelTimer();
    sendRejection(endpoint, socket, host, reason, sentReason, extended ? ext : undefined);
    if (isDone()) return;
    cancelTimer = endpoint.runtime.schedule(() => {
      giveUp(new Error(reason));
    }, rejectionLinger);
  };
  const onConnect = async (message: Uint8Array): Promise<void> => {
    state = 'checking';
    const request = readConnect(message, endpoint.checksum);
    host = request.leaf === true ? 'a leaf' : request.host;
    extended = request.ext !== undefined;
    const admission = await admit(request, info);
    if (!isChecking()) return;
    admission.check?.();
    finish();
    const extensions = announcedExtensions(endpoint.checksumMode);
    socket.outbound.next(
      connectResponseMessage({
        id: endpoint.id,
        accepted: true,
        rejectedReason: '',
        // A reference peer announces no extensions and is sent none.
        ...(request.ext === undefined ? {} : { ext: extensions }),
        ...(admission.name === undefined ? {} : { name: admission.name }),
      }),
    );
    admission.open(socket, agree(extensions, request.ext, admission.tls), request.id);
  };
  // Functions, because the compiler assumes that `state` keeps its value across an await.
  const isChecking = (): boolean => state === 'checking';
  const isDone = (): boolean => state === 'done';

  const { maxHandshakeBytes } = endpoint.limits;
  socket.limitMessages?.(maxHandshakeBytes, 'maxHandshakeBytes');
  let cancelTimer = stallTolerantTimer(
    endpoint.runtime,
    () => {
      const late = state === 'waiting' ? 'No connect came' : 'The checks of the connect did not end';
      reject(`${late} within ${String(endpoint.limits.handshakeTimeout)} ms.`);
    },
    endpoint.limits.handshakeTimeout,
  );
  subscription.add(
    socket.inbound.subscribe({
      next: (message) => {
        if (state === 'checking') reject('A message came before the connect was answered.');
        if (state !== 'waiting') return;
        // Not every transport enforces the limit itself.
        if (message.length > maxHandshakeBytes) {
          reject(
            `The connect has ${String(message.length)} bytes, and maxHandshakeBytes is ${String(maxHandshakeBytes)}.`,
          );
          return;
        }
        onConnect(message).catch((error: unknown) => {
          const sentReason = error instanceof RejectedError ? error.reason : undefined;
          reject(errorText(error), sentReason, error instanceof DuplicateHostRejection ? duplicateHost : undefined);
        });
      },
      error: (error: unknown) => {
        if (error instanceof LimitError) {
          endpoint.report({ type: 'limit', host, limit: error.limit, message: error.message });
        }
        finish();
      },
      complete: finish,
    }),
  );
  return {
    get silent() {
      return state === 'waiting';
    },
    reject,
    giveUp: () => {
      if (state !== 'done') giveUp(new Error('The host closes.'));
    },
  };
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
