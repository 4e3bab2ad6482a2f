import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LeafConnection } from '../../../lib/endpoint/leaves/leaf.js';
import type { LeafOptions } from '../../../lib/endpoint/leaves/leaves.js';
import type { Manager } from '../../../lib/node/server/manager.js';
import { serveFiles, type ServeFilesOptions } from '../../../lib/node/files/serve/serve-files.js';
import { freePort, RealGrid } from '../real-grid.js';

/** A host that serves the files of a folder, and a leaf of it with a folder of its own. */
export class FilesHost {
  readonly grid = new RealGrid();
  readonly folder = mkdtempSync(join(tmpdir(), 'rxgrid-files-'));
  /** What the host serves. */
  readonly root = join(this.folder, 'root');
  /** What belongs to the leaf. */
  readonly local = join(this.folder, 'local');
  /** The host's base URL. */
  name = '';
  manager!: Manager;
  leaf!: LeafConnection;

  static async start({
    leaves,
    token,
    ...options
  }: Partial<ServeFilesOptions> & {
    readonly leaves?: Partial<LeafOptions>;
    readonly token?: string;
  } = {}): Promise<FilesHost> {
    const host = new FilesHost();
    mkdirSync(host.root);
    mkdirSync(host.local);
    host.name = `http://127.0.0.1:${String(await freePort())}`;
    host.manager = host.grid.manager(host.name, [], { leaves: { authenticate: () => 'tool', ...leaves } });
    serveFiles(host.manager, { root: host.root, ...options });
    await host.manager.listen({ address: '127.0.0.1' });
    host.leaf = host.grid.leaf(host.name, token === undefined ? {} : { token }).leaf;
    await host.leaf.ready();
    return host;
  }

  async close(): Promise<void> {
    await this.grid.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
