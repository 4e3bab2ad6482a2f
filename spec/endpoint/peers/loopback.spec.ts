import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { lastValueFrom, map, toArray } from 'rxjs';
import { duplex, Manager, raw, staticToken } from '../../../lib/index.js';

/*
 * A host that calls itself: the answer to a full message may come within the call that sends it. Found by the
 * simulation, as seed 1585.
 */

const host = 'http://a:9000';
/** Fills a message: it leaves at once. */
const large = 200 << 10;
const items = duplex({ name: 'items', request: raw, output: raw, outCapacity: 1 });

let manager: Manager;
beforeEach(async () => {
  manager = new Manager({ local: host, hosts: [host], auth: staticToken('token') });
  manager.handle(items, function* () {
    for (let index = 0; index < 4; index++) yield new Uint8Array(large);
  });
  await manager.start();
});
afterEach(async () => {
  await manager.close();
});

it('an item that arrives while its stream is opened returns its credit', async () => {
  const lengths = manager
    .connection(host)
    .stream(items, new Uint8Array(large))
    .pipe(
      map(({ length }) => length),
      toArray(),
    );
  await expect(lastValueFrom(lengths)).resolves.toStrictEqual(Array(4).fill(large));
});
