import type { Duplex } from 'node:stream';
import type { SocketBulk } from '../../connection/socket.js';
import type { BulkBytes, BulkDone } from '../../mux/bulk.js';
import { loadMask, maskInPlace, type Masking } from './mask.js';
import { messageHeadBytes, writeMessageHead } from './message-head.js';

/**
 * Writes whole WebSocket messages to the stream beneath a WebSocket of `ws`, each with one write. `ws` writes its own
 * messages whole, in one turn, and so they do not mix.
 */
export class NodeBulkWriter implements SocketBulk {
  readonly socket: Duplex;
  readonly masking: Masking;
  readonly #isOpen: () => boolean;

  /** `socket`: of the `upgrade` event. `isOpen`: false as soon as the WebSocket closes. */
  constructor(socket: Duplex, masking: Masking, isOpen: () => boolean) {
    this.socket = socket;
    this.masking = masking;
    this.#isOpen = isOpen;
    if (masking === 'random') void loadMask();
  }

  get open(): boolean {
    return this.#isOpen() && !this.socket.destroyed;
  }

  writeBytes(head: Uint8Array, { bytes, room }: BulkBytes, done: BulkDone): void {
    const { socket, masking } = this;
    if (!this.open) {
      done(new Error('The WebSocket is closed.'));
      return;
    }
    const payload = head.length + bytes.length;
    const before = messageHeadBytes(payload, masking) + head.length;
    const within = room >= before;
    const message = within
      ? new Uint8Array(bytes.buffer, bytes.byteOffset - before, before + bytes.length)
      : new Uint8Array(before);
    const payloadAt = writeMessageHead(message, 0, payload, masking);
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
    then();
  }
}
