import { readdirSync, readlinkSync } from 'node:fs';

const table = '/proc/self/fd';

/**
 * The open descriptors of this process that lead into a folder, by their paths. Only Linux can tell; elsewhere none.
 */
export function descriptorsIn(folder: string): string[] {
  if (process.platform !== 'linux') return [];
  const paths: string[] = [];
  for (const fd of readdirSync(table)) {
    try {
      const path = readlinkSync(`${table}/${fd}`);
      if (path === folder || path.startsWith(`${folder}/`)) paths.push(path);
    } catch {
      // The descriptor of the table itself.
    }
  }
  return paths.sort();
}

/** Waits until no descriptor leads into a folder: a file is closed by the thread pool, which tells nobody. */
export async function untilClosed(folder: string): Promise<void> {
  while (descriptorsIn(folder).length > 0) await new Promise((resolve) => setImmediate(resolve));
}
