// A host goes away and comes back. `node examples/06-reconnect-and-retry.mjs`
import { DisconnectedError, duplex, retryOnDisconnect, staticToken, type } from 'rxgrid';
import { Manager } from 'rxgrid/node';
import { filter, firstValueFrom, lastValueFrom, take, tap, timer, map } from 'rxjs';

const numbers = duplex({
  name: 'numbers',
  request: type(/** @type {{ from: number }} */ ({})),
  output: type(/** @type {number} */ (0)),
  idempotent: true, // may be repeated even if a handler has run
});
const hosts = ['http://127.0.0.1:7911', 'http://127.0.0.1:7912'];
const start = async (local) => {
  const host = new Manager({ local, hosts, auth: staticToken('example') });
  host.handle(numbers, ({ from }) => timer(0, 5).pipe(map((n) => from + n)));
  await host.listen();
  return host;
};
const [near, far] = await Promise.all(hosts.map(start));
const connection = near.connection(hosts[1]);
await connection.ready();

// #region resume
let next = 0;
const numbers$ = connection
  .stream(numbers, () => ({ from: next })) // a function is called for each attempt
  .pipe(
    tap((n) => (next = n + 1)),
    retryOnDisconnect(), // waits until the connection is back, then repeats the call
  );
// #endregion
const all = [];
const six = lastValueFrom(
  numbers$.pipe(
    tap((n) => all.push(n)),
    take(6),
  ),
);
await firstValueFrom(timer(0, 1).pipe(filter(() => next >= 3)));
await far.close();
await firstValueFrom(connection.state$.pipe(filter(({ status }) => status !== 'connected')));

// #region back-off
const lost = connection.stream(numbers, { from: 0 }, { waitForConnect: false });
const error = await lastValueFrom(lost).catch((reason) => reason);
console.log(error instanceof DisconnectedError, 'sent:', error.sent);
// #endregion
const again = await start(hosts[1]);
await six;
console.log(
  'in order, none twice:',
  all.every((n, index) => n === index),
);
await Promise.all([near.close(), again.close()]);

/* prints
true sent: false
in order, none twice: true
*/
