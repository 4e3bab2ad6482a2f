import { closeSync, lstatSync, openSync, readlinkSync, renameSync, unlinkSync, type Stats } from 'node:fs';
import { sep } from 'node:path';
import { folderCalls, type FolderCalls } from '../../kernel/folder-calls.js';

/** A folder in which files are opened and get their names. Errors are the system's, unless said otherwise. */
export interface FolderHandle {
  /** What `node:fs` calls a name in the folder; without a name, the folder. Usable until {@link close}. */
  at(name?: string): string;
  /** Opens a file that is not there yet, for writing. */
  create(name: string, flags: number, mode: number): number;
  rename(from: string, to: string): void;
  remove(name: string): void;
  /** What has a name; a link is not followed. Undefined where nothing has it. */
  look(name: string): Stats | undefined;
  /** Confirms that what was opened by a name is in this folder. @throws FileOutsideRootError */
  confirm(fd: number, name: string): void;
  close(): void;
}

/** A folder by its path, which each call follows anew: where the system cannot hold a folder open. */
export class NamedFolder implements FolderHandle {
  readonly #path: string;
  readonly #confirm: ((fd: number, path: string) => void) | undefined;

  /** `confirm`: throws where an open file is not what its path says. Default: it is not asked. */
  constructor(path: string, confirm?: (fd: number, path: string) => void) {
    this.#path = path;
    this.#confirm = confirm;
  }

  at(name?: string): string {
    if (name === undefined) return this.#path;
    return this.#path.endsWith(sep) ? this.#path + name : this.#path + sep + name;
  }

  create(name: string, flags: number, mode: number): number {
    return openSync(this.at(name), flags, mode);
  }

  rename(from: string, to: string): void {
    renameSync(this.at(from), this.at(to));
  }

  remove(name: string): void {
    unlinkSync(this.at(name));
  }

  look(name: string): Stats | undefined {
    return lstatSync(this.at(name), { throwIfNoEntry: false });
  }

  confirm(fd: number, name: string): void {
    this.#confirm?.(fd, this.at(name));
  }

  close(): void {
    // Nothing is open.
  }
}

/** `O_PATH`: a folder that is only gone through may be one that cannot be listed. `node:fs` does not know it. */
const folderFlags = 0o10000000;

/**
 * A folder of Linux that is held open: a name leads nowhere else, whatever is done to the path of the folder meanwhile. So
 * it is enough to ask once where it is. Close it soon.
 */
export class HeldFolder implements FolderHandle {
  readonly fd: number;
  readonly #through: string;
  readonly #calls: FolderCalls | undefined;

  /** `calls`: undefined where names have to go by way of /proc. Throws the system's errors. */
  constructor(path: string, calls: FolderCalls | undefined = folderCalls()) {
    this.#calls = calls;
    // With a slash, so that it is a folder.
    this.fd = openSync(`${path}/`, folderFlags);
    this.#through = `/proc/self/fd/${String(this.fd)}`;
  }

  /** Where it is, as the kernel says: without symbolic links. */
  get path(): string {
    return readlinkSync(this.#through);
  }

  at(name = ''): string {
    return `${this.#through}/${name}`;
  }

  create(name: string, flags: number, mode: number): number {
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

  look(name: string): Stats | undefined {
    return lstatSync(this.at(name), { throwIfNoEntry: false });
  }

  confirm(): void {
    // A name of a folder that is held leads into it.
  }

  close(): void {
    closeSync(this.fd);
  }
}
