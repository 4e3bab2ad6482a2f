// Two hosts in two processes, for cells that only rxgrid has.
import { staticToken } from 'rxgrid';
import { Manager } from 'rxgrid/node';

const nameOf = (port) => `http://127.0.0.1:${port}`;

/**
 * A host at `port` that knows one other, at `otherPort`. `prepare(grid)` registers its handlers; `options` are more of
 * its options.
 */
export async function startHost(port, otherPort, prepare = () => {}, options = {}) {
  const grid = new Manager({
    local: nameOf(port),
    hosts: [nameOf(port), nameOf(otherPort)],
    auth: staticToken('bench'),
    checksum: 'off',
    leaves: { authenticate: () => 'leaf' },
    ...options,
  });
  prepare(grid);
  await grid.listen({ port, address: '127.0.0.1' });
  const other = grid.connection(nameOf(otherPort));
  return { grid, other };
}
