import { secondsSince } from './payload.mjs';

/** Takes a stream of `count` items of `size` bytes, as fast as they come. */
export async function stream(client, { count, size }) {
  let got = 0;
  let bytes = 0;
  const start = performance.now();
  await client.stream(count, size, ({ length }) => {
    got++;
    bytes += length;
  }).done;
  const seconds = secondsSince(start);
  if (got !== count || bytes !== count * size) throw new Error(`${got} of ${count} items came, of ${bytes} bytes.`);
  return { count, seconds };
}
