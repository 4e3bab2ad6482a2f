// The same unary echo with bytes, and with a record of 20 fields by each of the payload codecs.
import assert from 'node:assert/strict';
import { Packr } from 'msgpackr';
import { msgpack, raw, unary } from 'rxgrid';
import { startHost } from './two-hosts.mjs';

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
const codecOf = (codec, packr) => ({
  codec,
  encode: (value) => packr.encode(value),
  decode: (bytes) => packr.decode(bytes),
});
/** As between hosts that have agreed on nothing: each record names its fields. */
const msgpackr = codecOf('msgpackr', new Packr({ useRecords: false, int64AsType: 'auto' }));
/** As between hosts that share a contract, which fixes the fields of its records. */
const records = codecOf('msgpackr-records', new Packr({ structures: [Object.keys(record)], int64AsType: 'auto' }));
const bytes = msgpackr.encode(record);

const echo = (id, name, shape) => unary({ id, name, request: shape, response: shape });
const routes = {
  bytes: { route: echo(1, 'bytes', raw), value: bytes },
  default: { route: echo(2, 'default', msgpack()), value: record },
  msgpackr: { route: echo(3, 'msgpackr', msgpackr), value: record },
  'msgpackr-records': { route: echo(4, 'msgpackr-records', records), value: record },
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
