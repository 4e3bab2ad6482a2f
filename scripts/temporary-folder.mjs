// Folders that a command needs while it runs.
import { mkdtempSync, rmSync } from 'node:fs';

const folders = new Set();

/**
 * Makes a folder that is removed when this process ends. One listener removes them all, however many a long run makes.
 *
 * @param {string} prefix The path that its name begins with.
 */
export function temporaryFolder(prefix) {
  if (folders.size === 0) process.on('exit', removeAll);
  const folder = mkdtempSync(prefix);
  folders.add(folder);
  return folder;
}

/** Removes one of them that is not needed any more. */
export function removeTemporaryFolder(folder) {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
  if (folders.size === 0) process.off('exit', removeAll);
}

function removeAll() {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
