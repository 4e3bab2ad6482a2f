/** Beyond so many times `maxReceiveBytes` no item is taken any more: its stream ends. */
const hardFactor = 4;

/** The bytes that one connection holds of what the other side sent: `maxReceiveBytes` bounds them. */
export class ReceiveAccount {
  readonly #max: number;
  readonly #onRoom: () => void;
  #bytes = 0;

  /** `onRoom`: the account was full, and is not any more. */
  constructor(max: number, onRoom: () => void) {
    this.#max = max;
    this.#onRoom = onRoom;
  }

  /** Bytes that are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True while calls are refused, and streams get credit for one item at a time. */
  get isFull(): boolean {
    return this.#bytes >= this.#max;
  }

  /** True while not even what was granted is taken. */
  get isOverrun(): boolean {
    return this.#bytes >= this.#max * hardFactor;
  }

  /** So many bytes came. */
  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** So many bytes are held no longer. */
  remove(bytes: number): void {
    this.#bytes -= bytes;
    if (!this.isFull && this.#bytes + bytes >= this.#max) this.#onRoom();
  }
}
