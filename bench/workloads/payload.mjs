const payloads = new Map();

/** `size` bytes that differ from each other, the same ones each time. */
export function payloadOf(size) {
  let payload = payloads.get(size);
  if (payload === undefined) {
    payload = Buffer.from(Uint8Array.from({ length: size }, (_, index) => index * 31 + 7));
    payloads.set(size, payload);
  }
  return payload;
}

/** Seconds since `start`, a value of performance.now(). */
export const secondsSince = (start) => (performance.now() - start) / 1_000;
