import type { RunningHandlers } from './running-handlers.js';

/** Beyond so many times `maxReceiveBytes` no item is taken any more: its stream ends. */
const hardFactor = 4;

/**
 * The bytes that one connection holds of what the other side sent, and those of handlers that earlier connections of the
 * same peer left running: `maxReceiveBytes` bounds them.
 */
export class ReceiveAccount {
  readonly #max: number;
  readonly #running: RunningHandlers;
  readonly #leave: () => void;
  readonly #onRoom: () => void;
  #bytes = 0;

  /** `onRoom`: the account was full, and is not any more. */
  constructor(max: number, running: RunningHandlers, onRoom: () => void) {
    this.#max = max;
    this.#running = running;
    this.#onRoom = onRoom;
    this.#leave = running.join((bytes) => {
      this.#checkRoom(bytes);
    });
  }

  /** Bytes that are held. */
  get bytes(): number {
    return this.#bytes + this.#running.bytes;
  }

  /** True while calls are refused, and streams get credit for one item at a time. */
  get isFull(): boolean {
    return this.bytes >= this.#max;
  }

  /** True while not even what was granted is taken. */
  get isOverrun(): boolean {
    return this.bytes >= this.#max * hardFactor;
  }

  /** So many bytes came. */
  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** So many bytes are held no longer. */
  remove(bytes: number): void {
    this.#bytes -= bytes;
    this.#checkRoom(bytes);
  }

  /** The connection is closed: what is released from now on is of no concern to it. */
  close(): void {
    this.#leave();
  }

  #checkRoom(released: number): void {
    if (!this.isFull && this.bytes + released >= this.#max) this.#onRoom();
  }
}
