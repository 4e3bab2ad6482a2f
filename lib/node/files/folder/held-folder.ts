import { closeSync, lstatSync, openSync, renameSync, unlinkSync, type Stats } from 'node:fs';
import { folderCalls, type FolderCalls } from '../../kernel/folder-calls.js';

/** A folder in which files get their names. Errors are the system's. */
export interface TargetFolder {
  /** Opens a file that is not there yet, for writing. */
  create(name: string, flags: number, mode: number): number;
  rename(from: string, to: string): void;
  remove(name: string): void;
  /** What has a name; a link is not followed. */
  look(name: string): Stats | undefined;
}

/** Names that are paths: each call follows them anew. */
export const byPath: TargetFolder = {
  create: openSync,
  rename: renameSync,
  remove: unlinkSync,
  look: (path) => lstatSync(path, { throwIfNoEntry: false }),
};

/** `O_PATH`: a folder that is only gone through may be one that cannot be listed. `node:fs` does not know it. */
const folderFlags = 0o10000000;

/**
 * A folder of Linux that is held open: a name leads nowhere else, whatever is done to the path of the folder meanwhile. So
 * it is enough to look once where it is. Close it soon.
 */
export class HeldFolder implements TargetFolder {
  readonly fd: number;
  readonly #through: string;
  readonly #calls: FolderCalls | undefined;

  /** `calls`: undefined where names have to go by way of /proc. Throws the system's errors. */
  constructor(path: string, calls: FolderCalls | undefined = folderCalls()) {
    this.#calls = calls;
    // With a slash, so that it is a folder.
    this.fd = openSync(`${path}/`, folderFlags);
    this.#through = `/proc/self/fd/${String(this.fd)}/`;
  }

  create(name: string, flags: number, mode: number): number {
    const calls = this.#calls;
    return calls === undefined ? openSync(this.#through + name, flags, mode) : calls.open(this.fd, name, flags, mode);
  }

  rename(from: string, to: string): void {
    const calls = this.#calls;
    if (calls === undefined) renameSync(this.#through + from, this.#through + to);
    else calls.rename(this.fd, from, to);
  }

  remove(name: string): void {
    unlinkSync(this.#through + name);
  }

  look(name: string): Stats | undefined {
    return lstatSync(this.#through + name, { throwIfNoEntry: false });
  }

  close(): void {
    closeSync(this.fd);
  }
}
