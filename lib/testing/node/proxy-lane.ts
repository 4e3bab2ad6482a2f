/**
 * One direction of a connection through the proxy: pieces of bytes, in order, each with the faults that strike it.
 *
 *     source ──▶ waiting ──faults, delay, limit──▶ target
 *                   └── the source is paused while much waits; nothing leaves while the line is stalled
 */

import type { Socket } from 'node:net';
import { systemRuntime } from '../../runtime.js';
import type { MessageInFlight } from '../network/message-fault.js';

/** The source is not read while so many bytes wait. */
const maxWaitingBytes = 1 << 20;

/** Options of a {@link ProxyLane}. */
export interface ProxyLaneOptions {
  readonly source: Socket;
  readonly target: Socket;
  /** Applies the faults to a piece that is sent. */
  sent(bytes: Uint8Array): MessageInFlight;
  /** Bytes per second that the line carries now; Infinity for no bound. */
  limit(): number;
  /** The source has ended, and everything of it was sent. */
  ended(): void;
}

/** One direction of a connection through the proxy, with the faults that strike it. */
export class ProxyLane {
  readonly #options: ProxyLaneOptions;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #stalled = false;
  #silent = false;
  #busy = false;
  #sourceEnded = false;

  constructor(options: ProxyLaneOptions) {
    this.#options = options;
    const { source } = options;
    source.on('data', (chunk: Uint8Array) => {
      if (this.#silent) return;
      this.#waiting.push(chunk);
      this.#waitingBytes += chunk.length;
      if (this.#waitingBytes >= maxWaitingBytes) source.pause();
      void this.#send();
    });
    source.on('close', () => {
      this.#sourceEnded = true;
      void this.#send();
    });
    // The close that follows an error says enough.
    source.on('error', () => undefined);
  }

  set stalled(stalled: boolean) {
    this.#stalled = stalled;
    void this.#send();
  }

  /** From now on everything is lost, also what waits, and the end of the source. */
  silence(): void {
    this.#silent = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#options.source.resume();
  }

  async #send(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    while (this.#waiting.length > 0 && !this.#stalled && !this.#silent) {
      const bytes = this.#waiting.shift()!;
      this.#waitingBytes -= bytes.length;
      if (this.#waitingBytes < maxWaitingBytes) this.#options.source.resume();
      await this.#pass(this.#options.sent(bytes));
    }
    this.#busy = false;
    if (this.#sourceEnded && this.#waiting.length === 0 && !this.#silent && !this.#stalled) this.#options.ended();
  }

  async #pass({ bytes, extraDelay, pieces }: MessageInFlight): Promise<void> {
    if (extraDelay > 0) await realTime(extraDelay);
    const size = pieces?.bytes ?? bytes.length;
    for (let start = 0; start < bytes.length; start += size) {
      if (start > 0 && pieces !== undefined) await realTime(pieces.gap);
      const piece = bytes.subarray(start, start + size);
      const limit = this.#options.limit();
      if (limit !== Infinity) await realTime((piece.length * 1_000) / limit);
      if (!this.#silent) await this.#write(piece);
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const { target } = this.#options;
    if (target.destroyed || target.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        target.off('drain', done);
        target.off('close', done);
        resolve();
      };
      target.on('drain', done);
      target.on('close', done);
    });
  }
}

function realTime(ms: number): Promise<void> {
  return new Promise((resolve) => {
    systemRuntime.schedule(resolve, ms);
  });
}
