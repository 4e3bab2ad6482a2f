/*
 * What a host and a leaf send each other beside calls, where both announced the extension `tok`: how long the token is
 * valid, in the answer to the handshake (`ttl`, in ms), and a new token, in a call of the leaf by a reserved handler
 * id.
 */

import { reservedIds } from '../../contract/reserved-ids.js';
import { CodecError } from '../../errors.js';
import { MsgpackReader } from '../../wire/msgpack/msgpack-reader.js';
import { MsgpackWriter } from '../../wire/msgpack/msgpack-writer.js';

/** Handler id of the call with which a leaf gives a new token. */
export const renewToken = reservedIds.control;

/** The longest validity that is sent, in ms: some 300 years. */
const maxTtl = 1e13;

/** A validity in ms as it is sent; 0 for a token that never expires. */
export function ttlOf(expiresAt: number | undefined, now: number): number {
  return expiresAt === undefined ? 0 : Math.min(maxTtl, Math.max(1, Math.floor(expiresAt - now)));
}

/** Encodes the answer to a new token: its validity in ms; 0 for a token that never expires. */
export function encodeTtl(ttl: number): Uint8Array {
  return new MsgpackWriter().uint(ttl).finish();
}

/** Decodes the answer to a new token. @throws ProtocolError */
export function decodeTtl(payload: Uint8Array): number {
  const reader = new MsgpackReader(payload, 'the validity of a token');
  const ttl = reader.uint('the number of ms');
  reader.end();
  return ttl;
}

/** Encodes a new token. @throws CodecError where it is longer than a handshake takes. */
export function encodeToken(token: string, maxBytes: number): Uint8Array {
  const bytes = new TextEncoder().encode(token);
  if (bytes.length > maxBytes) throw new CodecError(`The token has ${bytes.length} bytes; the limit is ${maxBytes}.`);
  return bytes;
}
