import type { Frame } from '../../wire/frame.js';
import { framesOf, type Fate } from '../frames/wire-log.js';

/** A message that sets out, as a fault sees it and changes what becomes of it. */
export class Passing {
  readonly from: string;
  readonly to: string;
  /** As they arrive. Replace them by a copy; the sender's own must not change. */
  bytes: Uint8Array;
  /** How often it arrives. 0: it is dropped. */
  copies = 1;
  /** Ms that it takes longer; what is sent after it waits behind it. */
  extraDelay = 0;
  /** It arrives in pieces of so many bytes, with so many ms between them. Undefined: whole. */
  pieces: { readonly bytes: number; readonly gap: number } | undefined = undefined;
  /** Whether it arrives behind the message that is sent next. */
  behindNext = false;
  readonly fates: Fate[] = [];
  #frames: readonly Frame[] | undefined = undefined;

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

/** Inspects each message that sets out, and may change its fate. */
export type MessageFault = (passing: Passing) => void;

/** Faults in the order in which they were added. */
export class MessageFaults {
  readonly #faults = new Set<MessageFault>();

  /** The result takes the fault away. */
  add(fault: MessageFault): () => void {
    // A wrapper, so that one function may be added twice.
    const entry: MessageFault = (passing) => {
      fault(passing);
    };
    this.#faults.add(entry);
    return () => {
      this.#faults.delete(entry);
    };
  }

  /** Lets each fault act on a message that passes. */
  apply(passing: Passing): void {
    for (const fault of this.#faults) fault(passing);
  }
}
