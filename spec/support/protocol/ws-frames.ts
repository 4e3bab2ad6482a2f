/** Builds WebSocket frames, valid ones and others (RFC 6455, section 5.2). */
export interface WsFrame {
  /** FIN, RSV1 to RSV3 and the opcode, as they are in the first byte. */
  readonly first: number;
  readonly payload: Uint8Array;
  /** Undefined: the frame is not masked. */
  readonly key?: readonly number[] | undefined;
  /** Bytes of the extended length; one that is longer than it must be is allowed. */
  readonly lengthBytes?: 0 | 2 | 8;
  /** A length that is not the payload's. */
  readonly claimed?: number;
}

/** The bytes of a frame. */
export function wsFrame({ first, payload, key, lengthBytes, claimed }: WsFrame): Uint8Array {
  const length = claimed ?? payload.length;
  const extended = Math.max(lengthBytes ?? 0, length < 126 ? 0 : length < 0x1_0000 ? 2 : 8);
  const head = [first, (key === undefined ? 0 : 0x80) | (extended === 0 ? length : extended === 2 ? 126 : 127)];
  for (let at = extended - 1; at >= 0; at--) head.push(Math.floor(length / 256 ** at) & 0xff);
  if (key === undefined) return Uint8Array.from(Buffer.concat([Uint8Array.from(head), payload]));
  const masked = payload.map((byte, index) => byte ^ key[index & 3]!);
  return Uint8Array.from(Buffer.concat([Uint8Array.from([...head, ...key]), masked]));
}

/** A close frame's payload. */
export function closePayload(code: number, reason = ''): Uint8Array {
  return Uint8Array.from([code >> 8, code & 0xff, ...new TextEncoder().encode(reason)]);
}
