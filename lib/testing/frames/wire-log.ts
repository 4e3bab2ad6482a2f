import { ProtocolError } from '../../errors.js';
import { decodeFrames, decodeMessage } from '../../wire/decode.js';
import { FrameView, type Frame, type Hash32 } from '../../wire/frame.js';

/** What happened to a message on its way; absent where it simply arrives. */
export type Fate = 'dropped' | 'lost' | 'corrupted' | 'duplicated' | 'reordered' | 'delayed' | 'sliced';

/** One WebSocket message, or one event of the line, at the time at which it was sent. */
export type LogEntry =
  | {
      readonly kind: 'message';
      /** Ms since the start of the clock. */
      readonly at: number;
      readonly from: string;
      readonly to: string;
      /** As it was sent: a fault changes a copy. */
      readonly bytes: Uint8Array;
      readonly fates: readonly Fate[];
    }
  | {
      readonly kind: 'event';
      readonly at: number;
      readonly what: 'opened' | 'closed' | 'broken' | 'fault';
      readonly text: string;
    };

/** The last entries of one cable. Frames are decoded when they are read. */
export class WireLog {
  readonly #limit: number;
  readonly #entries: LogEntry[] = [];
  #dropped = 0;

  /** @internal Made by its cable. `limit`: entries that are kept. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Entries that are kept, oldest first. */
  get entries(): readonly LogEntry[] {
    return this.#entries;
  }

  /** Older entries, which are gone. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Adds an entry. The oldest ones are dropped beyond the limit. */
  add(entry: LogEntry): void {
    if (this.#limit === 0) return;
    this.#entries.push(entry);
    // Twice the limit, then half at once: cheaper than one at a time.
    if (this.#entries.length < 2 * this.#limit) return;
    this.#dropped += this.#limit;
    this.#entries.splice(0, this.#limit);
  }
}

/** Gives the checksum that stands behind the bytes: so any checksum is right. */
const believe: Hash32 = (bytes) => new DataView(bytes.buffer, bytes.byteOffset + bytes.length, 4).getUint32(0, true);

/**
 * Visits each frame of a message, whatever its checksum; the view holds one at a time. False: the bytes are no frames.
 */
export function eachFrame(bytes: Uint8Array, look: (frame: FrameView) => void): boolean {
  try {
    decodeMessage(bytes, new FrameView(), believe, (frame) => {
      look(frame);
      return true;
    });
    return true;
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
}

/** The frames of a message, whatever its checksum; none where the bytes are no frames. */
export function framesOf(bytes: Uint8Array): readonly Frame[] {
  try {
    return decodeFrames(bytes, believe);
  } catch (error) {
    if (error instanceof ProtocolError) return [];
    throw error;
  }
}
