import type { Stats } from 'node:fs';
import { FileNotFoundError } from '../../files/file-error.js';
import type { RootFolder } from '../../node/files/folder/root-folder.js';

/**
 * The status of a path below a local folder; undefined where nothing has the path. The path comes from the host: one
 * that leads out of the folder is refused.
 *
 * @throws FileError where the path leads out of the folder.
 */
export async function statsIn(root: RootFolder, path: string): Promise<Stats | undefined> {
  try {
    return await root.stat(path);
  } catch (error) {
    if (error instanceof FileNotFoundError) return undefined;
    throw error;
  }
}
