import { closeSync, constants, fstatSync, open } from 'node:fs';
import { promisify } from 'node:util';
import { NotRegularFileError } from '../../../files/file-error.js';
import { quoted } from '../../../files/peer-path.js';
import type { FolderHandle } from './held-folder.js';
import { OpenFile } from './open-file.js';
import { toFileError } from './system-error.js';

const openOf = promisify(open);

/** Symbolic links are not followed, and a FIFO does not block. */
const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants as { O_RDONLY: number } & Partial<typeof constants>;
const readFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

/** Opens a regular file of a folder for reading; `path` names it in errors. @throws FileError */
export async function openIn(folder: FolderHandle, name: string, path: string): Promise<OpenFile> {
  let fd: number;
  try {
    fd = await openOf(folder.at(name), readFlags);
  } catch (error) {
    throw toFileError(error, path);
  }
  return opened(fd, folder, name, path);
}

/** {@link openIn}, synchronously. @throws FileError */
export function openInSync(folder: FolderHandle, name: string, path: string): OpenFile {
  let fd: number;
  try {
    fd = folder.open(name, readFlags);
  } catch (error) {
    throw toFileError(error, path);
  }
  return opened(fd, folder, name, path);
}

function opened(fd: number, folder: FolderHandle, name: string, path: string): OpenFile {
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new NotRegularFileError(`${quoted(path)} is not a regular file.`, path);
    folder.confirm(fd, name);
    return new OpenFile(fd, stats);
  } catch (error) {
    closeSync(fd);
    throw toFileError(error, path);
  }
}
