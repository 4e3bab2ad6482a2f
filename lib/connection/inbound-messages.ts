/**
 * The received messages of a link, in order, and never within a send. A socket in memory may have the answer before
 * `outbound.next` returns, when the engine is in the middle of something: whoever opens a stream has not got it yet,
 * and could neither return the credit of its first item nor cancel it.
 *
 *     arrives ──▶ taken
 *        └── within a send, or behind such a message ──▶ waiting ──end of the turn──▶ taken
 */

import type { Observer } from 'rxjs';
import { toError } from '../errors.js';
import { reportUnhandled } from '../flow/unhandled.js';
import { guarded } from '../guard.js';
import { keep } from '../lent.js';
import type { Runtime } from '../runtime.js';

/** What takes the messages. */
export interface MessageTaker {
  message(message: Uint8Array): void;
  /** The socket has closed, or broke. */
  ended(error: Error): void;
}

/** Passes received messages to the engine in order, and never while it sends. */
export class InboundMessages implements Observer<Uint8Array> {
  readonly #runtime: Runtime;
  readonly #taker: MessageTaker;
  // A send may cause another one.
  #sends = 0;
  #waiting: (() => void)[] = [];

  constructor(runtime: Runtime, taker: MessageTaker) {
    this.#runtime = runtime;
    this.#taker = taker;
  }

  next(message: Uint8Array): void {
    if (this.#sends === 0 && this.#waiting.length === 0) {
      this.#taker.message(message);
      return;
    }
    const kept = keep(message);
    this.#wait(() => {
      this.#taker.message(kept);
    });
  }

  error(error: unknown): void {
    this.#end(toError(error));
  }

  complete(): void {
    this.#end(new Error('The other side closed the connection.'));
  }

  /** A message is being handed to the socket, until {@link endSend}. */
  beginSend(): void {
    this.#sends++;
  }

  /** See {@link beginSend}. */
  endSend(): void {
    this.#sends--;
  }

  /** Drops what waits. */
  stop(): void {
    this.#waiting = [];
  }

  #end(error: Error): void {
    const end = (): void => {
      this.#taker.ended(error);
    };
    // Even within a send: what is sent from now on is lost.
    if (this.#waiting.length === 0) end();
    else this.#wait(end);
  }

  #wait(take: () => void): void {
    this.#waiting.push(take);
    if (this.#waiting.length === 1) this.#runtime.defer(this.#takeAll);
  }

  readonly #takeAll = (): void => {
    // What arrives meanwhile goes behind those that wait: the one that is taken is the first of them until then.
    while (this.#waiting.length > 0) {
      guarded(reportUnhandled, this.#waiting[0]!);
      this.#waiting.shift();
    }
  };
}
