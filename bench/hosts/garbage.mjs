// What a host receives from another one, and the array buffers that it allocates for it.
import { duplex, raw, type, unary } from 'rxgrid';
import { startHost } from './two-hosts.mjs';

const payload = (size) => new Uint8Array(size).fill(120);
const record = {
  id: 4711,
  state: 'ok',
  path: '/mnt/disk4/objects/0f3a',
  total: 16_000_900_661_248,
  used: 8_688_449_748_992,
};
/** Bytes of the record as MessagePack, which the rate of bytes is computed from. */
const recordBytes = 74;

const get = unary({ id: 1, name: 'get', request: type(), response: raw });
const getRecord = unary({ id: 2, name: 'getRecord', request: type(), response: type() });
const items = duplex({ id: 3, name: 'items', request: type(), output: raw });
const records = duplex({ id: 4, name: 'records', request: type(), output: type() });

function* repeat(item, count) {
  for (let made = 0; made < count; made++) yield item;
}

const calls = (route, size, value) => ({ route, size, value, concurrency: 64 });
const workloads = {
  'raw-512-c64': calls(get, 512, 512),
  'raw-64k-c64': calls(get, 64 << 10, 64 << 10),
  'typed-c64': calls(getRecord, recordBytes, undefined),
  'stream-100': { route: items, size: 100, count: 20_000 },
  'stream-typed': { route: records, size: recordBytes, count: 20_000 },
};
let host;

export async function start(port, otherPort) {
  host = await startHost(port, otherPort, (grid) => {
    const payloads = new Map([512, 64 << 10].map((size) => [size, payload(size)]));
    grid.handle(get, (size) => payloads.get(size));
    grid.handle(getRecord, () => record);
    grid.handle(items, (count) => repeat(payload(100), count));
    grid.handle(records, (count) => repeat(record, count));
  });
  await host.other.ready();
}

/**
 * Receives for `ms`. Gives the bytes of all payloads, and those of the array buffers that this process allocated
 * meanwhile.
 */
export async function receive(name, ms) {
  const { route, size, value, concurrency = 1, count } = workloads[name];
  let over = false;
  let received = 0;
  const take = () => {
    received += size;
  };
  const one = () =>
    new Promise((resolve, reject) => {
      const source = count === undefined ? host.other.request(route, value) : host.other.stream(route, count);
      source.subscribe({ next: take, error: reject, complete: resolve });
    });
  const watch = allocations();
  setTimeout(() => (over = true), ms);
  const worker = async () => {
    while (!over) await one();
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return { received, allocated: watch.stop() };
}

/** Adds up what array buffers grow by between two collections: they are looked at in every turn of the event loop. */
function allocations() {
  let last = process.memoryUsage().arrayBuffers;
  let sum = 0;
  let timer;
  const look = () => {
    const { arrayBuffers } = process.memoryUsage();
    if (arrayBuffers > last) sum += arrayBuffers - last;
    last = arrayBuffers;
    timer = setImmediate(look);
  };
  timer = setImmediate(look);
  return {
    stop() {
      clearImmediate(timer);
      return sum;
    },
  };
}
