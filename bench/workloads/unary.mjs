import { payloadOf, secondsSince } from './payload.mjs';

/** Latencies that are kept; of more, the newest. */
const maxLatencies = 1 << 20;

/** Echoes `size` bytes for `ms` with `concurrency` calls in flight. `latency` adds p50 and p99, in ms. */
export async function unary(client, { size, concurrency, ms, latency = false }) {
  const payload = payloadOf(size);
  const answer = await client.unary(payload);
  if (!payload.equals(answer)) throw new Error(`The echo of ${size} bytes differs.`);

  let count = 0;
  let over = false;
  const latencies = latency ? new Float64Array(maxLatencies) : undefined;
  const take = ({ length }) => {
    if (length !== size) throw new Error(`The echo of ${size} bytes has ${length}.`);
    count++;
  };
  const call = async () => {
    while (!over) take(await client.unary(payload));
  };
  const callTimed = async () => {
    while (!over) {
      const start = performance.now();
      const answer = await client.unary(payload);
      latencies[count % maxLatencies] = performance.now() - start;
      take(answer);
    }
  };
  const start = performance.now();
  setTimeout(() => (over = true), ms);
  await Promise.all(Array.from({ length: concurrency }, latency ? callTimed : call));
  const result = { count, seconds: secondsSince(start) };
  if (latencies === undefined) return result;
  const sorted = latencies.subarray(0, Math.min(count, maxLatencies)).sort();
  const quantile = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return { ...result, p50: quantile(0.5), p99: quantile(0.99) };
}
