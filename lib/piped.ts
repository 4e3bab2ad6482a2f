/**
 * Payloads whose bytes the system has, in a pipe, and this process does not: they go from a socket to a file without
 * being copied to the memory of the process.
 *
 *     filling ──whole──▶ waiting ──writeTo──▶ writing ──▶ over (the rest, if any, is in memory)
 *        └──────┬───────────┘ └──── drop ───────────────▶ over
 *               └── load ──▶ in memory, like any other payload
 *
 * The message of such a payload has memory of its size, so that everything between the socket and the receiver handles
 * it like any other: it reads lengths, and the head of the frame. The payload's part of that memory is zero until
 * {@link PipedPayload.load} is called, so a copy of it is not a valid item. Only a receiver that has asked for it gets
 * such payloads, as items of a stream of files, whose property `bytes` loads them. It asks only where its items are of
 * the codec that makes such items.
 */

/** A message whose payload is in a pipe, or goes there while it arrives. */
export interface PipedPayload {
  /** Memory of the whole message. */
  readonly memory: Uint8Array;
  /** Bytes of the message that are not piped. */
  readonly headBytes: number;
  /** The memory behind these: that of the piped bytes, which is zero until {@link load}. */
  readonly bytes: Uint8Array;
  /** True while the bytes that arrive may go to the pipe. */
  readonly piping: boolean;
  /**
   * Copies bytes that have arrived into the pipe. Returns how many it took; the rest, and all that follow, belong into
   * the memory.
   */
  put(bytes: Uint8Array): number;
  /** Reads the bytes into their memory, and returns them. @throws Error where they were written to a file. */
  load(): Uint8Array;
  /**
   * Writes the bytes to a file at `position`, on another thread, and calls `done` with the number of bytes written.
   * The bytes that were not written are then in memory, because the pipe had no room for them, or the system does not
   * write them this way. The caller writes them.
   */
  writeTo(fd: number, position: number, done: (written: number) => void): void;
  /** Nobody needs the bytes any more. Has no effect while they are written, and after the end. */
  drop(): void;
}

/** Identifies a stream of a connection, and a direction. */
export interface FrameKey {
  readonly op: number;
  readonly muxId: number | bigint;
}

/** Where messages come from: a socket that can move payloads to pipes. */
export interface PayloadSource {
  /** Payloads of further frames like this one, in messages of their own, may go to pipes, for `receiver`. */
  pipe(frame: FrameKey, receiver: PipeReceiver): void;
}

/** A receiver of payloads in pipes. */
export class PipeReceiver {
  /** A payload must begin with these bytes, which are not piped. */
  readonly prefix: Uint8Array;
  readonly #payloads = new Set<PipedPayload>();
  readonly #onClosed: (() => void)[] = [];
  #open = true;

  constructor(prefix: Uint8Array) {
    this.prefix = prefix;
  }

  /** True until {@link close}. */
  get open(): boolean {
    return this.#open;
  }

  /** Calls `closed` once this receiver is closed. */
  onClosed(closed: () => void): void {
    this.#onClosed.push(closed);
  }

  /** A payload for this receiver is in a pipe from now on. */
  add(payload: PipedPayload): void {
    this.#payloads.add(payload);
  }

  /** A payload is being written, or is in no pipe any more. */
  remove(payload: PipedPayload): void {
    this.#payloads.delete(payload);
  }

  /** Takes no more payloads, and reads those into memory that are not being written: their owners may need them. */
  close(): void {
    this.#open = false;
    for (const payload of [...this.#payloads]) payload.load();
    for (const closed of this.#onClosed.splice(0)) closed();
  }
}

const payloads = new WeakMap<ArrayBufferLike, PipedPayload>();
const items = new WeakMap<object, PipedPayload>();
const pipeable = new WeakSet<object>();
// Payloads in pipes. While there are none, nothing is looked up.
let count = 0;

/** The payload of the message in `memory` is in a pipe, until {@link forgetPiped}. */
export function notePiped(memory: Uint8Array, payload: PipedPayload): void {
  payloads.set(memory.buffer, payload);
  count++;
}

/** The payload of the message in `memory` is in no pipe any more. */
export function forgetPiped(memory: Uint8Array): void {
  if (payloads.delete(memory.buffer)) count--;
}

/** Number of payloads that are in pipes. */
export function pipedCount(): number {
  return count;
}

/** The payload in a pipe that these bytes of a message belong to, if any. */
export function pipedIn(bytes: Uint8Array): PipedPayload | undefined {
  return count === 0 ? undefined : payloads.get(bytes.buffer);
}

/**
 * `item` was decoded by a codec that knows payloads in pipes. Items of another codec, which would read zeros, do not
 * lead to such payloads, nor do those of another copy of the package in the process.
 */
export function notePipeable(item: object): void {
  pipeable.add(item);
}

/** True where the payloads that follow that of `item` may be in pipes: see {@link notePipeable}. */
export function isPipeable(item: object): boolean {
  return pipeable.has(item);
}

/** `item` was decoded from a payload in a pipe. */
export function notePipedItem(item: object, payload: PipedPayload): void {
  items.set(item, payload);
}

/** The payload of an item, while it is in a pipe. */
export function pipedOf(item: object): PipedPayload | undefined {
  const payload = count === 0 ? undefined : items.get(item);
  return payload !== undefined && pipedIn(payload.bytes) === payload ? payload : undefined;
}
