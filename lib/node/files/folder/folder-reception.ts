import { sep } from 'node:path';
import { diskPace } from '../receive/disk-pace.js';
import type { HeldFolder } from './held-folder.js';
import { isTemporary } from '../receive/temporary.js';
import type { FileHeader } from '../../../files/file-item.js';
import type { Place } from '../receive/write-file.js';
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
  #held: { readonly path: string; readonly folder: HeldFolder } | undefined = undefined;

  constructor(root: RootFolder) {
    this.#root = root;
  }

  /** Says where a file goes, and makes its folder. @throws FileError, also by the Promise. */
  place({ path }: FileHeader): Place | Promise<Place> {
    const slash = path.lastIndexOf('/');
    const made = slash === -1 ? undefined : this.#made.get(path.slice(0, slash));
    if (made !== undefined && isName(path.slice(slash + 1))) return this.#placeIn(made, path);
    // As a text, before a folder is made of it.
    this.#root.locate(path);
    const folder = slash === -1 ? this.#root.path : this.#folder(path.slice(0, slash));
    return typeof folder === 'string' ? this.#placeIn(folder, path) : folder.then((made) => this.#placeIn(made, path));
  }

  /** Makes a folder of the stream. @throws FileError by the Promise. */
  async makeFolder({ path }: FileHeader): Promise<void> {
    await this.#folder(path.replace(/\/+$/, ''));
  }

  #placeIn(folder: string, path: string): Place {
    return {
      // The path was looked at: its last part is a name.
      path: folder + sep + path.slice(path.lastIndexOf('/') + 1),
      fresh: this.#fresh.has(folder),
      check: (fd, temporary) => {
        this.#root.checkOpened(fd, temporary, path);
      },
      hold: () => this.#hold(folder, path),
    };
  }

  /** Files of one folder follow each other: one look at it is for all of them that come at once. */
  #hold(folder: string, path: string): HeldFolder | undefined {
    if (this.#held?.path === folder) return this.#held.folder;
    const held = this.#root.holdFolder(folder, path);
    if (held === undefined) return undefined;
    if (this.#held === undefined) queueMicrotask(this.#letGo);
    else this.#held.folder.close();
    this.#held = { path: folder, folder: held };
    return held;
  }

  readonly #letGo = (): void => {
    this.#held?.folder.close();
    this.#held = undefined;
  };

  /** Makes a folder at once, where what it is in is known. Undefined where that is not so, or where it is there. */
  #makeNow(path: string): string | undefined {
    const slash = path.lastIndexOf('/');
    const name = path.slice(slash + 1);
    const parent = slash === -1 ? this.#root.path : this.#made.get(path.slice(0, slash));
    if (parent === undefined || !isName(name)) return undefined;
    const made = this.#root.makeFolderNow(parent, name, path);
    if (made === undefined) return undefined;
    this.#made.set(path, made);
    this.#fresh.add(made);
    return made;
  }

  #folder(path: string): string | Promise<string> {
    const made = this.#made.get(path);
    if (made !== undefined) return made;
    let folder = this.#making.get(path);
    if (folder === undefined) {
      const now = diskPace.quick ? this.#makeNow(path) : undefined;
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

/** True for the plain name of a file: what its path says of it needs no other look. */
function isName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[\\:\0]/.test(name) && !isTemporary(name);
}
