import { readAheadBytes } from '../../bounds.js';
import type { KernelSender } from './kernel-sender.js';

/** An open file, and the region of it that is sent. */
export interface KernelFile {
  /** The descriptor. Throws where the owner of the file has closed it. */
  readonly fd: number;
  readonly offset: number;
  readonly length: number;
}

interface Reached {
  /** The system was asked to read the bytes before this offset. */
  offset: number;
  /** It has not answered yet. */
  busy: boolean;
}

/**
 * Has the system read files into its page cache a few MiB ahead of the bytes that are sent, on another thread.
 * Otherwise `sendfile` would wait for the disk on the thread of the event loop, and the disk would be idle between two
 * frames.
 */
export class ReadAhead {
  readonly #sender: KernelSender;
  readonly #files = new WeakMap<KernelFile, Reached>();

  constructor(sender: KernelSender) {
    this.#sender = sender;
  }

  /** The bytes of the file before `sent` are about to be sent. */
  beyond(file: KernelFile, sent: number): void {
    const end = file.offset + file.length;
    if (this.#sender.readAhead === undefined || sent >= end) return;
    const reached = this.#files.get(file) ?? { offset: 0, busy: false };
    this.#files.set(file, reached);
    const from = Math.max(reached.offset, sent);
    // In large pieces, and one at a time, so that a slow disk occupies one thread of the pool per file.
    if (reached.busy || from >= end || from - sent > readAheadBytes / 2) return;
    let fd: number;
    try {
      ({ fd } = file);
    } catch {
      // The handle was closed: the sender will report that.
      return;
    }
    reached.offset = Math.min(sent + readAheadBytes, end);
    reached.busy = true;
    this.#sender.readAhead(fd, from, reached.offset - from, () => {
      reached.busy = false;
    });
  }
}
