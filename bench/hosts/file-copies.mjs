// Both ends of the cells of files that are written: a host that serves a folder, and a leaf that copies files out of
// it.
import { lastValueFrom } from 'rxjs';
import { staticToken } from 'rxgrid';
import { readFile } from 'rxgrid/files';
import { connect, Manager, receiveFile, serveFiles } from 'rxgrid/node';
import { urlOf } from './file-routes.mjs';

export async function serve(port, root) {
  const grid = new Manager({
    local: urlOf(port),
    hosts: [urlOf(port)],
    auth: staticToken('bench'),
    leaves: { authenticate: () => 'leaf' },
    checksum: 'off',
  });
  serveFiles(grid, { root });
  await grid.listen({ port, address: '127.0.0.1' });
}

let leaf;

export async function dial(port) {
  leaf = connect(urlOf(port), { token: 'leaf', checksum: 'off' });
  await leaf.ready();
}

/** Copies a file to a path, without fsync, as the others do. Seconds, bytes, and how the host read it. */
export async function copy(path, target, reuse) {
  const began = performance.now();
  const copied = readFile(leaf, path).pipe(receiveFile(target, { fsync: false, reuse }));
  const { received, mode } = await lastValueFrom(copied);
  return { seconds: (performance.now() - began) / 1e3, bytes: received, mode };
}
