import { systemRuntime } from '../runtime.js';
import type { WireMessage } from '../wire/batch.js';
import { drainedBytes, PlatformSocket, type PlatformWebSocket } from './platform-socket.js';

/** A browser emits no event when it has sent: its buffer is checked again after this time, in ms. */
const pollInterval = 4;

/** A socket over the WebSocket of a browser, or of another platform with the same interface. */
export class BrowserSocket extends PlatformSocket {
  readonly readPath = 'ws';
  readonly #socket: PlatformWebSocket;
  #polling = false;

  constructor(socket: PlatformWebSocket, maxMessageBytes: number | undefined) {
    super(socket, maxMessageBytes);
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }: { readonly data: unknown }) => {
      if (!(data instanceof ArrayBuffer) || this.closed) return;
      if (data.byteLength <= this.maxMessageBytes) {
        this.receive(new Uint8Array(data));
        return;
      }
      // The platform has no bound of its own: the message is dropped, and nothing more is accepted.
      this.end(this.tooLargeError());
      socket.close();
    };
  }

  protected write(message: WireMessage): void {
    // A browser cannot send fragments: a Blob joins them without a copy in the page.
    const data = message instanceof Uint8Array ? message : new Blob([...message] as Uint8Array<ArrayBuffer>[]);
    this.#socket.send(data as never);
    if (this.#socket.bufferedAmount > drainedBytes) this.#poll();
  }

  protected destroy(): void {
    this.#socket.close();
  }

  #poll(): void {
    if (this.#polling) return;
    this.#polling = true;
    // The platform's own timers, whatever runtime the connection has: the buffer of a real socket drains in real time.
    systemRuntime.schedule(() => {
      this.#polling = false;
      if (this.closed) return;
      if (this.#socket.bufferedAmount > drainedBytes) this.#poll();
      else this.emitDrained();
    }, pollInterval);
  }
}
