import { closeSync, type Stats } from 'node:fs';

/** An open file. It is closed when its owner has closed it and nobody retains it any more. */
export class OpenFile {
  readonly stats: Stats;
  #fd: number;
  #users = 1;
  #owned = true;

  constructor(fd: number, stats: Stats) {
    this.#fd = fd;
    this.stats = stats;
  }

  /** −1 when it is closed: its number may be another file's. */
  get fd(): number {
    return this.#fd;
  }

  /** Keeps it open until {@link release}. */
  retain(): void {
    this.#users++;
  }

  /** Once for each {@link retain}. */
  release(): void {
    if (--this.#users > 0) return;
    // Nothing was written: this waits for no disk.
    closeSync(this.#fd);
    this.#fd = -1;
  }

  /** The owner is done with it. Harmless when called again. */
  close(): void {
    if (!this.#owned) return;
    this.#owned = false;
    this.release();
  }
}
