/**
 * Turns frames into messages, and writes them to the socket.
 *
 *     open ──a message is being written, or the socket holds more than congestedBytes──▶ congested ──refresh──▶ open
 *       └──── a region frame is being written, until it is done ─────────────────────────────▲
 *     any ──the socket has ended──▶ congested for good: what is sent from then on stays in the schedule
 */

import { Batch, type WireMessage } from '../../wire/batch.js';
import type { Checksum } from '../../wire/checksum.js';
import { maxHeadBytes, writeHead } from '../../wire/encode.js';
import type { MuxId } from '../../wire/frame.js';
import type { Slabs } from '../../wire/slabs.js';
import type { RegionFrame, RegionWriter } from './region-frame.js';
import { RegionFrameSize } from './region-frame-size.js';

/** Port to the socket. */
export interface MessageSink {
  /** Sends one WebSocket message. The engine may be called before this returns. */
  send(message: WireMessage): void;
  /** Bytes that the socket holds and has not handed to the network. */
  readonly bufferedBytes: number;
  /** The memory that messages are written to; see `Socket`. */
  readonly slabs?: Slabs | undefined;
  /** Writes region frames. */
  readonly regionWriter?: RegionWriter;
  /** A region frame of `length` bytes begins to be written. `head` is the same frame without its payload. */
  passing?(head: Uint8Array, length: number): void;
}

/**
 * Bytes in the socket above which frames stay in the schedule, where they are ordered fairly and can still be removed.
 */
export const congestedBytes = 256 << 10;

/** Memory of a message in the socket besides its bytes. */
const heldMessageBytes = 256;

/** Merges frames into messages, and writes them to the socket while it has room. */
export class MessageWriter {
  /** True while frames must stay in the schedule. */
  congested = false;
  /** Frames of the next message. They leave with {@link flush}, or earlier where there are many. */
  readonly batch: Batch;

  readonly #sink: MessageSink;
  readonly #frameSize: RegionFrameSize;
  readonly #onCongested: () => void;
  // Messages that the socket took since it was last uncongested.
  #heldMessages = 0;
  #emitting = false;
  #writingRegion = false;
  #socketEnded = false;
  #closed = false;

  /**
   * `checksum` undefined: messages carry none. `now` is the monotonic clock, in ms. `onCongested` is called after a
   * message that filled the socket.
   */
  constructor(sink: MessageSink, checksum: Checksum | undefined, now: () => number, onCongested: () => void) {
    this.#sink = sink;
    this.#frameSize = new RegionFrameSize(now);
    this.#onCongested = onCongested;
    const emit = (message: WireMessage): void => {
      this.#emit(message);
    };
    this.batch = new Batch(emit, checksum, sink.slabs);
  }

  /** True while the sink is handling a message: another one would have to wait there. */
  get busy(): boolean {
    return this.#emitting || this.#writingRegion;
  }

  /** Memory of the messages that the socket holds, in bytes. */
  get heldBytes(): number {
    return this.#sink.bufferedBytes + this.#heldMessages * heldMessageBytes;
  }

  /** Writes region frames; undefined where the sink has no way to do so. */
  get regionWriter(): RegionWriter | undefined {
    return this.#sink.regionWriter;
  }

  /** Size in bytes that the next region frame should not exceed. */
  get regionFrameBytes(): number {
    return this.#frameSize.bytes;
  }

  /** Checks whether the socket has room again. Must not be called while {@link busy}. */
  refresh(): void {
    this.congested = this.#isSocketFull;
    if (!this.congested) this.#heldMessages = 0;
  }

  /** Gives the frames of the batch to the socket. */
  flush(): void {
    this.batch.flush();
  }

  /**
   * Writes a region frame as a message of its own. `onDone` is called once it is written, unless that happens at once.
   */
  writeRegionFrame(muxId: MuxId, op: number, seq: number, region: RegionFrame, onDone: () => void): void {
    const { prefix } = region;
    const length = prefix.length + region.length;
    const head = new Uint8Array(maxHeadBytes + prefix.length);
    const end = writeHead(head, 0, muxId, op, 0, length, seq);
    head.set(prefix, end);
    if (this.#sink.passing !== undefined) {
      const shown = new Uint8Array(maxHeadBytes);
      this.#sink.passing(shown.subarray(0, writeHead(shown, 0, muxId, op, 0, 0, seq)), end + length);
    }
    this.#writingRegion = true;
    this.congested = true;
    this.#frameSize.begin();
    let within = true;
    region.write(head.subarray(0, end + prefix.length), (error) => {
      // Nothing can follow a torn message: the writer stays busy until the connection is closed.
      if (error !== undefined || this.#closed) return;
      this.#writingRegion = false;
      this.#frameSize.end();
      if (within) this.refresh();
      else onDone();
    });
    within = false;
  }

  /** The socket has closed, and takes nothing any more. Frames stay in the schedule, and count as not sent. */
  socketEnded(): void {
    this.#socketEnded = true;
    this.congested = true;
  }

  /** Sends nothing afterwards. */
  close(): void {
    this.#closed = true;
    this.congested = false;
    this.batch.discard();
  }

  get #isSocketFull(): boolean {
    return this.#socketEnded || this.#sink.bufferedBytes > congestedBytes;
  }

  #emit(message: WireMessage): void {
    if (this.#closed || this.#socketEnded) return;
    const outer = this.#emitting;
    this.#emitting = true;
    // Frames sent meanwhile wait, so that none overtakes the frame that is being added.
    this.congested = true;
    this.#frameSize.otherMessageSent();
    this.#sink.send(message);
    this.#emitting = outer;
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- the sink may have closed the engine.
    this.congested = !this.#closed && (outer || this.#writingRegion || this.#isSocketFull);
    if (this.congested) {
      this.#heldMessages++;
      this.#onCongested();
    }
  }
}
