// A grid beside an existing HTTP server, here of Express. `node examples/10-express.mjs`
import express from 'express';
import { connect, staticToken, type, unary } from 'rxgrid';
import { Manager } from 'rxgrid/node';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { firstValueFrom } from 'rxjs';

const visits = unary({ name: 'visits', response: type(/** @type {number} */ (0)) });
let count = 0;

// #region attach
const app = express();
app.get('/', (_, response) => response.send(`visit ${++count}`));
const server = createServer(app);

const local = 'http://127.0.0.1:7919';
const auth = staticToken('example');
const grid = new Manager({ local, hosts: [], auth, leaves: { authenticate: () => 'ann' } });
grid.handle(visits, () => count);
await grid.attach(server); // upgrades of the grid's path only; everything else stays the server's
server.listen(7919, '127.0.0.1');
// #endregion
await once(server, 'listening');

console.log(await (await fetch(local)).text());
const leaf = connect(local, { token: 'any' });
console.log(await firstValueFrom(leaf.request(visits)));
leaf.close();
await grid.close();
server.close();

/* prints
visit 1
1
*/
