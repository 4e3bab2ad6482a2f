import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileItems } from '../../../lib/files/file-codec.js';
import { duplex, raw, type, unary, type GridError, type LeafConnection } from '../../../lib/index.js';
import { connect, type Manager, type ManagerOptions, type SocketOptions } from '../../../lib/node/index.js';
import { freePort, quick, RealGrid } from '../real-grid.js';

/** Bytes of a file in the largest frame: whole pages, beside the kind of the item. */
export const largestPart = 960 << 10;

/**
 * Routes of the tests of files. Their windows are small, so that a receiver that holds four items holds the sender up.
 */
export const rawUpload = duplex({ name: 'rawUpload', input: raw, inCapacity: 4, output: raw });
export const rawDownload = duplex({ name: 'rawDownload', request: type<string>(), output: raw, outCapacity: 4 });
export const upload = duplex({ name: 'upload', input: fileItems, inCapacity: 4, output: type<string>() });
export const download = duplex({ name: 'download', request: type<string>(), output: fileItems, outCapacity: 4 });
export const echo = unary({ name: 'echo', request: raw, response: raw });

/** One host that accepts, and leaves that dial it: so it is known who masks. */
export class FileGrid {
  readonly folder = mkdtempSync(join(tmpdir(), 'sendfile-'));
  readonly #grid = new RealGrid();

  async close(): Promise<void> {
    await this.#grid.close();
    rmSync(this.folder, { recursive: true });
  }

  async host(options: Partial<ManagerOptions> = {}): Promise<Manager> {
    const scheme = options.tls === undefined ? 'http' : 'https';
    const local = `${scheme}://127.0.0.1:${await freePort()}`;
    const manager = this.#grid.manager(local, [local], { leaves: { authenticate: () => 'leaf' }, ...options });
    manager.handle(echo, (payload) => payload.slice());
    await manager.listen({ address: '127.0.0.1' });
    return manager;
  }

  async leaf({ local }: Manager, options: SocketOptions = {}): Promise<LeafConnection> {
    const leaf = connect(local, { token: 'leaf', ...options, limits: quick });
    this.#grid.closeLater(() => {
      leaf.close();
    });
    await leaf.ready();
    return leaf;
  }

  /** A leaf that can be killed: its TCP connection breaks without a close frame, at whatever byte it is. */
  async doomedLeaf({ local }: Manager): Promise<{ leaf: LeafConnection; kill: () => void }> {
    const { leaf, sockets } = this.#grid.leaf(local);
    await leaf.ready();
    return { leaf, kill: () => sockets.at(-1)!.resetAndDestroy() };
  }

  /** A file of random bytes. */
  file(name: string, size: number): { path: string; bytes: Buffer } {
    const path = join(this.folder, name);
    const bytes = randomBytes(size);
    writeFileSync(path, bytes);
    return { path, bytes };
  }
}

/** SHA-256, in hex. */
export function hashOf(...parts: Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** The error's class and code, for comparisons. */
export function kindOf(error: unknown): string {
  const { name, code } = error as GridError;
  return `${name} ${code}`;
}
