import { NEVER, Subject, type Observer } from 'rxjs';
import { joinFragments, type WireMessage } from '../wire/batch.js';
import type { Socket } from './socket.js';

/** Two sockets, each the other's other end, in memory. Messages arrive in the call that sends them. */
export function linkedSockets(): readonly [Socket, Socket] {
  const left = new Subject<Uint8Array>();
  const right = new Subject<Uint8Array>();
  return [memorySocket(left, right), memorySocket(right, left)];
}

function memorySocket(inbound: Subject<Uint8Array>, other: Subject<Uint8Array>): Socket {
  const outbound: Observer<WireMessage> = {
    next: (message) => {
      other.next(joinFragments(message));
    },
    error: (error) => {
      other.error(error);
      inbound.complete();
    },
    complete: () => {
      other.complete();
      inbound.complete();
    },
  };
  return { inbound, outbound, bufferedBytes: 0, drained: NEVER };
}
