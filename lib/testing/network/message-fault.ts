import type { Frame } from '../../wire/frame.js';
import { framesOf, type Fate } from '../frames/wire-log.js';

/** A message that was just sent. A fault inspects it, and decides whether, when and how it arrives. */
export class MessageInFlight {
  readonly from: string;
  readonly to: string;
  /** The bytes that arrive. A fault replaces them by a copy: those of the sender must not change. */
  bytes: Uint8Array;
  /** Number of times that it arrives. 0: it is dropped. */
  copies = 1;
  /** Additional delay, in ms. Later messages wait behind it. */
  extraDelay = 0;
  /** It arrives in pieces of so many bytes, with so many ms between them. Undefined: whole. */
  pieces: { readonly bytes: number; readonly gap: number } | undefined = undefined;
  /** Whether it arrives behind the message that is sent next. */
  behindNext = false;
  readonly fates: Fate[] = [];
  #frames: readonly Frame[] | undefined = undefined;

  /** @internal Made by its cable. */
  constructor(from: string, to: string, bytes: Uint8Array) {
    this.from = from;
    this.to = to;
    this.bytes = bytes;
  }

  /** The frames in it; none where it is no message of the protocol. */
  get frames(): readonly Frame[] {
    return (this.#frames ??= framesOf(this.bytes));
  }
}

/** Inspects each message that is sent, and may change how it arrives. */
export type MessageFault = (message: MessageInFlight) => void;

/** The faults of a line, applied in the order in which they were added. */
export class MessageFaults {
  readonly #faults = new Set<MessageFault>();

  /** Adds a fault. The result removes it. */
  add(fault: MessageFault): () => void {
    // A wrapper, so that one function may be added twice.
    const entry: MessageFault = (message) => {
      fault(message);
    };
    this.#faults.add(entry);
    return () => {
      this.#faults.delete(entry);
    };
  }

  /** Applies each fault to a message. */
  apply(message: MessageInFlight): void {
    for (const fault of this.#faults) fault(message);
  }
}
