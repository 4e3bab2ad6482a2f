import { readdirSync, readlinkSync } from 'node:fs';
import type { PipePool } from '../../../lib/node/kernel/pipe-pool.js';
import { pipedCount } from '../../../lib/piped.js';

const table = '/proc/self/fd';

/** What the open descriptors of this process lead to. Only Linux can tell; elsewhere none. */
function descriptors(): string[] {
  if (process.platform !== 'linux') return [];
  const targets: string[] = [];
  for (const fd of readdirSync(table)) {
    try {
      targets.push(readlinkSync(`${table}/${fd}`));
    } catch {
      // The descriptor of the table itself.
    }
  }
  return targets.sort();
}

/** The open descriptors of this process that lead into a folder, by their paths. */
export function descriptorsIn(folder: string): string[] {
  return descriptors().filter((path) => path === folder || path.startsWith(`${folder}/`));
}

/** The pipes of this process, as numbers of inodes. */
export function pipes(): string[] {
  return descriptors().filter((target) => target.startsWith('pipe:'));
}

/** Waits until no payload is in a pipe, and all pipes for payloads are closed. */
export async function untilPipesClosed(pool: PipePool): Promise<void> {
  while (pool.open > 0 || pipedCount() > 0) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits until no descriptor leads into a folder: a file is closed by the thread pool, which tells nobody. */
export async function untilClosed(folder: string): Promise<void> {
  while (descriptorsIn(folder).length > 0) await new Promise((resolve) => setImmediate(resolve));
}
