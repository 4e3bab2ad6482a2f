import type { Fate } from '../wire-log.js';
import type { WatchedCircuit, WireWatcher } from '../wire-watcher.js';

/**
 * Everything that happened in a run, as a number of events and as a fingerprint of all of them, with every byte and every
 * time: two runs are the same when these are.
 */
export class EventLog implements WireWatcher {
  events = 0;
  readonly #now: () => number;
  // Two hashes of 32 bits (FNV-1a, and the same with another start): one alone would be equal by chance too often.
  #low = 0x811c_9dc5;
  #high = 0x9747_b28c;

  /** `now`: ms since the start of the run. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** 16 hexadecimal digits. */
  get fingerprint(): string {
    return [this.#high, this.#low].map((part) => (part >>> 0).toString(16).padStart(8, '0')).join('');
  }

  note(text: string): void {
    this.events++;
    this.#take(`${this.#now()} ${text}\n`);
  }

  opened({ ends }: WatchedCircuit): void {
    this.note(`opened ${ends.join(' ')}`);
  }

  sent(_circuit: WatchedCircuit, from: string, bytes: Uint8Array, fates: readonly Fate[]): void {
    this.note(`sent ${from} ${bytes.length} ${fates.join(' ')}`);
    // Four bytes at a time: the bytes are most of what there is to hash.
    const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let low = this.#low;
    let high = this.#high;
    let at = 0;
    for (; at + 4 <= bytes.length; at += 4) {
      const word = words.getUint32(at);
      low = Math.imul(low ^ word ^ (word >>> 15), 0x0100_0193);
      high = Math.imul(high ^ word ^ (word >>> 17), 0x0100_0193);
    }
    for (; at < bytes.length; at++) {
      low = Math.imul(low ^ bytes[at]!, 0x0100_0193);
      high = Math.imul(high ^ bytes[at]!, 0x0100_0193);
    }
    this.#low = low;
    this.#high = high;
  }

  arrived(_circuit: WatchedCircuit, to: string, bytes: Uint8Array): void {
    this.note(`arrived ${to} ${bytes.length}`);
  }

  closed(_circuit: WatchedCircuit, end: string): void {
    this.note(`closed ${end}`);
  }

  #take(text: string): void {
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      this.#low = Math.imul(this.#low ^ code, 0x0100_0193);
      this.#high = Math.imul(this.#high ^ code, 0x0100_0193);
    }
  }
}
