// @ts-check
// Five hosts in one process keep copies of a value at the three hosts that own its key; two answers are enough.
import { lastValueFrom, toArray } from 'rxjs';
import { quorum, QuorumError, staticToken, type, unary } from 'rxgrid';
import { Manager } from 'rxgrid/node';

/** @typedef {{ key: string, value: string }} Entry */
const put = unary({
  id: 20,
  name: 'put',
  request: /** @type {import('rxgrid').TypeOnly<Entry>} */ (type()),
  response: /** @type {import('rxgrid').TypeOnly<string>} */ (type()),
  idempotent: true,
});

const first = 20_000 + (process.pid % 20_000);
const names = Array.from({ length: 5 }, (_, index) => `http://127.0.0.1:${first + index}`);
const hosts = names.map((local) => new Manager({ local, hosts: names, auth: staticToken('example') }));
const down = new Set();
for (const host of hosts) {
  host.handle(put, ({ key }) => {
    if (down.has(host.local)) throw new Error('the disk is full');
    return `${key} is kept`;
  });
}
await Promise.all(hosts.map((host) => host.listen()));
const [grid] = hosts;
if (grid === undefined) throw new Error('There is a first host.');
await Promise.all(names.map((name) => grid.connection(name).ready()));

// #region write
/** Resolves when two of the three owners of the key have the value. */
async function write(/** @type {string} */ key, /** @type {string} */ value) {
  const owners = grid.ownersOf(key, 3);
  return lastValueFrom(
    grid.everyHost(put, { key, value }, { hosts: owners, timeout: 2_000 }).pipe(quorum(2), toArray()),
  );
}
// #endregion

const owners = grid.ownersOf('colour', 3);
console.log(`all hosts agree: ${hosts.every((host) => String(host.ownersOf('colour', 3)) === String(owners))}`);
console.log(`answers: ${(await write('colour', 'red')).length}`);
down.add(owners[0]);
console.log(`answers with one host down: ${(await write('colour', 'green')).length}`);
down.add(owners[1]);
try {
  await write('colour', 'blue');
} catch (error) {
  if (!(error instanceof QuorumError)) throw error;
  console.log(`with two hosts down: ${error.code}, ${error.failures.length} failed`);
}
await Promise.all(hosts.map((host) => host.close()));
