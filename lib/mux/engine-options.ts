import type { GridError, ProtocolError, RefusedError } from '../errors.js';
import type { OnThrown } from '../guard.js';
import type { Limits, CreditWindow } from '../limits.js';
import type { Runtime } from '../runtime.js';
import type { Checksum } from '../wire/checksum.js';
import type { CallError } from '../wire/payloads/call-error.js';
import type { FrameView } from '../wire/frame.js';
import type { Meta } from '../wire/payloads/opening-extra.js';
import type { CreateIncomingSide } from './incoming-side.js';
import type { ResponderStream } from './stream/responder-stream.js';
import type { MessageSink } from './schedule/message-writer.js';
import type { RunningHandlers } from './running-handlers.js';
import type { StreamSink } from './stream/stream.js';
import type { UnaryResponder } from './unary.js';

/** The party at the other side, as handlers see it. */
export interface Caller {
  /** The name of a host, or the identity of a leaf. */
  readonly name: string;
  readonly kind: 'host' | 'leaf';
}

/**
 * Answers the calls of the other side for one route. `meta` is the metadata of the call; undefined where there is none.
 */
export type Responder =
  | {
      readonly kind: 'unary';
      respond(mux: UnaryResponder, payload: Uint8Array, caller: Caller, meta?: Meta): void;
    }
  | {
      readonly kind: 'duplex';
      /** Undefined for a route without input. */
      readonly inWindow: CreditWindow | undefined;
      readonly outWindow: CreditWindow;
      /** Must attach a sink to the stream before anything else. */
      open(stream: ResponderStream, payload: Uint8Array, caller: Caller, meta?: Meta): void;
    };

/** Why a call of the other side is not started. A text alone is of the code `unimplemented`. */
export interface Refusal {
  readonly text: string;
  readonly error: CallError;
}

/** The address of a route on the wire. */
export interface Address {
  readonly handler: number;
  /** Subroute id of 32 bytes. */
  readonly subroute?: Uint8Array | undefined;
}

/** A stream that this side opens. */
export interface StreamOpening {
  readonly address: Address;
  readonly payload: Uint8Array;
  /** The window of the output. */
  readonly outWindow: CreditWindow;
  /** The capacity of the input, as this side knows it; 0 for a route without input. */
  readonly inCapacity: number;
  /** On the monotonic clock, in ms; Infinity for none. */
  readonly deadline: number;
  /** Consumes the output, and feeds the input. */
  readonly sink: StreamSink;
  /** Encoded metadata. It is left out where the other side did not announce that it takes any. */
  readonly meta: Uint8Array | undefined;
}

/** Counters of one engine. They never decrease. */
export interface EngineStats {
  messagesIn: number;
  messagesOut: number;
  bytesIn: number;
  bytesOut: number;
  callsOut: number;
  callsIn: number;
  /** Frames for muxes that have ended or never existed. */
  unknownMuxFrames: number;
  /** Frames with an op that the protocol does not know. */
  unknownOps: number;
  /** How often a stream had an item to send and no credit. */
  creditStalls: number;
  /** Unary calls of the other side that got no answer, because their deadline had passed. */
  unanswered: number;
}

/** The counters of a new engine. */
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
    unanswered: 0,
  };
}

/** Options of an engine. */
export interface EngineOptions {
  readonly runtime: Runtime;
  readonly limits: Limits;
  /**
   * Handlers of this peer that outlive their calls, including those of earlier links: they count towards the limits.
   */
  readonly running: RunningHandlers;
  /** Verifies received messages that carry a checksum. Undefined: checksums are neither verified nor sent. */
  readonly checksum: Checksum | undefined;
  /** Whether sent messages carry a checksum. */
  readonly sendChecksum: boolean;
  /** Extensions that both sides announced. */
  readonly extensions: {
    readonly ack: boolean;
    readonly credits: boolean;
    readonly bytes: boolean;
    /** Calls carry metadata. Default false. */
    readonly meta?: boolean;
    /** Errors carry a code and data. Default false. */
    readonly err?: boolean;
  };
  /** First own mux id: 2^40 towards a reference peer, 1 otherwise (wire protocol, section 2.1). */
  readonly firstMuxId: number;
  readonly sink: MessageSink;
  /** Shortest round trip of the pings so far, in ms; Infinity before the first Pong. */
  roundTrip(): number;
  /**
   * True: the other side has not answered a ping of the connection in time, because it is behind with reading or gone.
   * Default: false.
   */
  isPongOverdue?(): boolean;
  /** The party at the other side; passed to responders. */
  readonly caller: Caller;
  /**
   * Finds the route of a call of the other side, or the refusal; a string is the text of one because there is no such
   * route.
   */
  find(handler: number, subroute: Uint8Array | undefined): Responder | Refusal | string;
  /** Creates what answers the calls of the other side. Default: they are refused, and `find` is not used. */
  readonly incoming?: CreateIncomingSide | undefined;
  /** A frame of the connection itself: muxId 0 with Connect, ConnectResponse, Ping, Pong or Disconnect. */
  onControl(frame: FrameView): void;
  /** The connection must close: the frames cannot be parsed, or a hard bound was exceeded. */
  onFault(error: ProtocolError): void;
  /** Takes an error thrown by a sink or a responder. Other frames and muxes are not affected. */
  readonly onThrown: OnThrown;
  /**
   * Called with true when messages arrive faster than they are read: the socket should be paused until it is called
   * with false.
   */
  onBehind?(behind: boolean): void;
  /** Creates the error of a mux whose connection, or whose other end, is lost. */
  disconnected(sent: boolean): GridError;
  /** The error of a call that the other side refused to start, where it is not the refusal itself. */
  refused?(refusal: RefusedError): GridError | undefined;
}
