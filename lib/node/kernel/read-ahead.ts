import { readAheadBytes } from '../../limits.js';
import type { SourceFile } from '../files/send/source-file.js';
import type { KernelSender } from './kernel-sender.js';

interface Reached {
  /** The system was asked for what is before this offset. */
  offset: number;
  /** It has not answered yet. */
  busy: boolean;
}

/**
 * Has the system read files that are not in its page cache a few MiB ahead of what is sent, on another thread: what the
 * disk has not given yet is else waited for on the thread of the event loop, and the disk rests between two frames.
 */
export class ReadAhead {
  readonly #sender: KernelSender;
  readonly #files = new WeakMap<SourceFile, Reached>();

  constructor(sender: KernelSender) {
    this.#sender = sender;
  }

  /** Bytes of the file, up to `sent`, are about to be sent. */
  beyond(file: SourceFile, sent: number): void {
    const end = file.offset + file.length;
    if (this.#sender.readAhead === undefined || sent >= end) return;
    const reached = this.#files.get(file) ?? { offset: 0, busy: false };
    this.#files.set(file, reached);
    const from = Math.max(reached.offset, sent);
    // In large pieces; and one at a time, so that a slow disk holds one thread of the pool for each file.
    if (reached.busy || from >= end || from - sent > readAheadBytes / 2) return;
    let fd: number;
    try {
      ({ fd } = file);
    } catch {
      // Its handle was closed: who sends it will say so.
      return;
    }
    reached.offset = Math.min(sent + readAheadBytes, end);
    reached.busy = true;
    this.#sender.readAhead(fd, from, reached.offset - from, () => {
      reached.busy = false;
    });
  }
}
