import { ConfigurationError, ProtocolError } from '../errors.js';
import { subrouteBytes } from './ops.js';
import { sha256 } from './sha256.js';

/** Number of cached ids. A program has few subroutes; the bound is for one that generates paths at run time. */
const maxCached = 1_024;

const utf8 = new TextEncoder();
const cache = new Map<string, Uint8Array>();

/**
 * The 32-byte id of a handler's subroute: SHA-256 of the UTF-8 bytes of `path`, then byte 0 is the handler id and byte
 * 1 is 0 (wire protocol, section 2.3). The array is shared between calls: do not change it.
 *
 * Computed in JavaScript: paths are short and their ids cached, WebCrypto is asynchronous and missing in pages without
 * TLS, and WebAssembly may be forbidden.
 *
 * @throws ConfigurationError for a handler id that is not 1..255.
 */
export function subrouteId(handler: number, path: string): Uint8Array {
  // The slash ends the number, so no two pairs share a key.
  const key = `${handler}/${path}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  if (!Number.isInteger(handler) || handler < 1 || handler > 255) {
    throw new ConfigurationError(`Handler id ${handler} of subroute "${path}" is not an integer from 1 to 255.`);
  }
  const id = sha256(utf8.encode(path));
  id[0] = handler;
  id[1] = 0;
  if (cache.size >= maxCached) {
    for (const oldest of cache.keys()) {
      cache.delete(oldest);
      break;
    }
  }
  cache.set(key, id);
  return id;
}

/**
 * A map key for the subroute id at `offset`: two bytes to a character. It is for lookups only, not for people.
 *
 * @throws ProtocolError when fewer than 32 bytes are there.
 */
export function subrouteKey(b: Uint8Array, offset = 0): string {
  const o = offset;
  if (o < 0 || o + subrouteBytes > b.length) {
    throw new ProtocolError(`Subroute id needs ${subrouteBytes} bytes, ${Math.max(0, b.length - o)} are there.`);
  }
  // Written out: one call is three times as fast as a loop, and this runs for every frame with a subroute.
  return String.fromCharCode(
    b[o]! | (b[o + 1]! << 8),
    b[o + 2]! | (b[o + 3]! << 8),
    b[o + 4]! | (b[o + 5]! << 8),
    b[o + 6]! | (b[o + 7]! << 8),
    b[o + 8]! | (b[o + 9]! << 8),
    b[o + 10]! | (b[o + 11]! << 8),
    b[o + 12]! | (b[o + 13]! << 8),
    b[o + 14]! | (b[o + 15]! << 8),
    b[o + 16]! | (b[o + 17]! << 8),
    b[o + 18]! | (b[o + 19]! << 8),
    b[o + 20]! | (b[o + 21]! << 8),
    b[o + 22]! | (b[o + 23]! << 8),
    b[o + 24]! | (b[o + 25]! << 8),
    b[o + 26]! | (b[o + 27]! << 8),
    b[o + 28]! | (b[o + 29]! << 8),
    b[o + 30]! | (b[o + 31]! << 8),
  );
}
