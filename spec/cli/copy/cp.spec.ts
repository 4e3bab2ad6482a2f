import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cp } from '../../../lib/cli/copy/cp.js';
import { cpOptions } from '../../../lib/cli/copy/cp-options.js';
import { fileRoutes } from '../../../lib/files/file-routes.js';
import { maxListingEntries } from '../../../lib/limits.js';
import { freePort, RealGrid } from '../../support/real-grid.js';

let grid: RealGrid;
let folder: string;

beforeEach(() => {
  grid = new RealGrid();
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-cp-'));
});

afterEach(async () => {
  await grid.close();
  rmSync(folder, { recursive: true, force: true });
});

it('a full disk is reported as that of the host, or of this machine', async () => {
  const name = `http://127.0.0.1:${String(await freePort())}`;
  const host = grid.manager(name, [], { leaves: { authenticate: () => 'tool' } });
  const full = { code: 'file-space', message: '"a": no space is left on the disk (ENOSPC).' };
  const info = { path: '', type: 'file' as const, size: 1, mtime: 0, mode: 0o644 };
  host.handle(fileRoutes.stat, ({ path }) =>
    path === 'there' ? { value: { info } } : { failure: { code: 'file-not-found', message: 'None.' } },
  );
  host.handle(fileRoutes.write, () => [{ kind: 'failure' as const, path: '', ...full }]);
  host.handle(fileRoutes.read, () => [{ kind: 'error' as const, ...full }]);
  await host.listen({ address: '127.0.0.1' });
  const local = join(folder, 'a');
  writeFileSync(local, 'a');
  const defaults = { links: 'skip', exclude: [], retry: 0, parallel: 1, maxEntries: maxListingEntries } as const;
  const options = cpOptions({ ...defaults, progress: false, quiet: true, timeout: 5_000, tokenCommand: 'echo good' });
  const { signal } = new AbortController();
  const remote = name.replace('http:', 'ws:');
  const copy = (from: string, to: string): Promise<number> => cp([from], to, options, signal);
  await expect(copy(local, `${remote}:a`)).rejects.toThrow('(ENOSPC). It is the disk of the host.');
  await expect(copy(`${remote}:there`, local)).rejects.toThrow('(ENOSPC). It is a disk of this machine.');
});
