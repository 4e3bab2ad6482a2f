import { NEVER, Subject, type Observer } from 'rxjs';
import { joinFragments, type WireMessage } from '../wire/batch.js';
import { closeCodeOf, closeError } from './close-codes.js';
import type { Socket } from './socket.js';

/** Number of messages in a row before one waits for a macrotask. */
const messagesInARow = 128;

/**
 * Two connected sockets in memory. Messages arrive synchronously. Two ends that answer each other would never let
 * timers or the network run, so with `yieldTurn`, which runs a task after timers and I/O, some messages wait for it.
 * The order of the messages does not change.
 */
export function linkedSockets(yieldTurn?: (task: () => void) => void): readonly [Socket, Socket] {
  const left = new Subject<Uint8Array>();
  const right = new Subject<Uint8Array>();
  return [memorySocket(left, right, yieldTurn), memorySocket(right, left, yieldTurn)];
}

function memorySocket(
  inbound: Subject<Uint8Array>,
  other: Subject<Uint8Array>,
  yieldTurn: ((task: () => void) => void) | undefined,
): Socket {
  const waiting: Uint8Array[] = [];
  let left = messagesInARow;
  let scheduled = false;
  const deliverWaiting = (): void => {
    // Shifted one by one: what the other end causes to be sent meanwhile goes behind those that still wait.
    for (let count = waiting.length; count > 0; count--) other.next(waiting.shift()!);
  };
  const continueLater = (): void => {
    left = messagesInARow;
    deliverWaiting();
    scheduled = false;
    if (waiting.length > 0) schedule();
  };
  const schedule = (): void => {
    if (scheduled || yieldTurn === undefined) return;
    scheduled = true;
    yieldTurn(continueLater);
  };
  const outbound: Observer<WireMessage> = {
    next: (message) => {
      const bytes = joinFragments(message);
      if (yieldTurn === undefined || (left > 0 && waiting.length === 0)) {
        left--;
        other.next(bytes);
        return;
      }
      waiting.push(bytes);
      schedule();
    },
    error: (error) => {
      other.error(error);
      inbound.complete();
    },
    complete: () => {
      deliverWaiting();
      other.complete();
      inbound.complete();
    },
  };
  return {
    inbound,
    outbound,
    close: (code, reason) => {
      deliverWaiting();
      other.error(closeError(closeCodeOf(code), reason));
      inbound.complete();
    },
    bufferedBytes: 0,
    drained: NEVER,
  };
}
