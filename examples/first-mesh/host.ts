// host.ts: one of two hosts
import { consume, sharedSecret, UnauthenticatedError } from 'rxgrid';
import { serveMonitor } from 'rxgrid/monitor';
import { closeOnSignals, Manager, serveDashboard } from 'rxgrid/node';
import { tap, timer } from 'rxjs';
import { add, count, serve } from './service.js';

const hosts = ['http://127.0.0.1:9001', 'http://127.0.0.1:9002'] as const;
const [local, other] = process.argv[2] === '2' ? [hosts[1], hosts[0]] : hosts;
const { GRID_SECRET = 'an example that everybody may read' } = process.env;

const grid = new Manager({
  local,
  hosts,
  auth: sharedSecret(GRID_SECRET),
  leaves: {
    origins: ['http://localhost:5173', local], // the pages that may connect
    authenticate(token) {
      if (token !== 'token-of-ann') throw new UnauthenticatedError('Nobody has this token.');
      return 'ann'; // what handlers see as call.caller
    },
  },
});
grid.events$.subscribe((event) => console.warn(event)); // for the operator: errors of handlers, refused tokens
serve(grid);
serveMonitor(grid, { authorize: ({ caller, callerKind }) => callerKind === 'host' || caller === 'ann' });
serveDashboard(grid); // http://127.0.0.1:9001/dashboard, with the token
await grid.listen();
closeOnSignals(grid); // Ctrl-C: running calls finish, then the process exits

const connection = grid.connection(other);
await connection.ready(); // waits for the other host
connection.request(add, { a: 1, b: 2 }).subscribe((sum) => console.log(`1 + 2 = ${sum}, says ${other}`));
connection
  .stream(count, { to: 3 })
  .pipe(consume((n) => timer(100).pipe(tap(() => console.log(`counted to ${n}`))))) // the credit returns when this ends
  .subscribe();
