/**
 * Makes messages of frames, and writes them to the socket.
 *
 *     open ──a message is being written, or the socket holds more than congestedBytes──▶ congested ──refresh──▶ open
 *       └──── a region frame is being written, until it is done ─────────────────────────────▲
 */

import { Batch, type WireMessage } from '../wire/batch.js';
import type { Checksum } from '../wire/checksum.js';
import { maxHeadBytes, writeHead } from '../wire/encode.js';
import type { MuxId } from '../wire/frame.js';
import type { RegionFrame, RegionWriter } from './region-frame.js';
import { RegionFrameSize } from './region-frame-size.js';

/** The way to the socket. */
export interface MessageSink {
  /** Sends one WebSocket message. It may call the engine before it returns. */
  send(message: WireMessage): void;
  /** Bytes that the socket holds and has not given to the network. */
  readonly bufferedBytes: number;
  /** Of all that was sent, the newest so many bytes are still referred to. Undefined where that is not known. */
  readonly heldBytes?: number | undefined;
  /** Writes region frames. */
  readonly regionWriter?: RegionWriter;
  /** A region frame of `length` bytes begins to leave. `head` is the same frame without its payload. */
  passing?(head: Uint8Array, length: number): void;
}

/** Bytes in the socket above which frames wait in the schedule, where they keep their order and can still be taken back. */
export const congestedBytes = 256 << 10;

/** Memory of a message in the socket beside its bytes. */
const heldMessageBytes = 256;

/** See the head of this file. */
export class MessageWriter {
  /** True while frames must wait. */
  congested = false;
  /** Frames for the next message. What is added leaves with {@link flush}, or before, where it is much. */
  readonly batch: Batch;

  readonly #sink: MessageSink;
  readonly #frameSize: RegionFrameSize;
  readonly #onCongested: () => void;
  // Messages that the socket took since it was last not congested.
  #heldMessages = 0;
  #emitting = false;
  #writingRegion = false;
  #closed = false;

  /** `checksum` undefined: messages carry none. `now`: the time in ms. `onCongested`: a message was sent, and the socket is full. */
  constructor(sink: MessageSink, checksum: Checksum | undefined, now: () => number, onCongested: () => void) {
    this.#sink = sink;
    this.#frameSize = new RegionFrameSize(now);
    this.#onCongested = onCongested;
    this.batch = new Batch((message) => this.#emit(message), checksum);
  }

  /** True while the sink is within a message: what is given to it now would have to wait there. */
  get busy(): boolean {
    return this.#emitting || this.#writingRegion;
  }

  /** Memory of what the socket holds. */
  get heldBytes(): number {
    return this.#sink.bufferedBytes + this.#heldMessages * heldMessageBytes;
  }

  /** Writes region frames; undefined where the sink does not. */
  get regionWriter(): RegionWriter | undefined {
    return this.#sink.regionWriter;
  }

  /** Bytes that the next region frame should have at most. */
  get regionFrameBytes(): number {
    return this.#frameSize.bytes;
  }

  /** Looks whether the socket has room again. Not while {@link busy}. */
  refresh(): void {
    this.congested = this.#sink.bufferedBytes > congestedBytes;
    if (!this.congested) this.#heldMessages = 0;
  }

  /** Gives the frames of the batch to the socket. */
  flush(): void {
    this.batch.flush();
  }

  /** Writes a region frame: a message of its own. `onDone` is called when it has left, where that is not at once. */
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
      // After a torn message nothing can follow: it stays as it is until the connection is given up.
      if (error !== undefined || this.#closed) return;
      this.#writingRegion = false;
      this.#frameSize.end();
      if (within) this.refresh();
      else onDone();
    });
    within = false;
  }

  /** Nothing is sent any more. */
  close(): void {
    this.#closed = true;
    this.congested = false;
    this.batch.discard();
  }

  // The result: bytes that are still referred to, see Batch.
  #emit(message: WireMessage): number {
    if (this.#closed) return Infinity;
    const outer = this.#emitting;
    this.#emitting = true;
    // What is sent meanwhile waits, so that nothing overtakes the frame that is being added.
    this.congested = true;
    this.#frameSize.othersSend();
    this.#sink.send(message);
    this.#emitting = outer;
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- the sink may have closed the engine.
    this.congested = !this.#closed && (outer || this.#writingRegion || this.#sink.bufferedBytes > congestedBytes);
    if (this.congested) {
      this.#heldMessages++;
      this.#onCongested();
    }
    return this.#sink.heldBytes ?? Infinity;
  }
}
