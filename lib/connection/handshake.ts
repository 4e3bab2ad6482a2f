/**
 * The two messages of a handshake, and what both sides derive from them.
 *
 *     dialer    open ──Connect──▶ waiting ──ConnectResponse: accepted──▶ connected
 *                                    └── rejected, invalid, silence ──▶ closed
 *     acceptor  open ──waits for Connect──▶ checks (host, clock, token, direction) ──ConnectResponse──▶ connected | closed
 */

import { LimitError, ProtocolError } from '../errors.js';
import type { RejectionCode } from '../rejection.js';
import type { Limits } from '../limits.js';
import type { Checksum } from '../wire/checksum.js';
import {
  decodeConnectRequest,
  decodeConnectResponse,
  encodeConnectRequest,
  encodeConnectResponse,
  type ConnectRequest,
  type ConnectResponse,
  type Extensions,
} from '../wire/payloads/connect.js';
import { decodeFrame } from '../wire/decode.js';
import { encodeFrame } from '../wire/encode.js';
import { FrameView } from '../wire/frame.js';
import { Op, opName } from '../wire/ops.js';

/**
 * Whether a side wants checksums: `auto` uses them except between two TLS hosts, `off` asks the other side to send
 * none.
 */
export type ChecksumMode = 'auto' | 'off';

/** The extensions that this side announces. */
export function announcedExtensions(checksum: ChecksumMode): Extensions {
  const extensions = { ack: 1, credits: 1, bytes: 1, meta: 1, err: 1, drain: 1 };
  return checksum === 'off' ? { ...extensions, crc: 0 } : extensions;
}

/**
 * Part of a rejection: another process with the dialer's host name is connected. Only for dialers that announced
 * extensions.
 */
export const duplicateHost: Extensions = { dup: 1 };

/** Part of a rejection: the token of a leaf is refused. Only for dialers that announced extensions. */
const tokenRefused: Extensions = { auth: 1 };
/** Part of a rejection: a leaf may not connect. Only for dialers that announced extensions. */
const leafDenied: Extensions = { deny: 1 };

/** What a rejection announces for its code; undefined for one that may pass. */
export function rejectionExtensions(code: RejectionCode): Extensions | undefined {
  if (code === 'unauthenticated') return tokenRefused;
  return code === 'permission-denied' ? leafDenied : undefined;
}

/** The code of a rejection that announces these extensions. */
export function rejectionCode(ext: Extensions | undefined): RejectionCode {
  if (ext?.auth === 1) return 'unauthenticated';
  return ext?.deny === 1 ? 'permission-denied' : 'rejected';
}

/** What both sides of a connection announced. */
export interface Agreement {
  /** The other side announced extensions: it is an rxgrid host, not a reference peer. */
  readonly extended: boolean;
  readonly ack: boolean;
  readonly credits: boolean;
  readonly bytes: boolean;
  /** Calls carry metadata. */
  readonly meta: boolean;
  /** Errors carry a code and data. */
  readonly err: boolean;
  /** Each side says when it takes no new calls. */
  readonly drain: boolean;
  /** Whether this side sends checksums. */
  readonly sendChecksum: boolean;
}

/** First own mux id towards a reference peer: wire protocol, section 2.1. */
const firstMuxIdToReference = 2 ** 40;

/** Derives the agreement from what both sides announced. `tls`: both host names are https. */
export function agree(local: Extensions, remote: Extensions | undefined, tls: boolean): Agreement {
  const both = (name: string): boolean => local[name] === 1 && remote?.[name] === 1;
  return {
    extended: remote !== undefined,
    ack: both('ack'),
    credits: both('credits'),
    // Its frames extend those of the other two extensions.
    bytes: both('bytes') && both('credits') && both('ack'),
    meta: both('meta'),
    err: both('err'),
    drain: both('drain'),
    sendChecksum: !tls && remote?.crc !== 0 && local.crc !== 0,
  };
}

/** The id of the first mux that this side opens. */
export function firstMuxId(agreement: Agreement): number {
  return agreement.extended ? 1 : firstMuxIdToReference;
}

/** Encodes a message with a Connect. */
export function connectMessage(request: ConnectRequest): Uint8Array {
  return controlMessage(Op.Connect, encodeConnectRequest(request));
}

/** Encodes a message with a ConnectResponse. */
export function connectResponseMessage(response: ConnectResponse): Uint8Array {
  return controlMessage(Op.ConnectResponse, encodeConnectResponse(response));
}

/** Reads the first message of a dialer. @throws ProtocolError where it is something else. */
export function readConnect(message: Uint8Array, checksum: Checksum | undefined): ConnectRequest {
  return decodeConnectRequest(readControl(message, Op.Connect, 'connect', checksum));
}

/** Decodes the answer of an acceptor. @throws ProtocolError where it is something else. */
export function readConnectResponse(message: Uint8Array, checksum: Checksum | undefined): ConnectResponse {
  return decodeConnectResponse(readControl(message, Op.ConnectResponse, 'connect response', checksum));
}

function controlMessage(op: number, payload: Uint8Array): Uint8Array {
  return encodeFrame({ muxId: 0, seq: 0, deadlineMs: 0, handler: 0, op, flags: 0, payload });
}

function readControl(message: Uint8Array, op: number, name: string, checksum: Checksum | undefined): Uint8Array {
  const frame = new FrameView();
  decodeFrame(message, 0, message.length, frame, checksum?.hash);
  if (frame.op !== op) throw new ProtocolError(`unexpected ${name} op: ${opName(frame.op) ?? String(frame.op)}`);
  return frame.payload;
}

/** Checks the size of an answer, because not every transport has a bound of its own. @throws LimitError */
export function checkHandshakeSize(message: Uint8Array, { maxHandshakeBytes }: Limits): void {
  if (message.length <= maxHandshakeBytes) return;
  throw new LimitError(
    `it answered with ${String(message.length)} bytes, and maxHandshakeBytes is ${String(maxHandshakeBytes)}`,
    'maxHandshakeBytes',
  );
}
