import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SocketRegionWriter } from '../../../transport/socket.js';
import { messageHeadBytes, writeMessageHead } from '../../../transport/message-head.js';
import { closeTimeout } from '../../../transport/ws-dial.js';
import type { RegionBytes, RegionDone, RegionWriter } from '../../../mux/schedule/region-frame.js';
import { refusalOf, type KernelSender } from '../../kernel/kernel-sender.js';
import { KernelWriter, type FileBody } from '../../kernel/kernel-writer.js';
import { loadMask, maskInPlace, writeKey, type Masking } from './mask.js';

/** Options of a {@link NodeRegionWriter}. */
export interface RegionWriterOptions {
  /** The socket of the `upgrade` event. */
  readonly socket: Duplex;
  readonly masking: Masking;
  /** True where compression was negotiated. */
  readonly compressed: boolean;
  /** False as soon as the WebSocket closes. */
  readonly isOpen: () => boolean;
  /** Loads the binding with which the kernel sends files; a string: why there is none. */
  readonly kernel: () => Promise<KernelSender | string>;
}

/** Why a dialer cannot send from the kernel. */
const masked =
  'A dialer masks its messages, so the kernel cannot send files as they are: let the other side dial, or set zeroMask between servers.';

/**
 * Writes whole WebSocket messages to the stream beneath a WebSocket of `ws`. `ws` writes each of its own messages
 * within one turn of the event loop, so the two do not mix.
 */
export class NodeRegionWriter implements SocketRegionWriter {
  readonly #socket: Duplex;
  readonly #options: RegionWriterOptions;
  #kernel: Promise<string | undefined> | undefined = undefined;
  #kernelWriter: KernelWriter | undefined = undefined;

  constructor(options: RegionWriterOptions) {
    this.#socket = options.socket;
    this.#options = options;
    if (options.masking === 'random') void loadMask();
  }

  /**
   * Resolves with the reason why the kernel cannot send files on this connection; undefined: it can, see `writeFile`.
   */
  kernelRefusal(): Promise<string | undefined> {
    return (this.#kernel ??= this.#openKernel());
  }

  /** Sends one message of `head` and a part of a file. */
  writeFile(head: Uint8Array, body: FileBody, done: RegionDone): void {
    if (!this.#open) {
      done(new Error('The WebSocket is closed.'));
      return;
    }
    const { masking } = this.#options;
    const payload = head.length + body.length;
    const message = new Uint8Array(messageHeadBytes(payload, masking !== 'none') + head.length);
    message.set(head, writeMaskedHead(message, payload, masking));
    this.#kernelWriter!.write(message, body, done);
  }

  writeBytes(head: Uint8Array, { bytes, room }: RegionBytes, done: RegionDone): void {
    const socket = this.#socket;
    const { masking } = this.#options;
    if (!this.#open) {
      done(new Error('The WebSocket is closed.'));
      return;
    }
    const payload = head.length + bytes.length;
    const before = messageHeadBytes(payload, masking !== 'none') + head.length;
    const within = room >= before;
    const message = within
      ? new Uint8Array(bytes.buffer, bytes.byteOffset - before, before + bytes.length)
      : new Uint8Array(before);
    const payloadAt = writeMaskedHead(message, payload, masking);
    message.set(head, payloadAt);
    if (masking === 'random') {
      const key = message.subarray(payloadAt - 4, payloadAt);
      maskInPlace(message.subarray(payloadAt), key);
      if (!within) maskInPlace(bytes, key, head.length);
    }
    const written = (error?: Error | null): void => {
      done(error ?? undefined);
    };
    if (within) {
      socket.write(message, written);
      return;
    }
    socket.cork();
    socket.write(message);
    socket.write(bytes, written);
    socket.uncork();
  }

  whenWhole(then: () => void): void {
    if (this.#kernelWriter === undefined) {
      then();
      return;
    }
    const timer = setTimeout(() => this.#socket.destroy(), closeTimeout);
    this.#socket.once('close', () => {
      clearTimeout(timer);
    });
    this.#kernelWriter.whenWhole(() => {
      clearTimeout(timer);
      then();
    });
  }

  get #open(): boolean {
    return this.#options.isOpen() && !this.#socket.destroyed;
  }

  async #openKernel(): Promise<string | undefined> {
    const { masking, compressed, kernel } = this.#options;
    const socket = this.#socket;
    const refusal = refusalOf(socket);
    if (!(socket instanceof Socket) || refusal !== undefined) return refusal;
    if (masking === 'random') return masked;
    if (compressed) return 'Compression was negotiated.';
    const sender = await kernel();
    if (typeof sender === 'string') return sender;
    this.#kernelWriter = new KernelWriter(socket, sender);
    return undefined;
  }
}

/** Writes the header of a message, with the key of its mask, if any. The result is the offset of the payload. */
function writeMaskedHead(message: Uint8Array, payload: number, masking: Masking): number {
  const at = writeMessageHead(message, 0, payload, masking !== 'none');
  if (masking === 'none') return at;
  if (masking === 'zero') message.fill(0, at, at + 4);
  else writeKey(message, at);
  return at + 4;
}

/** True for a writer of this kind; by its methods, since it may be of another copy of the package. */
export function isNodeRegionWriter(writer: RegionWriter): writer is NodeRegionWriter {
  return 'kernelRefusal' in writer && 'writeFile' in writer;
}
