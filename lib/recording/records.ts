/*
 * A recording: the frames on the connections of one host, with their times. As a file it is lines of JSON: a header,
 * then one line for each record, and the end. See docs/guide/command.md.
 */

import type { MuxId } from '../wire/frame.js';

/** The version of the format that is written. */
export const recordingVersion = 1;

/** Which side of a connection sent a frame or made a call: the recorded host, or the one at the other end. */
export type By = 'local' | 'remote';

/** The first line of a recording. */
export interface RecordingHeader {
  readonly version: number;
  /** Name of the recorded host. */
  readonly host: string;
  /** When it began by the wall clock of that host, in ms since the epoch. */
  readonly at: number;
  /** False: payloads, metadata and details of errors were left out; each frame says how large its payload was. */
  readonly payloads: boolean;
  /** Version of rxgrid of the recorded host. */
  readonly library: string;
}

/** The extensions that both sides of a connection announced. */
export const extensionNames = ['ack', 'credits', 'bytes', 'meta', 'err', 'drain'] as const;
/** The name of an extension of the protocol, as a recording has it. */
export type ExtensionName = (typeof extensionNames)[number];

/** A stream that was open before the recording. */
export interface OpenCall {
  readonly mux: MuxId;
  /** Name of the caller. */
  readonly by: By;
  /** Number of its route. */
  readonly route: number;
}

/** A connection: it was open when the recording began, or opened. */
export interface OpenedRecord {
  readonly kind: 'opened';
  /** In ms since the beginning of the recording. */
  readonly t: number;
  /** Number of the connection in this recording. */
  readonly link: number;
  /** Name of the host, or identity of the leaf, at the other end. */
  readonly host: string;
  readonly peer: 'host' | 'leaf';
  /** False for a reference peer. */
  readonly extended: boolean;
  readonly extensions: readonly ExtensionName[];
  readonly calls: readonly OpenCall[];
}

/** A connection closed. */
export interface ClosedRecord {
  readonly kind: 'closed';
  readonly t: number;
  readonly link: number;
  /** Why; empty where the recorded host closed it. */
  readonly reason: string;
}

/** A route that the recorded host knows, before the first frame that names it. */
export interface RouteRecord {
  readonly kind: 'route';
  readonly t: number;
  /** Number of the route in this recording. */
  readonly route: number;
  readonly name: string;
  readonly type: 'unary' | 'duplex';
  readonly handler: number;
  /** Names of the encodings: `msgpack`, `raw`, or that of a codec of the user's. */
  readonly request: string;
  /** Of the response, or of the output. */
  readonly output: string;
  /** Undefined where the route has no input. */
  readonly input: string | undefined;
}

/** A frame. */
export interface FrameRecord {
  readonly kind: 'frame';
  readonly t: number;
  readonly link: number;
  /** Its sender. */
  readonly by: By;
  readonly op: number;
  /** 0 for a frame of the connection itself. */
  readonly mux: MuxId;
  readonly seq: number;
  readonly deadlineMs: number;
  readonly handler: number;
  readonly flags: number;
  /** Bytes of the payload. */
  readonly size: number;
  /** Undefined where payloads are left out, or this one is larger than the bound. */
  readonly payload: Uint8Array | undefined;
  /** Metadata of a call, or details of an error. */
  readonly extra: Uint8Array | undefined;
  readonly subroute: Uint8Array | undefined;
  /** Number of the route, where a frame opens a call of a route that the recorded host knows. */
  readonly route: number | undefined;
}

/** So many records are missing here: the reader of the recording was too slow. */
export interface GapRecord {
  readonly kind: 'gap';
  readonly t: number;
  readonly records: number;
}

/** The end of a recording: without it, the file is cut off. */
export interface EndRecord {
  readonly kind: 'end';
  readonly t: number;
  /** Why it ended. */
  readonly reason: string;
}

/** One line of a recording after its header. */
export type WireRecord = OpenedRecord | ClosedRecord | RouteRecord | FrameRecord | GapRecord | EndRecord;

/** A recording in memory. */
export interface Recording {
  readonly header: RecordingHeader;
  readonly records: readonly WireRecord[];
  /** True where its end is missing. */
  readonly truncated: boolean;
}
