// TLS in both directions: a host presents its certificate, and requires one of the dialer. `node examples/11-tls.mjs`
import { staticToken, type, unary } from 'rxgrid';
import { Manager } from 'rxgrid/node';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { firstValueFrom } from 'rxjs';

// A self-signed certificate for localhost, so it is its own authority. Yours has an authority, and a certificate for
// each host.
const read = (name) => readFileSync(new URL(`../spec/support/tls/${name}.pem`, import.meta.url));
const tls = { key: read('key'), cert: read('cert'), ca: read('cert') };
const hosts = ['https://localhost:7921', 'https://localhost:7922'];
const auth = staticToken('example');
const who = unary({ name: 'who', response: type(/** @type {string} */ ('')) });

// #region mutual
/**
 * A host behind a server that refuses clients without a certificate of `ca`. It presents the same `tls` when it dials.
 */
async function start(local) {
  const grid = new Manager({ local, hosts, auth, tls });
  grid.handle(who, () => local);
  const server = createServer({ ...tls, requestCert: true, rejectUnauthorized: true });
  await grid.attach(server);
  await once(server.listen(Number(new URL(local).port), 'localhost'), 'listening');
  return { grid, server };
}
// #endregion

const [near, far] = await Promise.all(hosts.map(start));
const connection = near.grid.connection(hosts[1]);
await connection.ready();
console.log(await firstValueFrom(connection.request(who)));
const refused = await fetch(hosts[1]).then(
  () => false,
  () => true,
);
console.log('without a certificate: refused', refused);
for (const { grid, server } of [near, far]) {
  await grid.close();
  server.close();
}

/* prints
https://localhost:7922
without a certificate: refused true
*/
