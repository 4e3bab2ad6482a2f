import { closeSync, lstatSync, openSync, readlinkSync, renameSync, unlinkSync, type Stats } from 'node:fs';
import { sep } from 'node:path';
import { folderCalls, type FolderCalls } from '../../kernel/folder-calls.js';

/** A folder in which files are opened, created and renamed. Errors are the system's, unless said otherwise. */
export interface FolderHandle {
  /** A path for `node:fs` of a name in the folder, or of the folder itself. Valid until {@link close}. */
  at(name?: string): string;
  /** Opens a file synchronously, or creates it, as the flags say; `mode`: permission bits of a file that is created. */
  open(name: string, flags: number, mode?: number): number;
  rename(from: string, to: string): void;
  remove(name: string): void;
  /** The status of a name, whose symbolic link is not followed. Undefined where nothing has the name. */
  lstat(name: string): Stats | undefined;
  /** Confirms that the file which was opened by a name is in this folder. @throws FileOutsideRootError */
  confirm(fd: number, name: string): void;
  close(): void;
}

/** A folder by its path, which each call resolves anew, for systems that cannot hold a folder open. */
export class NamedFolder implements FolderHandle {
  readonly #path: string;
  readonly #confirm: ((fd: number, path: string) => void) | undefined;

  /** `confirm`: throws where an open file is not the one of a path. Default: no check. */
  constructor(path: string, confirm?: (fd: number, path: string) => void) {
    this.#path = path;
    this.#confirm = confirm;
  }

  at(name?: string): string {
    if (name === undefined) return this.#path;
    return this.#path.endsWith(sep) ? this.#path + name : this.#path + sep + name;
  }

  open(name: string, flags: number, mode = 0): number {
    return openSync(this.at(name), flags, mode);
  }

  rename(from: string, to: string): void {
    renameSync(this.at(from), this.at(to));
  }

  remove(name: string): void {
    unlinkSync(this.at(name));
  }

  lstat(name: string): Stats | undefined {
    return lstatSync(this.at(name), { throwIfNoEntry: false });
  }

  confirm(fd: number, name: string): void {
    this.#confirm?.(fd, this.at(name));
  }

  close(): void {
    // No descriptor is open.
  }
}

/** `O_PATH`, which `node:fs` lacks: a folder may be passed through without the right to list it. */
const folderFlags = 0o10000000;

/**
 * A folder that is held open, on Linux: its names lead into it, whatever happens to the path of the folder meanwhile.
 * So it is enough to check once where the folder is. Close it soon.
 */
export class HeldFolder implements FolderHandle {
  readonly fd: number;
  readonly #through: string;
  readonly #calls: FolderCalls | undefined;

  /** `calls`: the system's `…at` calls; `none`: names go through /proc. Throws the system's errors. */
  constructor(path: string, calls: FolderCalls | 'none' = folderCalls() ?? 'none') {
    this.#calls = calls === 'none' ? undefined : calls;
    // The slash makes this fail for anything but a folder.
    this.fd = openSync(`${path}/`, folderFlags);
    this.#through = `/proc/self/fd/${String(this.fd)}`;
  }

  /** Where the folder is, as the kernel says: without symbolic links. */
  get path(): string {
    return readlinkSync(this.#through);
  }

  at(name = ''): string {
    return `${this.#through}/${name}`;
  }

  open(name: string, flags: number, mode = 0): number {
    const calls = this.#calls;
    return calls === undefined ? openSync(this.at(name), flags, mode) : calls.open(this.fd, name, flags, mode);
  }

  rename(from: string, to: string): void {
    const calls = this.#calls;
    if (calls === undefined) renameSync(this.at(from), this.at(to));
    else calls.rename(this.fd, from, to);
  }

  remove(name: string): void {
    unlinkSync(this.at(name));
  }

  lstat(name: string): Stats | undefined {
    return lstatSync(this.at(name), { throwIfNoEntry: false });
  }

  confirm(): void {
    // A name in a held folder leads into it.
  }

  close(): void {
    closeSync(this.fd);
  }
}
