/**
 * The two messages of a handshake, and what both sides conclude from them.
 *
 *     dialer    open ──Connect──▶ waiting ──ConnectResponse: accepted──▶ connected
 *                                    └── rejected, garbage, silence ──▶ closed
 *     acceptor  open ──waits for Connect──▶ checks (host, clock, token, direction) ──ConnectResponse──▶ connected | closed
 */

import { LimitError, ProtocolError } from '../errors.js';
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
} from '../wire/connect.js';
import { decodeFrame } from '../wire/decode.js';
import { encodeFrame } from '../wire/encode.js';
import { FrameView } from '../wire/frame.js';
import { Op, opName } from '../wire/ops.js';

/** Whether a side wants checksums: 'auto' is on but for connections with TLS at both ends, 'off' asks the other side for none. */
export type ChecksumMode = 'auto' | 'off';

/** What this side announces. */
export function announcedExtensions(checksum: ChecksumMode): Extensions {
  const extensions = { ack: 1, credits: 1, bytes: 1, meta: 1, err: 1 };
  return checksum === 'off' ? { ...extensions, crc: 0 } : extensions;
}

/** In a rejection: another process under the dialer's name is connected. Told to dialers that announced extensions. */
export const duplicateHost: Extensions = { dup: 1 };

/** What the two sides of one connection agreed on. */
export interface Agreement {
  /** The other side announced extensions: it is an rxgrid, not a reference peer. */
  readonly extended: boolean;
  readonly ack: boolean;
  readonly credits: boolean;
  readonly bytes: boolean;
  /** Calls carry metadata. */
  readonly meta: boolean;
  /** Errors carry a code and data. */
  readonly err: boolean;
  /** Whether this side sends checksums. */
  readonly sendChecksum: boolean;
}

/** First own mux id towards a reference peer: wire protocol, section 2.1. */
const firstMuxIdToReference = 2 ** 40;

/** Concludes from what both sides announced. `tls`: both host names are https. */
export function agree(local: Extensions, remote: Extensions | undefined, tls: boolean): Agreement {
  const both = (name: string): boolean => local[name] === 1 && remote?.[name] === 1;
  return {
    extended: remote !== undefined,
    ack: both('ack'),
    credits: both('credits'),
    // Its frames are those of the other two with more in them.
    bytes: both('bytes') && both('credits') && both('ack'),
    meta: both('meta'),
    err: both('err'),
    sendChecksum: !tls && remote?.crc !== 0 && local.crc !== 0,
  };
}

/** The id of the first mux that this side opens. */
export function firstMuxId(agreement: Agreement): number {
  return agreement.extended ? 1 : firstMuxIdToReference;
}

/** The message with a Connect. */
export function connectMessage(request: ConnectRequest): Uint8Array {
  return controlMessage(Op.Connect, encodeConnectRequest(request));
}

/** The message with a ConnectResponse. */
export function connectResponseMessage(response: ConnectResponse): Uint8Array {
  return controlMessage(Op.ConnectResponse, encodeConnectResponse(response));
}

/** Reads the first message of a dialer. @throws ProtocolError where it is something else. */
export function readConnect(message: Uint8Array, checksum: Checksum | undefined): ConnectRequest {
  return decodeConnectRequest(readControl(message, Op.Connect, 'connect', checksum));
}

/** Reads the answer of an acceptor. @throws ProtocolError where it is something else. */
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

/** @throws LimitError where the answer is larger than any: not every transport has a bound of its own. */
export function checkHandshakeSize(message: Uint8Array, { maxHandshakeBytes }: Limits): void {
  if (message.length <= maxHandshakeBytes) return;
  throw new LimitError(
    `it answered with ${String(message.length)} bytes, and maxHandshakeBytes is ${String(maxHandshakeBytes)}`,
    'maxHandshakeBytes',
  );
}
