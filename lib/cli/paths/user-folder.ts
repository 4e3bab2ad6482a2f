import { mkdir, readdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { toFileError } from '../../node/files/disk/system-error.js';

/** Makes a folder that the user named, and those on the way to it, where they are missing. Errors: FileError. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw toFileError(await reasonOf(error, resolve(path)), path);
  }
}

/** With `recursive`, Node reports ENOENT in the place of some errors, such as EROFS: the folder is tried by itself. */
async function reasonOf(error: unknown, path: string): Promise<unknown> {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return error;
  try {
    await mkdir(path);
    return error;
  } catch (reason) {
    const isMissing = (reason as NodeJS.ErrnoException).code === 'ENOENT' && dirname(path) !== path;
    return isMissing ? reasonOf(error, dirname(path)) : reason;
  }
}

/** The names in a folder that the user named. Errors: FileError. */
export async function namesIn(path: string): Promise<string[]> {
  return readdir(path).catch((error: unknown) => {
    throw toFileError(error, path);
  });
}
