import { mkdir, readdir } from 'node:fs/promises';
import { toFileError } from '../../node/files/disk/system-error.js';

/** Makes a folder that the user named, and those on the way to it, where they are missing. Errors: FileError. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((error: unknown) => {
    throw toFileError(error, path);
  });
}

/** The names in a folder that the user named. Errors: FileError. */
export async function namesIn(path: string): Promise<string[]> {
  return readdir(path).catch((error: unknown) => {
    throw toFileError(error, path);
  });
}
