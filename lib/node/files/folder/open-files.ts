import { readFileSync } from 'node:fs';
import { CancelledError } from '../../../errors.js';
import { FileBusyError } from '../../../files/file-error.js';
import { whenAborted } from '../../../flow/when-aborted.js';
import { maxOpenFiles, maxOpensWaiting } from '../../../limits.js';

/** Gives a slot back. Harmless when called again. */
export type ReleaseSlot = () => void;

/** One that waits for a slot. */
interface Waiting {
  readonly peer: string;
  granted(release: ReleaseSlot): void;
}

/** Descriptors that a process needs for other things: its program, sockets, folders that are open for a moment. */
const reservedDescriptors = 32;
/** Descriptors that go with one open file: itself, and its folder for a moment. */
const descriptorsPerFile = 2;

/**
 * Slots for files that are open at once: so many for all peers together, and so many for each. Who finds none waits for
 * its turn, in order; a peer that has all of its own does not hold up the others.
 */
export class OpenFiles {
  readonly #total: number;
  readonly #perPeer: number;
  #taken = 0;
  readonly #takenBy = new Map<string, number>();
  readonly #waitingBy = new Map<string, number>();
  readonly #waiting = new Set<Waiting>();

  constructor(total: number, perPeer: number) {
    this.#total = total;
    this.#perPeer = perPeer;
  }

  /**
   * A slot, at once where one is free. Errors: FileBusyError where too many wait already; CancelledError when `signal` aborts.
   */
  take(peer: string, signal?: AbortSignal): ReleaseSlot | Promise<ReleaseSlot> {
    if (this.#isFreeFor(peer)) return this.#grant(peer);
    const waiting = this.#waitingBy.get(peer) ?? 0;
    if (waiting >= maxOpensWaiting) {
      return Promise.reject(
        new FileBusyError(
          `This host has ${String(this.#perPeer)} files open for you, and ${String(waiting)} of your requests wait for their turn. Try again when some have ended.`,
          '',
        ),
      );
    }
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(cancelled());
        return;
      }
      const leave = (): void => {
        this.#leave(entry);
        reject(cancelled());
      };
      const entry: Waiting = {
        peer,
        granted: (release) => {
          ignore?.();
          resolve(release);
        },
      };
      // All files of one call wait with one signal.
      const ignore = signal === undefined ? undefined : whenAborted(signal, leave);
      this.#waiting.add(entry);
      this.#waitingBy.set(peer, waiting + 1);
    });
  }

  #isFreeFor(peer: string): boolean {
    return this.#taken < this.#total && (this.#takenBy.get(peer) ?? 0) < this.#perPeer;
  }

  #grant(peer: string): ReleaseSlot {
    this.#taken++;
    this.#takenBy.set(peer, (this.#takenBy.get(peer) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#taken--;
      decrease(this.#takenBy, peer);
      this.#serve();
    };
  }

  #serve(): void {
    // A set is in the order in which they came.
    for (const entry of this.#waiting) {
      if (this.#taken >= this.#total) return;
      if (!this.#isFreeFor(entry.peer)) continue;
      this.#leave(entry);
      entry.granted(this.#grant(entry.peer));
    }
  }

  #leave(entry: Waiting): void {
    if (this.#waiting.delete(entry)) decrease(this.#waitingBy, entry.peer);
  }
}

/** Files that may be open at once, of so many that are wanted: a process may have a low limit of descriptors. */
export function openFilesWithin(wanted: number, descriptors = descriptorLimit()): number {
  return Math.max(2, Math.min(wanted, Math.floor((descriptors - reservedDescriptors) / descriptorsPerFile)));
}

let besideEachOther: number | undefined;

/** Files that a receiver writes beside each other: {@link maxOpenFiles}, or less, as {@link openFilesWithin} says. */
export function filesBesideEachOther(): number {
  return (besideEachOther ??= openFilesWithin(maxOpenFiles));
}

function descriptorLimit(): number {
  try {
    const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return limit === undefined ? Infinity : Number(limit);
  } catch {
    // Of Linux alone; others have no low limit as a rule.
    return Infinity;
  }
}

function decrease(counts: Map<string, number>, key: string): void {
  const count = counts.get(key)! - 1;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

function cancelled(): CancelledError {
  return new CancelledError('The call was cancelled while it waited for its turn to open a file.');
}
