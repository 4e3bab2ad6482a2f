// One request, one response. `node examples/01-unary.mjs`
import { type, unary } from 'rxgrid';
import { firstValueFrom } from 'rxjs';
import { twoHosts } from './two-hosts.mjs';

// #region contract
const add = unary({
  name: 'add',
  request: type(/** @type {{ a: number, b: number }} */ ({})),
  response: type(/** @type {number} */ (0)),
});
// #endregion

const { connection, close } = await twoHosts(7901, (host) => {
  // #region handler
  host.handle(add, ({ a, b }) => a + b); // a value, a Promise, or an Observable of one item
  // #endregion
});

// #region call
const sum$ = connection.request(add, { a: 1, b: 2 }); // nothing is sent yet
console.log(await firstValueFrom(sum$));
console.log(await firstValueFrom(sum$)); // each subscription is a call
// #endregion
await close();

/* prints
3
3
*/
