import { fileDataPrefix, type FileData } from '../../../files/file-item.js';
import { isPipeable, pipedOf, type PipeReceiver } from '../../../piped.js';
import { giveBackMessage, pipeFurtherPayloads } from '../../../transport/message-memory.js';
import { openPipeReceiver } from '../../kernel/pipe-pool.js';
import type { Job } from './folder-job.js';

/**
 * Hands the received bytes of one receiver to its jobs, and gives their memory back. Where the receiver has the bytes
 * to itself (`reuse`), and nothing reads them on the way to the file, it asks for further ones in pipes.
 */
export class ReceivedBytes {
  readonly #reuse: boolean;
  #receiver: PipeReceiver | undefined = undefined;

  constructor(reuse: boolean) {
    this.#reuse = reuse;
  }

  /** Has a job write the bytes of an item. `release` returns its credit. */
  write(item: FileData, job: Job, release: (() => void) | undefined): void {
    if (!this.#reuse) {
      job.write(item.bytes, release);
      return;
    }
    const piped = job.takesPipes ? pipedOf(item) : undefined;
    // The property of an item in a pipe would load it.
    const { bytes } = piped ?? item;
    if (job.takesPipes && piped === undefined && isPipeable(item)) {
      this.#receiver ??= openPipeReceiver(fileDataPrefix);
      if (this.#receiver?.open === true) pipeFurtherPayloads(bytes, this.#receiver);
    }
    job.write(bytes, () => {
      piped?.drop();
      // Before the credit returns: the next message may need the memory.
      giveBackMessage(bytes);
      release?.();
    });
  }

  /** The receiver takes no more items. */
  close(): void {
    this.#receiver?.close();
  }
}
