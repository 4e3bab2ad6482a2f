import type { Fate } from '../frames/wire-log.js';
import type { WatchedCircuit, WireWatcher } from '../frames/wire-watcher.js';

/** Texts of so many events are kept, to compare two runs. */
const keptEvents = 100_000;

/**
 * Everything that happened in a run, as a number of events and as a fingerprint of all of them, with every byte and
 * every time: two runs are the same when these are.
 */
export class EventLog implements WireWatcher {
  events = 0;
  /** The first events, one line each, with a hash of the bytes of messages. */
  readonly lines: string[] = [];
  readonly #now: () => number;
  readonly #hash: (bytes: Uint8Array) => number;
  // Two hashes of 32 bits (FNV-1a, and FNV-1 with another start): one alone would be equal by chance too often.
  #low = 0x811c_9dc5;
  #high = 0x9747_b28c;

  /** `now`: ms since the start of the run; `hash`: 32 bits of a message. */
  constructor(now: () => number, hash: (bytes: Uint8Array) => number) {
    this.#now = now;
    this.#hash = hash;
  }

  /** 16 hexadecimal digits. */
  get fingerprint(): string {
    return [this.#high, this.#low].map((part) => (part >>> 0).toString(16).padStart(8, '0')).join('');
  }

  note(text: string): void {
    this.events++;
    const line = `${this.#now()} ${text}\n`;
    if (this.lines.length < keptEvents) this.lines.push(line);
    this.#take(line);
  }

  opened({ ends }: WatchedCircuit): void {
    this.note(`opened ${ends.join(' ')}`);
  }

  sent(_circuit: WatchedCircuit, from: string, bytes: Uint8Array, fates: readonly Fate[]): void {
    const hash = this.#hash(bytes);
    this.note(`sent ${from} ${bytes.length} ${hash.toString(16)} ${fates.join(' ')}`);
  }

  arrived(_circuit: WatchedCircuit, to: string, bytes: Uint8Array): void {
    this.note(`arrived ${to} ${bytes.length}`);
  }

  closed(_circuit: WatchedCircuit, end: string): void {
    this.note(`closed ${end}`);
  }

  #take(text: string): void {
    for (let index = 0; index < text.length; index++) this.#mix(text.charCodeAt(index));
  }

  #mix(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x0100_0193);
    // Another order of the two steps, so that the two do not collide together.
    this.#high = Math.imul(this.#high, 0x0100_0193) ^ value;
  }
}
