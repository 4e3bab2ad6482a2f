// The same unary echo with bytes, and with a record of 20 fields by each of the payload codecs.
import assert from 'node:assert/strict';
import { Packr } from 'msgpackr';
import { msgpack, raw, unary } from 'rxgrid';
import { startHost } from './two-hosts.mjs';

// As between hosts that have agreed on nothing: no records whose fields the other side would have to know.
const packr = new Packr({ useRecords: false, int64AsType: 'auto' });
const msgpackr = {
  codec: 'msgpackr',
  encode: (value) => packr.encode(value),
  decode: (bytes) => packr.decode(bytes),
};

const record = {
  endpoint: 'http://10.0.0.17:9000/mnt/disk4',
  mountPath: '/mnt/disk4',
  id: '5f2ac9a1-7d7c-4f3e-9d3e-0b6f3a3f9d55',
  state: 'ok',
  fsType: 'xfs',
  model: 'ST16000NM001G',
  total: 16_000_900_661_248,
  free: 7_312_450_912_256,
  used: 8_688_449_748_992,
  inodes: 1_562_583_040,
  freeInodes: 1_498_211_377,
  major: 8,
  minor: 64,
  pool: 0,
  set: 3,
  index: 11,
  utilization: 54.29,
  healing: false,
  scanning: true,
  rotational: true,
};
const bytes = msgpackr.encode(record);

const routes = {
  bytes: { route: unary({ id: 1, name: 'bytes', request: raw, response: raw }), value: bytes },
  msgpackr: { route: unary({ id: 2, name: 'msgpackr', request: msgpackr, response: msgpackr }), value: record },
  default: { route: unary({ id: 3, name: 'default', request: msgpack(), response: msgpack() }), value: record },
};
let host;

export async function start(port, otherPort) {
  host = await startHost(port, otherPort, (grid) => {
    for (const { route } of Object.values(routes)) grid.handle(route, (value) => value);
  });
  await host.other.ready();
}

const call = (name) =>
  new Promise((resolve, reject) => {
    const { route, value } = routes[name];
    host.other.request(route, value).subscribe({ next: resolve, error: reject });
  });

/** Compares one echo of each route with what was sent, and gives the bytes of the record. */
export async function check() {
  for (const [name, { value }] of Object.entries(routes)) {
    const echoed = await call(name);
    assert.deepEqual(name === 'bytes' ? Buffer.from(echoed) : echoed, value, `The echo of ${name} differs.`);
  }
  return bytes.length;
}

/** Echoes for `ms`, with `concurrency` calls in flight; gives calls per second. */
export async function rate(name, concurrency, ms) {
  let count = 0;
  let over = false;
  const start = performance.now();
  setTimeout(() => (over = true), ms);
  const caller = async () => {
    for (; !over; count++) await call(name);
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  return (count / (performance.now() - start)) * 1_000;
}
