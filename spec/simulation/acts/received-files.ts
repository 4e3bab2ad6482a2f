import type { FileItem } from '../../../lib/index.js';
import { byteOf } from './drawn-region.js';
import type { FileScript } from './file-routes.js';

/** Looks at the files of a transfer as they come. Throws where one is not as it was sent. */
export class ReceivedFiles {
  readonly #script: FileScript;
  #file = 0;
  #at = 0;
  #open = false;

  constructor(script: FileScript) {
    this.#script = script;
  }

  /** Files that have come, or failed as they should. */
  get count(): number {
    return this.#file;
  }

  /** All of a stream of bytes has come: files without bytes may be the last ones. */
  get countOfBytes(): number {
    this.#skipEmpty();
    return this.#file;
  }

  /** An item in the form for files. */
  item(item: FileItem): void {
    const file = this.#script.files[this.#file];
    if (file === undefined) throw new Error(`item ${item.kind} after ${this.#file} files`);
    switch (item.kind) {
      case 'header':
        if (this.#open || item.length !== file.bytes) throw new Error(`a header of ${item.length} bytes`);
        this.#open = true;
        return;
      case 'data':
        if (!this.#open) throw new Error('data before the header');
        this.#take(item.bytes);
        return;
      case 'end':
        if (this.#at !== file.bytes || file.failAt >= 0) throw new Error(`the end after ${this.#at} bytes`);
        break;
      case 'error':
        if (file.failAt < 0 || this.#at > file.failAt) throw new Error(`${item.code} after ${this.#at} bytes`);
        break;
      default:
        throw new Error(`item ${item.kind}`);
    }
    this.#next();
  }

  /** The next bytes of a stream of bytes. */
  bytes(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length) {
      this.#skipEmpty();
      const left = (this.#script.files[this.#file]?.bytes ?? 0) - this.#at;
      if (left === 0) throw new Error(`more bytes than ${this.#script.files.length} files have`);
      this.#take(bytes.subarray(from, from + left));
      from += Math.min(left, bytes.length - from);
      if (this.#at === this.#script.files[this.#file]!.bytes) this.#next();
    }
  }

  #skipEmpty(): void {
    while (this.#script.files[this.#file]?.bytes === 0) this.#file++;
  }

  #next(): void {
    this.#file++;
    this.#at = 0;
    this.#open = false;
  }

  #take(bytes: Uint8Array): void {
    const { id } = this.#script;
    for (const byte of bytes) {
      if (byte !== byteOf(id, this.#file, this.#at)) throw new Error(`byte ${this.#at} of file ${this.#file}`);
      this.#at++;
    }
  }
}
