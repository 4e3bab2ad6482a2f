import { payloadOf, secondsSince } from './payload.mjs';

/** Echoes `count` items of `size` bytes on one stream, `inFlight` of them on the way at once. */
export async function duplex(client, { count, size, inFlight }) {
  const payload = payloadOf(size);
  let sent = 0;
  let got = 0;
  let bytes = 0;
  let finish;
  const finished = new Promise((resolve) => (finish = resolve));
  const start = performance.now();
  const stream = await client.duplex(({ length }) => {
    got++;
    bytes += length;
    if (sent < count) {
      sent++;
      stream.send(payload);
    } else if (got === count) {
      finish();
    }
  });
  for (; sent < Math.min(inFlight, count); sent++) stream.send(payload);
  await finished;
  const seconds = secondsSince(start);
  stream.end();
  if (bytes !== count * size) throw new Error(`${count} items had ${bytes} bytes.`);
  return { count, seconds };
}
