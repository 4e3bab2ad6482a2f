/**
 * A {@link Socket} over a WebSocket: the part that Node and browsers share.
 *
 *     open ──close event, error event, message too large──▶ closed (inbound completes, or fails)
 *       └── outbound.complete: close frame · outbound.error: destroyed at once
 */

import { Subject, type Observable, type Observer } from 'rxjs';
import { LimitError } from '../errors.js';
import type { ClosedCode } from '../rejection.js';
import type { WireMessage } from '../wire/batch.js';
import { Slabs } from '../wire/slabs.js';
import { closeCodeOf, closeError, closeReason, errorOf, isTooLarge, normalClosure } from './close-codes.js';
import type { Socket } from './socket.js';

/** The part of the platform's WebSocket that is used here. */
export interface PlatformWebSocket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  send(data: never): void;
  close(code?: number, reason?: string): void;
}

/** Below this number of buffered bytes, `drained` emits. */
export const drainedBytes = 64 << 10;

const openState = 1;

/** The part of a {@link Socket} over a WebSocket that Node and browsers share. */
export abstract class PlatformSocket implements Socket {
  readonly inbound: Observable<Uint8Array>;
  readonly outbound: Observer<WireMessage>;
  readonly drained: Observable<void>;

  /** The bound of received messages, and the option that holds it. */
  protected maxMessageBytes: number;
  protected limit = 'maxMessageBytes';
  protected closed = false;
  readonly #inbound = new Subject<Uint8Array>();
  readonly #drained = new Subject<void>();
  readonly #socket: PlatformWebSocket;
  // A message that comes after the end is dropped and never leaves: nothing is reused from then on.
  readonly #slabs = new Slabs(() => (this.#open ? this.bufferedBytes : Infinity));
  // Set before `ws` reports a failure without a reason.
  #reason: Error | undefined = undefined;

  constructor(socket: PlatformWebSocket, maxMessageBytes = Infinity) {
    this.#socket = socket;
    this.maxMessageBytes = maxMessageBytes;
    this.inbound = this.#inbound.asObservable();
    this.drained = this.#drained.asObservable();
    this.outbound = {
      next: (message) => {
        if (this.#open) this.write(message);
      },
      error: () => {
        this.destroy();
      },
      complete: () => {
        this.closePolitely(() => {
          socket.close(normalClosure);
        });
      },
    };
    socket.onerror = (event: unknown) => {
      this.end(this.#reason ?? (isTooLarge(event) ? this.tooLargeError() : errorOf(event)));
    };
    socket.onclose = (event: { readonly code: number; readonly reason?: string }) => {
      this.end(closeError(event.code, event.reason));
    };
  }

  close(code: ClosedCode, reason: string): void {
    this.closePolitely(() => {
      this.#socket.close(closeCodeOf(code), closeReason(reason));
    });
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  get slabs(): Slabs {
    return this.#slabs;
  }

  limitMessages(maxMessageBytes: number, limit = 'maxMessageBytes'): void {
    this.maxMessageBytes = maxMessageBytes;
    this.limit = limit;
  }

  get #open(): boolean {
    return !this.closed && this.#socket.readyState === openState;
  }

  /** Sends one message. */
  protected abstract write(message: WireMessage): void;
  /** Closes the socket at once, without a close frame where the platform can do that. */
  protected abstract destroy(): void;

  /** Calls `close` once no message is half written. */
  protected closePolitely(close: () => void): void {
    close();
  }

  protected receive(message: Uint8Array): void {
    if (!this.closed) this.#inbound.next(message);
  }

  /** The socket has room again. */
  protected emitDrained(): void {
    if (!this.closed) this.#drained.next();
  }

  /** `ws` is about to close the connection because of a message that is too large. */
  protected expectTooLarge(): void {
    this.#reason = this.tooLargeError();
  }

  protected tooLargeError(): LimitError {
    return new LimitError(
      `The other side sent a message of more than ${String(this.maxMessageBytes)} bytes: raise ${this.limit} here, or send less at once there.`,
      this.limit,
    );
  }

  /** The socket has closed; an error where it broke. */
  protected end(error: Error | undefined): void {
    if (this.closed) return;
    this.closed = true;
    if (error === undefined) this.#inbound.complete();
    else this.#inbound.error(error);
  }
}
