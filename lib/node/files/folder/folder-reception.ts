import { sep } from 'node:path';
import type { FileHeader } from '../../../files/file-item.js';
import { peerName } from '../../../files/peer-path.js';
import { diskPace } from '../receive/disk-pace.js';
import type { Place } from '../receive/write-file.js';
import type { FolderHandle } from './held-folder.js';
import type { RootFolder } from './root-folder.js';

/** Says where the files of a stream go in a folder, whatever their paths say: none leaves it. */
export class FolderReception {
  readonly #root: RootFolder;
  // By their path in the stream: folders that are there, with their real path, and those that are being made.
  readonly #made = new Map<string, string>();
  // Those that nothing was in.
  readonly #fresh = new Set<string>();
  readonly #making = new Map<string, Promise<string>>();
  // The folder of the last file, until this turn of the event loop ends.
  #held: { readonly path: string; readonly folder: FolderHandle } | undefined = undefined;

  constructor(root: RootFolder) {
    this.#root = root;
  }

  /** Says where a file goes, and makes its folder. @throws FileError, also by the Promise. */
  place({ path }: FileHeader): Place | Promise<Place> {
    // As a text, before a folder is made of it.
    const parts = partsOf(path);
    const name = parts.pop()!;
    const folder = this.#folder(parts);
    return typeof folder === 'string'
      ? this.#placeIn(folder, name, path)
      : folder.then((made) => this.#placeIn(made, name, path));
  }

  /** Makes a folder of the stream. @throws FileError by the Promise. */
  async makeFolder({ path }: FileHeader): Promise<void> {
    await this.#folder(partsOf(path));
  }

  #placeIn(folder: string, name: string, path: string): Place {
    return {
      path: folder + sep + name,
      fresh: this.#fresh.has(folder),
      open: () => this.#root.openFolderHandle(folder, path),
      hold: () => this.#hold(folder, path),
    };
  }

  /** Files of one folder follow each other: it is opened and checked once for all of them that come in one turn. */
  #hold(folder: string, path: string): FolderHandle {
    if (this.#held?.path === folder) return this.#held.folder;
    const held = this.#root.openFolderHandle(folder, path);
    if (this.#held === undefined) queueMicrotask(this.#letGo);
    else this.#held.folder.close();
    this.#held = { path: folder, folder: held };
    return held;
  }

  readonly #letGo = (): void => {
    this.#held?.folder.close();
    this.#held = undefined;
  };

  /** Makes a folder at once, where the one that it is in is known. Undefined where that is not so, or where it is there. */
  #makeNow(parts: readonly string[], path: string): string | undefined {
    const parent = parts.length === 1 ? this.#root.path : this.#made.get(parts.slice(0, -1).join('/'));
    if (parent === undefined) return undefined;
    const made = this.#root.makeFolderNow(parent, parts.at(-1)!, path);
    if (made === undefined) return undefined;
    this.#made.set(path, made);
    this.#fresh.add(made);
    return made;
  }

  #folder(parts: readonly string[]): string | Promise<string> {
    if (parts.length === 0) return this.#root.path;
    const path = parts.length === 1 ? parts[0]! : parts.join('/');
    const made = this.#made.get(path);
    if (made !== undefined) return made;
    let folder = this.#making.get(path);
    if (folder === undefined) {
      const now = diskPace.quick ? this.#makeNow(parts, path) : undefined;
      if (now !== undefined) return now;
      folder = this.#root.makeFolder(path).then(
        (real) => {
          this.#made.set(path, real);
          this.#making.delete(path);
          return real;
        },
        (error: unknown) => {
          // It may be tried again for the next file.
          this.#making.delete(path);
          throw error;
        },
      );
      this.#making.set(path, folder);
    }
    return folder;
  }
}

function partsOf(path: string): string[] {
  return peerName(path, sep === '\\');
}
