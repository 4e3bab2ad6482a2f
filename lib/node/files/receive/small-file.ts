import { maxSmallFileBytes } from '../../../bounds.js';
import { giveScratch, takeScratch } from './scratch.js';
import type { Attributes } from '../disk/attributes.js';
import type { Destination } from '../disk/destination.js';
import { diskPace } from '../disk/disk-pace.js';
import { writeWhole } from '../disk/write-file.js';

/**
 * The bytes of a small file, collected until its end. They are copied, so that the credit of their items returns at
 * once: the sender may need that credit to send the end of the file.
 */
export class SmallFile {
  readonly bytes: Uint8Array;
  readonly #synchronous: boolean;

  /** `synchronous`: the file may be written synchronously, where the disk is quick. */
  private constructor(length: number, synchronous: boolean) {
    this.#synchronous = synchronous;
    this.bytes = synchronous ? takeScratch(length) : new Uint8Array(length);
  }

  /** Undefined: a file of this length is not small. */
  static of(length: number, fsync: boolean): SmallFile | undefined {
    // fsync takes its time: it belongs on the thread pool.
    return length <= maxSmallFileBytes ? new SmallFile(length, !fsync) : undefined;
  }

  set(bytes: Uint8Array, at: number): void {
    this.bytes.set(bytes, at);
  }

  /** Writes the whole file synchronously. False: it must go through the thread pool. Throws the system's errors. */
  writeSync(destination: Destination, name: string, attributes: Attributes): boolean {
    if (!this.#synchronous || !diskPace.takeQuick()) return false;
    diskPace.measure(() => {
      writeWhole(this.bytes, destination, name, attributes);
    });
    giveScratch(this.bytes);
    return true;
  }
}
