import type { FrameView } from '../wire/frame.js';
import type { EngineOptions } from './engine-options.js';
import type { MuxHost, Mux } from './mux.js';
import type { UnknownMux } from './unknown-mux.js';

/** What an {@link IncomingSide} needs from its engine. */
export interface IncomingHost extends MuxHost {
  /** Arrival time of the message that is being read, on the monotonic clock, in ms. */
  readonly arrivedAt: number;
  readonly stats: MuxHost['stats'] & { callsIn: number; unknownMuxFrames: number };
}

/** The part of an engine that answers the calls of the other side. */
export interface IncomingSide {
  /** Number of open calls. */
  readonly size: number;
  /** All open calls. */
  entries(): readonly Mux[];
  /** Takes a frame that the caller of a mux has sent. */
  route(frame: FrameView): void;
}

/** Creates the {@link IncomingSide} of one engine. */
export type CreateIncomingSide = (host: IncomingHost, options: EngineOptions, unknownMux: UnknownMux) => IncomingSide;
