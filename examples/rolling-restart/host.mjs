// @ts-check
// One host of the service: a process of its own. It books orders into a ledger, and drains when it is sent SIGTERM.
import { appendFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { sharedSecret } from 'rxgrid';
import { closeOnSignals, Manager } from 'rxgrid/node';
import { book } from './routes.mjs';

const [local = '', ledger = '', ...hosts] = process.argv.slice(2);

// #region drain
const grid = new Manager({ local, hosts, auth: sharedSecret('only an example, which everybody may read') });
grid.handle(book, async (order) => {
  await sleep(order % 20);
  await appendFile(ledger, `${order}\n`);
  return local;
});
await grid.listen();
closeOnSignals(grid, {
  timeout: 10_000,
  onClosed: ({ interrupted }) => {
    if (interrupted > 0) console.log(`${local}: ${interrupted} calls were cut off`);
  },
});
// #endregion
process.send?.('ready');
