import { filter, map, take, takeWhile, type Observable } from 'rxjs';
import type { ErrorInfo } from '../error-info.js';

/**
 * Status of a connection. `refused`: a leaf whose token, or which itself, is not accepted; it does not try again by
 * itself.
 */
export type ConnectionStatus = 'connecting' | 'connected' | 'draining' | 'back-off' | 'refused' | 'closed';

/** The next attempt of a leaf to connect, as far as the leaf knows it. */
export interface NextAttempt {
  /**
   * When it begins by the wall clock, in ms since the epoch; absent while an attempt is under way, and where none is
   * planned.
   */
  readonly nextAttempt?: number;
  /**
   * What makes it begin at once: `online`, the platform says that there is a network again; `visible`, the page is
   * shown again; `call`, a call is made (the host closed the connection because it was idle).
   */
  readonly waitsFor?: 'online' | 'visible' | 'call';
}

/** State of a connection. */
export interface ConnectionState extends NextAttempt {
  /** Host at the other end. */
  readonly host: string;
  readonly status: ConnectionStatus;
  /** When this state began by the wall clock, in ms since the epoch. */
  readonly since: number;
  /** Number of links that have opened so far; more than 1 means that it reconnected. */
  readonly connects: number;
  /** Why the last attempt failed, or the last link was lost. */
  readonly error?: ErrorInfo;
  /** While draining, why: the text of the other side. */
  readonly reason?: string;
  /**
   * How messages are read while connected: `buffer`, from one buffer of the process; `ws`, by `ws` or the platform
   * (TLS, browsers, other runtimes). Undefined for a connection in memory.
   */
  readonly readPath?: 'buffer' | 'ws';
  /** False while connected where messages are not verified: the checksum is off, or the page forbids WebAssembly. */
  readonly checksum?: boolean;
}

/** True where nothing tries to connect: whatever is called fails the same way. */
export function isFinal({ status }: ConnectionState): boolean {
  return status === 'closed' || status === 'refused';
}

/** Emits once when a connection is there, and completes; without a value where nothing tries to connect any more. */
export function reconnectedOf(state$: Observable<ConnectionState>): Observable<void> {
  return state$.pipe(
    takeWhile((state) => !isFinal(state)),
    filter(({ status }) => status === 'connected'),
    take(1),
    map(() => undefined),
  );
}
