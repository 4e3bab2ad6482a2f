import type { RunningHandlers } from './running-handlers.js';

/** Above this multiple of `maxReceiveBytes`, an item ends its stream. */
const hardFactor = 4;

/**
 * Accounts for the received bytes that one connection holds, and for those of handlers that earlier connections of the
 * same peer left running. `maxReceiveBytes` bounds the sum.
 */
export class ReceiveAccount {
  readonly #max: number;
  readonly #running: RunningHandlers;
  readonly #leave: () => void;
  readonly #onRoom: () => void;
  #bytes = 0;

  /** `onRoom` is called when the account was full and has room again. */
  constructor(max: number, running: RunningHandlers, onRoom: () => void) {
    this.#max = max;
    this.#running = running;
    this.#onRoom = onRoom;
    this.#leave = running.join((bytes) => {
      this.#checkRoom(bytes);
    });
  }

  /** Bytes that are held now. */
  get bytes(): number {
    return this.#bytes + this.#running.bytes;
  }

  /** True while new calls are refused and streams get credit for one item at a time. */
  get isFull(): boolean {
    return this.bytes >= this.#max;
  }

  /** True while not even items with credit are accepted. */
  get isOverrun(): boolean {
    return this.bytes >= this.#max * hardFactor;
  }

  /** Adds received bytes. */
  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Removes bytes that are no longer held. */
  remove(bytes: number): void {
    this.#bytes -= bytes;
    this.#checkRoom(bytes);
  }

  /** The connection is closed: it is not notified of bytes that are released later. */
  close(): void {
    this.#leave();
  }

  #checkRoom(released: number): void {
    if (!this.isFull && this.bytes + released >= this.#max) this.#onRoom();
  }
}
