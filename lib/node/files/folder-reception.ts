import { sep } from 'node:path';
import type { FileHeader } from '../../files/file-item.js';
import type { Place } from './write-file.js';
import type { RootFolder } from './root-folder.js';

/** Says where the files of a stream go in a folder, whatever their paths say: none leaves it. */
export class FolderReception {
  readonly #root: RootFolder;
  // By their path in the stream: folders that are there, with their real path, and those that are being made.
  readonly #made = new Map<string, string>();
  readonly #making = new Map<string, Promise<string>>();

  constructor(root: RootFolder) {
    this.#root = root;
  }

  /** Says where a file goes, and makes its folder. @throws FileError, also by the Promise. */
  place({ path }: FileHeader): Place | Promise<Place> {
    // As a text, before a folder is made of it.
    this.#root.locate(path);
    const slash = path.lastIndexOf('/');
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
      check: (fd, temporary) => {
        this.#root.checkOpened(fd, temporary, path);
      },
    };
  }

  #folder(path: string): string | Promise<string> {
    const made = this.#made.get(path);
    if (made !== undefined) return made;
    let folder = this.#making.get(path);
    if (folder === undefined) {
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
