import type { OpenStream, OpenStreams } from './open-streams.js';
import type { RouteMeter } from './route-meter.js';
import type { Transfer, Transfers } from './transfers.js';

/** What calls and handlers count with: a {@link RouteMeter}, or {@link noMeter}. */
export interface CallMeter extends Pick<RouteMeter, 'begin' | 'response' | 'end' | 'exact'> {
  readonly streams: Pick<OpenStreams, 'add' | 'remove'>;
  readonly transfers: FileMeter;
}

/** Begins to count a file that moves. */
export interface FileMeter {
  begin(...args: Parameters<Transfers['begin']>): MovingFile;
}

/** A file that moves, for who moves it. */
export type MovingFile = Pick<Transfer, 'moved' | 'end'>;

/** Counts nothing: the meter of an endpoint whose figures nobody can read, such as a leaf. */
export const noMeter: CallMeter = {
  exact: false,
  begin: ignore,
  response: ignore,
  end: ignore,
  streams: { add: (stream, peer, openedAt): OpenStream => ({ id: 0, stream, peer, openedAt }), remove: ignore },
  transfers: { begin: () => ({ moved: 0, end: ignore }) },
};

function ignore(): void {
  // Nothing is counted.
}
