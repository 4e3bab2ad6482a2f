import type { Socket } from 'node:net';
import { minRegionFrameBytes, receivePipeBytes } from '../../bounds.js';
import { ProtocolError } from '../../errors.js';
import type { FrameKey, PayloadSource, PipeReceiver } from '../../piped.js';
import type { FrameReader } from '../../transport/frame-reader.js';
import { decodeFrame } from '../../wire/decode.js';
import { emptyPayload, FrameView } from '../../wire/frame.js';
import { descriptorOf } from '../kernel/kernel-sender.js';
import { pipePool } from '../kernel/pipe-pool.js';
import { SplicedPayload } from '../kernel/spliced-payload.js';

/** Bytes that the head of a frame, and the prefix of its payload, do not exceed. */
const maxHeadBytes = 64;
/** Larger messages, which no sender of files of this library sends, go to memory. */
const maxPipedBytes = receivePipeBytes + maxHeadBytes;

const view = new FrameView();

/**
 * Moves payloads from one socket to pipes: the mirror image of the sender's `KernelWriter`. JavaScript reads the head
 * of the message; then bytes are spliced until the socket has no more, and libuv waits for the next ones by reading a
 * few.
 *
 *     libuv reads ──▶ frame reader ──payload for a pipe──▶ splice ──the message is whole──▶ libuv reads
 *        ▲                                                   │
 *        └──── the socket is empty, or the pipe is full ─────┘
 */
export class SocketSplicer implements PayloadSource {
  readonly #socket: Socket;
  readonly #receivers = new Map<string, PipeReceiver>();
  readonly #head = new Uint8Array(maxHeadBytes);
  // The payload that was begun last: the only one that may be filling.
  #payload: SplicedPayload | undefined = undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  pipe(frame: FrameKey, receiver: PipeReceiver): void {
    const key = keyOf(frame);
    if (this.#receivers.get(key) === receiver) return;
    this.#receivers.set(key, receiver);
    receiver.onClosed(() => {
      if (this.#receivers.get(key) === receiver) this.#receivers.delete(key);
    });
  }

  /** Decides by those bytes of a message that have arrived whether its payload goes to a pipe. */
  readonly begin = (start: Uint8Array, size: number): SplicedPayload | undefined => {
    const pool = pipePool();
    if (pool === undefined || this.#receivers.size === 0 || size > maxPipedBytes) return undefined;
    if (size - start.length < minRegionFrameBytes) return undefined;
    // Bytes that have not come are zero, and no frame ends with these.
    const head = this.#head.fill(0);
    head.set(start.subarray(0, maxHeadBytes));
    const found = this.#find(size);
    if (found === undefined || found.payloadAt >= start.length) return undefined;
    const pipe = pool.take();
    if (pipe === undefined) return undefined;
    const memory = pool.takeBlank(size);
    this.#payload = new SplicedPayload(memory, head.subarray(0, found.payloadAt), found.receiver, pool, pipe);
    return this.#payload;
  };

  /** Moves what the socket has of the payload that is being read. Returns how many bytes that were. */
  move(reader: FrameReader): number {
    const most = reader.pipingBytes;
    if (most === 0 || this.#socket.isPaused()) return 0;
    const payload = this.#payload!;
    const socket = descriptorOf(this.#socket);
    let moved = 0;
    while (moved < most && socket >= 0) {
      const result = payload.receive(socket, most - moved);
      if (result > 0) moved += result;
      else {
        // libuv finds the end of the stream, too. A full pipe is found by the next bytes, which it does not take. After
        // another error, as where a sandbox forbids the call, all payloads go to memory.
        if (result < 0 && !pipePool()!.calls.isTemporary(result))
          for (const all of this.#receivers.values()) all.close();
        break;
      }
    }
    if (moved > 0) reader.moved(moved);
    return moved;
  }

  // Reads the head of a frame which is a message of `size` bytes.
  #find(size: number): { readonly receiver: PipeReceiver; readonly payloadAt: number } | undefined {
    const head = this.#head;
    try {
      decodeFrame(head, 0, size, view, undefined);
      const { payload, extra, flags } = view;
      const receiver = this.#receivers.get(keyOf(view));
      // With neither extra bytes nor flags, the payload reaches to the end of the message.
      if (receiver?.open !== true || extra !== undefined || flags !== 0) return undefined;
      const { prefix } = receiver;
      if (!prefix.every((byte, index) => payload[index] === byte)) return undefined;
      return { receiver, payloadAt: payload.byteOffset };
    } catch (error) {
      // The engine finds the same fault.
      if (error instanceof ProtocolError) return undefined;
      throw error;
    } finally {
      view.payload = emptyPayload;
      view.subroute = undefined;
      view.extra = undefined;
    }
  }
}

function keyOf({ op, muxId }: FrameKey): string {
  return `${String(op)}/${String(muxId)}`;
}
