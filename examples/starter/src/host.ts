import { sharedSecret, UnauthenticatedError } from 'rxgrid';
import { serveMonitor } from 'rxgrid/monitor';
import { closeOnSignals, Manager } from 'rxgrid/node';
import { serve } from './service.js';

const {
  GRID_LOCAL: local = 'http://127.0.0.1:9001',
  GRID_HOSTS = local,
  GRID_SECRET = 'change me: 32 bytes at the least, at random',
  GRID_ADDRESS: address = '127.0.0.1',
  GRID_PAGE = 'http://localhost:5173',
  GRID_LEAF_KEY = 'change me too',
} = process.env;

const grid = new Manager({
  local,
  hosts: GRID_HOSTS.split(','),
  auth: sharedSecret(GRID_SECRET),
  leaves: {
    origins: [GRID_PAGE],
    authenticate(token) {
      if (token !== GRID_LEAF_KEY) throw new UnauthenticatedError('Nobody has this token.');
      return 'page';
    },
  },
});
grid.events$.subscribe((event) => console.warn(event));
serve(grid);
serveMonitor(grid, { authorize: ({ callerKind, caller }) => callerKind === 'host' || caller === 'page' });
await grid.listen({ address });
closeOnSignals(grid);
console.log(`${local} is up`);
