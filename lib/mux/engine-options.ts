import type { GridError, ProtocolError } from '../errors.js';
import type { OnThrown } from '../guard.js';
import type { Limits, CreditWindow } from '../limits.js';
import type { Runtime } from '../runtime.js';
import type { Checksum } from '../wire/checksum.js';
import type { FrameView } from '../wire/frame.js';
import type { ResponderStream } from './responder-stream.js';
import type { MessageSink } from './message-writer.js';
import type { RunningHandlers } from './running-handlers.js';
import type { UnaryResponder } from './unary.js';

/** Who makes the calls of the other side. */
export interface Caller {
  /** Name of a host, or identity of a leaf. */
  readonly name: string;
  readonly kind: 'host' | 'leaf';
}

/** What answers the calls of the other side for one route. */
export type Responder =
  | { readonly kind: 'unary'; respond(mux: UnaryResponder, payload: Uint8Array, caller: Caller): void }
  | {
      readonly kind: 'duplex';
      /** Undefined for a route without input. */
      readonly inWindow: CreditWindow | undefined;
      readonly outWindow: CreditWindow;
      /** Must attach a sink to the stream before it does anything else with it. */
      open(stream: ResponderStream, payload: Uint8Array, caller: Caller): void;
    };

/** Address of a route on the wire. */
export interface Address {
  readonly handler: number;
  /** Subroute id of 32 bytes. */
  readonly subroute?: Uint8Array | undefined;
}

/** Counters of one engine. All only grow. */
export interface EngineStats {
  messagesIn: number;
  messagesOut: number;
  bytesIn: number;
  bytesOut: number;
  callsOut: number;
  callsIn: number;
  /** Frames for muxes that have ended or never were. */
  unknownMuxFrames: number;
  /** Frames with an op that the protocol does not know. */
  unknownOps: number;
  /** Times that a stream had an item to send and no credit. */
  creditStalls: number;
}

/** The counters of an engine that has done nothing. */
export function noStats(): EngineStats {
  return {
    messagesIn: 0,
    messagesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    callsOut: 0,
    callsIn: 0,
    unknownMuxFrames: 0,
    unknownOps: 0,
    creditStalls: 0,
  };
}

/** What an engine is made of. */
export interface EngineOptions {
  readonly runtime: Runtime;
  readonly limits: Limits;
  /** Handlers of this peer that run on after their calls, also those of links that are gone: they count towards the limits. */
  readonly running: RunningHandlers;
  /** Received messages are checked wherever they carry a checksum. Undefined: they are not, and none are sent. */
  readonly checksum: Checksum | undefined;
  /** Whether messages go out with a checksum. */
  readonly sendChecksum: boolean;
  /** Extensions that both sides announced. */
  readonly extensions: { readonly ack: boolean; readonly credits: boolean; readonly bytes: boolean };
  /** First own mux id: 2^40 towards a reference peer, 1 otherwise (wire protocol, section 2.1). */
  readonly firstMuxId: number;
  readonly sink: MessageSink;
  /** Shortest round trip so far, in ms; Infinity while it is not known. */
  roundTrip(): number;
  /** Who calls from the other side: passed to responders. */
  readonly caller: Caller;
  /** Finds the route of a call of the other side; a string is the text of the refusal. */
  find(handler: number, subroute: Uint8Array | undefined): Responder | string;
  /** A frame of the connection itself: muxId 0 with Connect, ConnectResponse, Ping, Pong or Disconnect. */
  onControl(frame: FrameView): void;
  /** The connection must close: framing is lost, or a hard bound is reached. */
  onFault(error: ProtocolError): void;
  /** Takes what a sink or a responder threw: it is of no concern to any other frame or mux. */
  readonly onThrown: OnThrown;
  /** Messages come faster than they are read: the socket should not be read until this is called with false. */
  onBehind?(behind: boolean): void;
  /** The error of a mux whose connection, or whose other end, is gone. */
  disconnected(sent: boolean): GridError;
}
