import { sep } from 'node:path';
import type { FileError } from '../../../files/file-error.js';
import type { FileHeader } from '../../../files/file-item.js';
import { peerName } from '../../../files/peer-path.js';
import type { Destination } from '../disk/destination.js';
import { diskPace } from '../disk/disk-pace.js';
import type { FolderHandle } from '../disk/held-folder.js';
import type { FolderAttributes, RootFolder } from './root-folder.js';
import { toFileError } from '../disk/system-error.js';

/** Maps the paths of a stream of files to destinations in a folder, which none of them leaves, and makes folders. */
export class FolderReception {
  readonly #root: RootFolder;
  readonly #preserve: boolean;
  // By path in the stream: folders that exist, with their real paths, and folders that are being made.
  readonly #made = new Map<string, string>();
  readonly #making = new Map<string, Promise<string>>();
  // Real paths of the folders that this transfer has made.
  readonly #fresh = new Set<string>();
  // With `preserve`, by path in the stream: what the folders get at the end.
  readonly #attributes = new Map<string, FolderAttributes>();
  // The folder of the last file, open until this turn of the event loop ends.
  #held: { readonly path: string; readonly folder: FolderHandle } | undefined = undefined;

  /** `preserve`: folders get the permission bits and the times that the stream names, in {@link finish}. */
  constructor(root: RootFolder, { preserve = false }: { readonly preserve?: boolean | undefined } = {}) {
    this.#root = root;
    this.#preserve = preserve;
  }

  /** The destination of a file, whose folder is made. @throws FileError, also by the Promise. */
  destinationOf({ path }: FileHeader): Destination | Promise<Destination> {
    // The path is checked as a text before a folder is made for it.
    const parts = partsOf(path);
    const name = parts.pop()!;
    const folder = this.#folder(parts);
    return typeof folder === 'string'
      ? this.#destinationIn(folder, name, path)
      : folder.then((made) => this.#destinationIn(made, name, path));
  }

  /** Makes a folder of the stream. @throws FileError by the Promise. */
  async makeFolder({ path, mode, mtime }: FileHeader): Promise<void> {
    const parts = partsOf(path);
    await this.#folder(parts);
    if (this.#preserve && (mode !== undefined || mtime !== undefined)) {
      this.#attributes.set(parts.join('/'), { mode, mtime });
    }
  }

  /** All files are written: gives folders their attributes. The result is what failed. */
  finish(): FileError[] {
    const failures: FileError[] = [];
    // The entries of a folder come before the folder: writing one would change the folder's time.
    const paths = [...this.#attributes.keys()].sort((one, other) => (one < other ? 1 : -1));
    for (const path of paths) {
      try {
        this.#root.setFolderAttributes(this.#made.get(path)!, path, this.#attributes.get(path)!);
      } catch (error) {
        failures.push(toFileError(error, path));
      }
    }
    return failures;
  }

  #destinationIn(folder: string, name: string, path: string): Destination {
    return {
      path: folder + sep + name,
      fresh: this.#fresh.has(folder),
      open: () => this.#root.openFolderHandle(folder, path),
      hold: () => this.#hold(folder, path),
    };
  }

  /**
   * Files of one folder follow each other: the folder is opened and checked once for all of them that come in one turn.
   */
  #hold(folder: string, path: string): FolderHandle {
    if (this.#held?.path === folder) return this.#held.folder;
    const held = this.#root.openFolderHandle(folder, path);
    if (this.#held === undefined) queueMicrotask(this.#closeHeld);
    else this.#held.folder.close();
    this.#held = { path: folder, folder: held };
    return held;
  }

  readonly #closeHeld = (): void => {
    this.#held?.folder.close();
    this.#held = undefined;
  };

  /** The real path of a folder, which is made where it is missing. */
  #folder(parts: readonly string[]): string | Promise<string> {
    if (parts.length === 0) return this.#root.path;
    const path = parts.length === 1 ? parts[0]! : parts.join('/');
    const made = this.#made.get(path) ?? (diskPace.takeQuick() ? this.#makeSync(parts, path) : undefined);
    return made ?? this.#making.get(path) ?? this.#makeLater(path);
  }

  /**
   * Makes a folder synchronously. Undefined where its parent is unknown or the name is taken: `#makeLater` finds out by
   * what.
   */
  #makeSync(parts: readonly string[], path: string): string | undefined {
    if (this.#making.has(path)) return undefined;
    const parent = parts.length === 1 ? this.#root.path : this.#made.get(parts.slice(0, -1).join('/'));
    if (parent === undefined) return undefined;
    const made = this.#root.makeFolderSync(parent, parts.at(-1)!, path);
    if (made === undefined) return undefined;
    this.#made.set(path, made);
    this.#fresh.add(made);
    return made;
  }

  #makeLater(path: string): Promise<string> {
    const folder = this.#root
      .makeFolder(path)
      .then((real) => {
        this.#made.set(path, real);
        return real;
      })
      .finally(() => {
        // After a failure, the next file of the folder tries again.
        this.#making.delete(path);
      });
    this.#making.set(path, folder);
    return folder;
  }
}

function partsOf(path: string): string[] {
  return peerName(path, sep === '\\');
}
