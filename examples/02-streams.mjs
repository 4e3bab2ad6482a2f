// One request, and a stream of items. `node examples/02-streams.mjs`
import { duplex, type } from 'rxgrid';
import { interval, lastValueFrom, map, take, toArray } from 'rxjs';
import { twoHosts } from './two-hosts.mjs';

const count = duplex({
  name: 'count',
  request: type(/** @type {{ to: number }} */ ({})),
  output: type(/** @type {number} */ (0)),
});
const ticks = duplex({ name: 'ticks', output: type(/** @type {string} */ ('')) });

const { connection, close } = await twoHosts(7903, (host) => {
  // #region handlers
  host.handle(count, function* ({ to }) {
    for (let n = 1; n <= to; n++) yield n; // pulled: runs as far as the caller has room
  });
  host.handle(ticks, () => interval(5).pipe(map((n) => `tick ${n}`))); // pushed: goes through a bounded buffer
  // #endregion
});

// #region call
console.log(await lastValueFrom(connection.stream(count, { to: 3 }).pipe(toArray())));
console.log(await lastValueFrom(connection.stream(ticks).pipe(take(2), toArray()))); // take cancels the handler
// #endregion
await close();

/* prints
[ 1, 2, 3 ]
[ 'tick 0', 'tick 1' ]
*/
