import { closeSync, type Stats } from 'node:fs';

/** An open file. It is closed when its owner has closed it and nothing retains it any more. */
export class OpenFile {
  readonly stats: Stats;
  #fd: number;
  #users = 1;
  #owned = true;

  constructor(fd: number, stats: Stats) {
    this.#fd = fd;
    this.stats = stats;
  }

  /** −1 once the file is closed: the number may be another file's by then. */
  get fd(): number {
    return this.#fd;
  }

  /** Keeps the file open until {@link release}. */
  retain(): void {
    this.#users++;
  }

  /** Once for each {@link retain}. */
  release(): void {
    if (--this.#users > 0) return;
    // Nothing was written, so this does not wait for the disk.
    closeSync(this.#fd);
    this.#fd = -1;
  }

  /** The owner does not need the file any more. Further calls have no effect. */
  close(): void {
    if (!this.#owned) return;
    this.#owned = false;
    this.release();
  }
}
