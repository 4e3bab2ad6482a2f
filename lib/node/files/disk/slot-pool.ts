import { readFileSync } from 'node:fs';
import { CancelledError } from '../../../errors.js';
import { FileBusyError } from '../../../files/file-error.js';
import { whenAborted } from '../../../flow/when-aborted.js';
import { maxOpenFiles, maxOpensWaiting } from '../../../bounds.js';

/** Gives a slot back. Further calls have no effect. */
export type ReleaseSlot = () => void;

/** What the slots of a pool are for, in errors. */
export interface SlotSubject {
  /** In the plural. */
  readonly what: string;
  /** The option of `serveFiles` that sets the number of slots of a peer. */
  readonly option?: string;
}

/** A request that waits for a slot. */
interface Waiting {
  readonly peer: string;
  granted(release: ReleaseSlot): void;
}

/** Descriptors that a process needs for other purposes: its program, sockets, folders that are open for a moment. */
const reservedDescriptors = 32;
/** Descriptors of one open file: its own, and that of its folder for a moment. */
const descriptorsPerFile = 2;

/**
 * Limits how many files (or folder walks) are open at once, for all peers together and for each peer. A request that
 * finds no slot waits, in order; a peer that has all of its slots does not block the others.
 */
export class SlotPool {
  readonly #total: number;
  readonly #perPeer: number;
  readonly #subject: SlotSubject;
  #taken = 0;
  readonly #takenBy = new Map<string, number>();
  readonly #waitingBy = new Map<string, number>();
  readonly #waiting = new Set<Waiting>();

  constructor(total: number, perPeer: number, subject: SlotSubject) {
    this.#total = total;
    this.#perPeer = perPeer;
    this.#subject = subject;
  }

  /**
   * Takes a slot, synchronously where one is free. Errors: FileBusyError where too many requests of the peer wait
   * already; CancelledError when `signal` aborts.
   */
  take(peer: string, signal?: AbortSignal): ReleaseSlot | Promise<ReleaseSlot> {
    if (this.#isFreeFor(peer)) return this.#grant(peer);
    const waiting = this.#waitingBy.get(peer) ?? 0;
    if (waiting >= maxOpensWaiting) {
      const { what, option } = this.#subject;
      const raise = option === undefined ? '' : `, or have the host raise ${option} of serveFiles`;
      const text = `This host has ${String(this.#perPeer)} ${what} open for this peer, and ${String(waiting)} more wait for their turn, which is the limit. Try again when some have ended${raise}.`;
      return Promise.reject(new FileBusyError(text, ''));
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
      // All files of one call share a signal.
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
    // A set keeps the order of arrival.
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

/** Files that may be open at once: `wanted`, or fewer where the process has a low limit of descriptors. */
export function slotsWithin(wanted: number, descriptors = descriptorLimit()): number {
  return Math.max(2, Math.min(wanted, Math.floor((descriptors - reservedDescriptors) / descriptorsPerFile)));
}

let concurrent: number | undefined;

/** Files that a receiver writes concurrently: {@link maxOpenFiles}, or fewer, see {@link slotsWithin}. */
export function concurrentFiles(): number {
  return (concurrent ??= slotsWithin(maxOpenFiles));
}

function descriptorLimit(): number {
  try {
    const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return limit === undefined ? Infinity : Number(limit);
  } catch {
    // Only Linux has this file; other systems rarely have a low limit.
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
