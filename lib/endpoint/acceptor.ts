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

/** What the transport knows about who dials. */
export interface DialerInfo {
  /** Origin header of a browser. */
  readonly origin?: string | undefined;
  /** Network address that the connection came from: that of a proxy, where there is one. */
  readonly address?: string | undefined;
  /** Authorization header of the upgrade. Hosts send their token in it, browsers cannot. */
  readonly authorization?: string | undefined;
}

/** Who a Connect was accepted as. */
export interface Admission {
  /** Name of the acceptor, for a leaf. */
  readonly name?: string;
  readonly tls: boolean;
  /** The last check, in the turn of the answer: what was true while others were checked too need not be true now. @throws as Admit. */
  check?(): void;
  /** Takes the socket over. Called in the turn in which the answer was sent. */
  open(socket: Socket, agreement: Agreement, remoteId: Uint8Array): void;
}

/** Checks a Connect. @throws any error; its text is the reason of the rejection. */
export type Admit = (request: ConnectRequest, info: DialerInfo) => Promise<Admission>;

/** Another process under the dialer's name is connected, and answers. */
export class DuplicateHostRejection extends Error {}

/** A rejected socket stays open so long, in ms, that the other side can read the reason. */
const rejectionLinger = 100;

/** Who has sent no Connect yet. */
const unknownHost = 'an unknown host';

/** Tells a dialer that its handshake cannot even begin, and closes the socket. */
export function refuseHandshake(endpoint: Endpoint, socket: Socket, reason: string): void {
  tellRejection(endpoint, socket, unknownHost, reason);
  socket.outbound.complete();
}

// The other side is told `told`; the event has `reason`, which may say more.
function tellRejection(
  endpoint: Endpoint,
  socket: Socket,
  host: string,
  reason: string,
  told = reason,
  ext?: Extensions,
): void {
  socket.outbound.next(
    connectResponseMessage({
      id: endpoint.id,
      accepted: false,
      rejectedReason: printable(told),
      ...(ext === undefined ? {} : { ext }),
    }),
  );
  endpoint.report({ type: 'rejected', host, by: 'local', reason });
}

/** A handshake that is under way. */
export interface Handshake {
  /** True while the dialer has sent nothing. */
  readonly silent: boolean;
  /** Rejects it with a reason, which both ends are told. */
  reject(reason: string): void;
  /** Closes the socket at once, without a reason. */
  giveUp(): void;
}

/** Runs the acceptor's handshake on an open socket. `done` is called when it is over, however it ended. */
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
  const reject = (reason: string, told?: string, ext?: Extensions): void => {
    if (state === 'rejected' || state === 'done') return;
    // Reading goes on while the reason leaves: closing a socket with unread bytes may destroy what was sent.
    state = 'rejected';
    cancelTimer();
    tellRejection(endpoint, socket, host, reason, told, extended ? ext : undefined);
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
        // A reference peer sends none and gets none.
        ...(request.ext === undefined ? {} : { ext: extensions }),
        ...(admission.name === undefined ? {} : { name: admission.name }),
      }),
    );
    admission.open(socket, agree(extensions, request.ext, admission.tls), request.id);
  };
  // The compiler does not see that `state` changes while a check waits.
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
        // Not every transport has a bound of its own.
        if (message.length > maxHandshakeBytes) {
          reject(
            `The connect has ${String(message.length)} bytes, and maxHandshakeBytes is ${String(maxHandshakeBytes)}.`,
          );
          return;
        }
        onConnect(message).catch((error: unknown) => {
          const told = error instanceof RejectedError ? error.reason : undefined;
          reject(errorText(error), told, error instanceof DuplicateHostRejection ? duplicateHost : undefined);
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

/** @throws Error where the clocks are further apart than the limit. */
export function checkClock(request: ConnectRequest, endpoint: Endpoint): void {
  const skew = Math.abs(endpoint.runtime.wallNow() - timestampToMs(request.time));
  if (skew > endpoint.limits.maxClockSkew) {
    throw new Error(
      `the clocks differ by ${String(Math.round(skew / 1000))} s, and ${String(endpoint.limits.maxClockSkew / 1000)} s are allowed: synchronise them`,
    );
  }
}
