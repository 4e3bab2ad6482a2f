import { payloadOf, secondsSince } from './payload.mjs';

const callSize = 8 << 10;
const callsOpen = 64;
const streams = 4;
const itemSize = 1 << 10;
const smallSize = 512;

/**
 * Runs what saturates a connection for `ms`, each of these kinds by itself or beside the others: `calls`, of which 64
 * are open, `streams`, four of them, and a `file` that is sent again and again. Gives the bytes per second of each
 * kind, and the p99 in ms of a small call, one at a time, beside them.
 */
export async function shares(client, { kinds, path, ms }) {
  const bytes = Object.fromEntries(kinds.map((kind) => [kind, 0]));
  let over = false;
  const subscriptions = [];
  const saturate = {
    calls() {
      const payload = payloadOf(callSize);
      const call = async () => {
        while (!over) {
          const { length } = await client.unary(payload);
          bytes.calls += length;
        }
      };
      return Array.from({ length: callsOpen }, call);
    },
    streams() {
      for (let count = 0; count < streams; count++) {
        const { done, cancel } = client.stream(1e9, itemSize, ({ length }) => (bytes.streams += length));
        done.catch(() => {});
        subscriptions.push(cancel);
      }
      return [];
    },
    file() {
      const take = async () => {
        while (!over) {
          const { done, cancel } = client.file(path, ({ length }) => (bytes.file += length));
          subscriptions.push(cancel);
          await done;
        }
      };
      take().catch(() => {});
      return [];
    },
  };
  const calls = kinds.flatMap((kind) => saturate[kind]());
  const small = payloadOf(smallSize);
  const latencies = [];
  const begin = performance.now();
  setTimeout(() => (over = true), ms);
  while (!over) {
    const start = performance.now();
    await client.unary(small);
    latencies.push(performance.now() - start);
  }
  const seconds = secondsSince(begin);
  const rates = Object.fromEntries(kinds.map((kind) => [kind, bytes[kind] / seconds]));
  for (const cancel of subscriptions) cancel();
  await Promise.all(calls);
  latencies.sort((a, b) => a - b);
  return { rates, p99: latencies[Math.floor(latencies.length * 0.99)] };
}
