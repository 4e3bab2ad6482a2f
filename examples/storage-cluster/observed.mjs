// @ts-check
// What a host of the store serves beside its files, so that people can look at it.
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { conflate } from 'rxgrid';
import { serveMonitor } from 'rxgrid/monitor';
import { serveDashboard, serveFiles } from 'rxgrid/node';
import { map, timer } from 'rxjs';
import { journal, search, tail, TooShort } from './observed-routes.mjs';

/** A file that takes a minute to copy. It is sparse: no disk is filled. */
export const backup = 'backup.img';
const backupBytes = 256 << 20;

/** Who may look, and call routes through this host. @param {{ caller: string, callerKind: string }} call */
export function mayLook({ caller, callerKind }) {
  return callerKind === 'host' || caller === 'operator';
}

/**
 * @param {import('rxgrid/node').Manager} grid
 * @param {import('./store.mjs').Store} store
 * @param {string} folder
 */
export function observe(grid, store, folder) {
  // #region dashboard
  serveMonitor(grid, { authorize: mayLook });
  serveDashboard(grid, { title: 'storage cluster' });
  // #endregion
  const root = join(folder, 'backups');
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, backup), '');
  truncateSync(join(root, backup), backupBytes);
  serveFiles(grid, { root });
  grid.handle(search, ({ text, limit, order }) => {
    if (text.length < 2) throw new TooShort('Give two letters at least.', undefined);
    const found = store.entries().filter(({ path }) => path.includes(text));
    if (order === 'size') found.sort((left, right) => right.size - left.size);
    return { found: found.length, paths: found.slice(0, limit).map(({ path }) => path) };
  });
  grid.handle(journal, function* () {
    for (let number = 1; ; number++) yield { number };
  });
  grid.handle(tail, ({ everyMs }) =>
    timer(0, everyMs).pipe(
      map(() => ({ files: store.count, bytes: store.bytes })),
      conflate(),
    ),
  );
}
