/**
 * Identifies a mux within one direction. Own ids are safe integers; a remote may use any uint64, and one above
 * 2^53 − 1 is a bigint here (and only such a one), so equal ids are equal values.
 */
export type MuxId = number | bigint;

/** A payload of no bytes. */
export const emptyPayload: Uint8Array = new Uint8Array(0);

/** The fields of one frame, as on the wire: wire protocol, section 2. */
export interface Frame {
  readonly muxId: MuxId;
  readonly seq: number;
  readonly deadlineMs: number;
  readonly handler: number;
  readonly op: number;
  /** Bits of {@link Flag}; Subroute and Crc say what follows the tuple. */
  readonly flags: number;
  readonly payload: Uint8Array;
  /** The subroute id of 32 bytes, where the flag says so. */
  readonly subroute?: Uint8Array | undefined;
  /** Bytes between the tuple and the subroute or checksum, which the protocol leaves to extensions. */
  readonly extra?: Uint8Array | undefined;
}

/**
 * A reusable frame that {@link decodeFrame} fills, so that reading a frame allocates nothing but its payload's view.
 */
export class FrameView implements Frame {
  muxId: MuxId = 0;
  seq = 0;
  deadlineMs = 0;
  handler = 0;
  op = 0;
  flags = 0;
  /** A view into the message. Copy it before keeping it, if it is a small part of a large message. */
  payload: Uint8Array = emptyPayload;
  subroute: Uint8Array | undefined = undefined;
  extra: Uint8Array | undefined = undefined;
}

/** Low 32 bits of XXH3-64 with seed 0, as an unsigned integer; see `Checksum` in checksum.ts. */
export type Hash32 = (bytes: Uint8Array) => number;

/** Concatenates two arrays. */
export function joinBytes(left: Uint8Array, right: Uint8Array): Uint8Array {
  const joined = new Uint8Array(left.length + right.length);
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}
