/**
 * The calls that wait for one connection, bounded in number and bytes.
 *
 *     add ──▶ waiting ──link opens──▶ started
 *                └── its waiting time or deadline passes, fail, cancel ──▶ removed
 */

import { maxTimerMs } from '../check.js';
import { completeError, DeadlineExceededError, LimitError, withoutStack, type GridError } from '../errors.js';
import type { Limits } from '../limits.js';
import type { Engine } from '../mux/engine.js';
import type { Runtime } from '../runtime.js';

/** A call that waits for the connection. */
export interface WaitingCall {
  /** Names the route in error messages. */
  readonly route: string;
  /** Bytes of its payload. */
  readonly bytes: number;
  /** Deadline on the monotonic clock, in ms; Infinity for none. */
  readonly deadline: number;
  /**
   * False: never wait. True: wait without limit. A number: wait at most so many ms. Undefined: depends on the state.
   */
  readonly wait: boolean | number | undefined;
  start(engine: Engine): void;
  fail(error: GridError): void;
}

interface Entry {
  readonly call: WaitingCall;
  cancelTimer: (() => void) | undefined;
}

/** The calls that wait for one connection: started when a link opens, failed when their time is over. */
export class WaitingCalls {
  readonly #host: string;
  readonly #runtime: Runtime;
  readonly #limits: Limits;
  readonly #disconnected: () => GridError;
  readonly #entries = new Set<Entry>();
  #bytes = 0;

  /**
   * `disconnected` creates the error of a call that has waited long enough; its message says why there is no
   * connection.
   */
  constructor(host: string, runtime: Runtime, limits: Limits, disconnected: () => GridError) {
    this.#host = host;
    this.#runtime = runtime;
    this.#limits = limits;
    this.#disconnected = disconnected;
  }

  /** Bytes of payload that the waiting calls hold. */
  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Makes a call wait for `wait` ms, or without limit. A call beyond the bounds fails, on a macrotask. Returns a
   * function that cancels the waiting.
   */
  add(call: WaitingCall, wait: boolean | number): () => void {
    const refusal = this.#refusal(call);
    if (refusal !== undefined) {
      return this.#runtime.schedule(() => {
        call.fail(refusal);
      }, 0);
    }
    const entry: Entry = { call, cancelTimer: undefined };
    this.#entries.add(entry);
    this.#bytes += call.bytes;
    this.#arm(entry, typeof wait === 'number' ? this.#runtime.now() + wait : Infinity);
    return () => {
      this.#remove(entry);
    };
  }

  /** Removes the calls one by one and passes them to `start`, as long as `mayContinue` returns true. */
  startAll(start: (call: WaitingCall) => void, mayContinue: () => boolean): void {
    // A starting call may cancel another one, or end the link: the remaining calls then continue to wait.
    for (const entry of [...this.#entries]) {
      if (!mayContinue()) break;
      if (!this.#remove(entry)) continue;
      this.#runtime.sometimes?.('a call that waited was made');
      start(entry.call);
    }
  }

  /** Fails, on a macrotask, the calls for which `which` returns true, each with an error of its own. */
  fail(makeError: () => GridError, which: (call: WaitingCall) => boolean): void {
    for (const entry of [...this.#entries]) {
      if (!which(entry.call)) continue;
      this.#remove(entry);
      const error = withoutStack(makeError);
      this.#runtime.schedule(() => {
        entry.call.fail(error);
      }, 0);
    }
  }

  #refusal(call: WaitingCall): LimitError | undefined {
    const { maxWaitingCalls, maxWaitingBytes } = this.#limits;
    const { route, bytes } = call;
    if (this.size >= maxWaitingCalls) {
      return this.#refused(
        call,
        `${route}: ${maxWaitingCalls} calls wait for a connection to ${this.#host}. Call later, or raise maxWaitingCalls.`,
        'maxWaitingCalls',
      );
    }
    if (this.size > 0 && this.#bytes + bytes > maxWaitingBytes) {
      return this.#refused(
        call,
        `${route}: the calls that wait for a connection to ${this.#host} hold ${this.#bytes} bytes, and with these ${bytes} they would hold more than maxWaitingBytes, ${maxWaitingBytes}. Call later, or raise it.`,
        'maxWaitingBytes',
      );
    }
    return undefined;
  }

  #refused({ route }: WaitingCall, text: string, limit: string): LimitError {
    this.#runtime.sometimes?.('too many calls waited for a connection');
    return completeError(new LimitError(text, limit), { host: this.#host, route, sent: false });
  }

  #arm(entry: Entry, waitUntil: number): void {
    const { call } = entry;
    const until = Math.min(waitUntil, call.deadline);
    if (until === Infinity) return;
    const left = until - this.#runtime.now();
    entry.cancelTimer = this.#runtime.schedule(
      () => {
        // A wait that is longer than the longest timer takes several timers.
        if (left > maxTimerMs) {
          this.#arm(entry, waitUntil);
          return;
        }
        this.#remove(entry);
        call.fail(call.deadline <= waitUntil ? this.#deadlinePassed(call) : this.#disconnected());
      },
      Math.min(Math.max(0, left), maxTimerMs),
    );
  }

  #deadlinePassed({ route }: WaitingCall): DeadlineExceededError {
    const { cause } = this.#disconnected();
    const reason = cause instanceof Error ? ` (${cause.message.replace(/\.$/, '')})` : '';
    return new DeadlineExceededError(
      `The deadline of ${route} passed while there was no connection to ${this.#host}${reason}.`,
      { sent: false, cause },
    );
  }

  #remove(entry: Entry): boolean {
    if (!this.#entries.delete(entry)) return false;
    this.#bytes -= entry.call.bytes;
    entry.cancelTimer?.();
    return true;
  }
}
