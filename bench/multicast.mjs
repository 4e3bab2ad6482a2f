// The CPU time of one item for many subscribers: with `multicast`, and with `share` (one encoding for each subscriber).
// The two alternate in one process; the hosts are linked in memory, so both include what the receivers cost.
//
//     npm run build && node bench/multicast.mjs [subscribers, default 1000] [rounds, default 12]
import { Observable, share, Subject, Subscription } from 'rxjs';
import { duplex, Manager, multicast, staticToken, type } from '../dist/esm/index.js';
import { linkedSockets } from '../dist/esm/transport/memory-socket.js';

const subscribers = Number(process.argv[2] ?? 1_000);
const rounds = Number(process.argv[3] ?? 12);
const itemsPerRound = 20;
const quote = (n) => ({
  instrument: 'XS1234567890',
  at: 1_700_000_000_000 + n,
  bids: Array.from({ length: 10 }, (_, depth) => ({ price: 101.25 - depth / 100, size: 1_000 * depth })),
  asks: Array.from({ length: 10 }, (_, depth) => ({ price: 101.26 + depth / 100, size: 1_000 * depth })),
});

const managers = new Map();
const dial = (url) =>
  new Observable((subscriber) => {
    const host = [...managers.keys()].find((name) => url.startsWith(`${name.replace('http', 'ws')}/`));
    const [near, far] = linkedSockets();
    managers.get(host).accept(far);
    subscriber.next(near);
  });
const hosts = ['http://a:1', 'http://b:1'];
for (const local of hosts) managers.set(local, new Manager({ auth: staticToken('token'), local, hosts, dial }));
const [a, b] = managers.values();

const cells = [
  { name: 'share', id: 20, operator: share() },
  { name: 'multicast', id: 21, operator: multicast() },
].map(({ name, id, operator }) => {
  // The reader's codec decodes nothing, so that what the operators save is not hidden behind the receiving side.
  const route = duplex({ id, name, output: type() });
  const reading = duplex({
    id,
    name,
    output: { codec: 'none', inPlace: true, encode: () => new Uint8Array(), decode: () => 0 },
  });
  const source = new Subject();
  const shared = source.pipe(operator);
  const cell = { name, source, reading, opened: 0, received: 0, cpu: [] };
  b.handle(route, () => {
    cell.opened++;
    return shared;
  });
  return cell;
});

await Promise.all([a.start(), b.start()]);
const connection = a.connection(hosts[1]);
await connection.ready();
const fail = (error) => {
  throw error;
};
const streams = new Subscription();
for (const cell of cells) {
  for (let n = 0; n < subscribers; n++) {
    streams.add(connection.stream(cell.reading).subscribe({ next: () => cell.received++, error: fail }));
  }
}
const turn = () => new Promise((resolve) => setImmediate(resolve));
while (cells.some(({ opened }) => opened < subscribers)) await turn();
await turn();

async function run(cell) {
  cell.received = 0;
  const began = process.cpuUsage();
  for (let n = 0; n < itemsPerRound; n++) {
    cell.source.next(quote(n));
    while (cell.received < (n + 1) * subscribers) await turn();
  }
  const { user, system } = process.cpuUsage(began);
  return (user + system) / itemsPerRound / subscribers;
}
for (const cell of cells) await run(cell);
for (let round = 0; round < rounds; round++) {
  const order = round % 2 === 0 ? cells : [...cells].reverse();
  for (const cell of order) cell.cpu.push(await run(cell));
}
const median = (values) => [...values].sort((x, y) => x - y)[values.length >> 1];
const [plain, ours] = cells.map(({ cpu }) => median(cpu));
console.log(`subscribers ${subscribers}, CPU time of one item for one subscriber, median of ${rounds} rounds:`);
console.log(`share ${plain.toFixed(2)} µs, multicast ${ours.toFixed(2)} µs, ratio ${(ours / plain).toFixed(2)}`);
streams.unsubscribe();
await Promise.all([a.close(), b.close()]);
