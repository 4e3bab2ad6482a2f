/**
 * A socket that is read at a limited rate. What was read ahead of the rate is emitted; then the socket is paused until
 * the time for it has passed, so that TCP slows the other side down, and nothing is kept here.
 */

import { tap, type Observable, type Observer } from 'rxjs';
import type { ClosedCode } from '../rejection.js';
import type { Runtime } from '../runtime.js';
import type { WireMessage } from '../wire/batch.js';
import type { Slabs } from '../wire/slabs.js';
import type { Socket, SocketRegionWriter } from './socket.js';

/** Longest pause in ms, whatever was read ahead: the pings of the connection must be read in time. */
const longestPause = 1_000;

/** A {@link Socket} that is read no faster than a limit. */
export class ThrottledSocket implements Socket {
  readonly inbound: Observable<Uint8Array>;
  readonly outbound: Observer<WireMessage>;
  readonly drained: Observable<void>;
  readonly regionWriter?: SocketRegionWriter;
  readonly readPath?: 'buffer' | 'ws';
  readonly #socket: Socket;
  readonly #runtime: Runtime;
  readonly #bytesPerSecond: number;
  // When the bytes that were read would have been read at the rate, on the monotonic clock.
  #paidUntil: number;
  #pausedHere = false;
  #pausedByUser = false;
  #cancel: (() => void) | undefined = undefined;

  constructor(socket: Socket, bytesPerSecond: number, runtime: Runtime) {
    this.#socket = socket;
    this.#runtime = runtime;
    this.#bytesPerSecond = bytesPerSecond;
    this.#paidUntil = runtime.now();
    const stop = (): void => {
      this.#cancel?.();
      this.#cancel = undefined;
    };
    this.inbound = socket.inbound.pipe(
      tap({
        next: (message) => {
          this.#count(message.length);
        },
        finalize: stop,
      }),
    );
    this.outbound = socket.outbound;
    this.drained = socket.drained;
    if (socket.regionWriter !== undefined) this.regionWriter = socket.regionWriter;
    if (socket.readPath !== undefined) this.readPath = socket.readPath;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes;
  }

  get readBytes(): number | undefined {
    return this.#socket.readBytes;
  }

  get slabs(): Slabs | undefined {
    return this.#socket.slabs;
  }

  close(code: ClosedCode, reason: string): void {
    if (this.#socket.close === undefined) this.outbound.complete();
    else this.#socket.close(code, reason);
  }

  limitMessages(maxMessageBytes: number, limit?: string): void {
    this.#socket.limitMessages?.(maxMessageBytes, limit);
  }

  pause(): void {
    this.#pausedByUser = true;
    this.#socket.pause?.();
  }

  resume(): void {
    this.#pausedByUser = false;
    if (!this.#pausedHere) this.#socket.resume?.();
  }

  #count(bytes: number): void {
    const now = this.#runtime.now();
    this.#paidUntil = Math.max(this.#paidUntil, now - 1_000) + (bytes * 1_000) / this.#bytesPerSecond;
    if (this.#paidUntil <= now || this.#pausedHere) return;
    this.#pausedHere = true;
    this.#socket.pause?.();
    this.#resumeLater();
  }

  #resumeLater(): void {
    const left = this.#paidUntil - this.#runtime.now();
    this.#cancel = this.#runtime.schedule(
      () => {
        this.#cancel = undefined;
        this.#pausedHere = false;
        if (!this.#pausedByUser) this.#socket.resume?.();
      },
      Math.min(longestPause, Math.max(1, left)),
    );
  }
}
