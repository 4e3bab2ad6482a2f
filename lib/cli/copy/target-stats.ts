import type { Stats } from 'node:fs';
import { FileNotFoundError } from '../../files/file-error.js';
import type { RootFolder } from '../../node/files/folder/root-folder.js';

/**
 * What has a path in a folder here, where the path is the host's: nothing outside the folder is looked at. Undefined where
 * nothing has it.
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
