// One contract, several targets within a host. `node examples/08-subroutes.mjs`
import { at, type, unary } from 'rxgrid';
import { firstValueFrom } from 'rxjs';
import { twoHosts } from './two-hosts.mjs';

const free = unary({ name: 'free', response: type(/** @type {number} */ (0)) });

const { connection, close } = await twoHosts(7915, (host) => {
  // #region handlers
  for (const [disk, bytes] of [
    ['disk1', 100],
    ['disk2', 250],
  ]) {
    host.handle(at(free, disk), () => bytes);
  }
  // #endregion
});

// #region call
console.log(await firstValueFrom(connection.request(at(free, 'disk1'))));
const freeOf2 = connection.at(free, 'disk2'); // the same as a function
console.log(await firstValueFrom(freeOf2()));
// #endregion
console.log(await firstValueFrom(connection.request(at(free, 'disk3'))).catch(({ code }) => code));
await close();

/* prints
100
250
unimplemented
*/
