import { unary } from './unary.mjs';

/** Unary echoes, one after the other, while a stream of items of `bulkSize` comes as fast as it can. */
export async function besideBulk(client, { bulkSize, size, ms }) {
  let items = 0;
  let isFlowing;
  const flowing = new Promise((resolve) => (isFlowing = resolve));
  const stream = client.stream(1e9, bulkSize, () => {
    items++;
    isFlowing();
  });
  stream.done.catch(() => {});
  await flowing;
  const before = items;
  const result = await unary(client, { size, concurrency: 1, ms, latency: true });
  const bulk = ((items - before) * bulkSize) / result.seconds;
  stream.cancel();
  return { ...result, bulk };
}
