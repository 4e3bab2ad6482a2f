import { dirname, sep } from 'node:path';
import { NamedFolder, type FolderHandle } from './held-folder.js';

/** Where a received file goes. */
export interface Destination {
  /** The final path. */
  readonly path: string;
  /** Opens the folder of the file, and checks that it is where it should be. The caller closes it. @throws FileError */
  open(): FolderHandle;
  /**
   * The folder of the file, for the current turn of the event loop only. The caller does not close it. @throws
   * FileError
   */
  hold(): FolderHandle;
  /** True: this transfer has made the folder, so no other file has the name. */
  readonly fresh?: boolean;
}

/** The destination of a path that the local user has given, which may lead anywhere. */
export function destinationAt(path: string): Destination {
  const open = (): FolderHandle => new NamedFolder(dirname(path));
  return { path, open, hold: open };
}

/** The name of the file within its folder. */
export function finalName({ path }: Destination): string {
  return path.slice(path.lastIndexOf(sep) + 1);
}
