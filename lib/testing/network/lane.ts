/**
 * One direction of one WebSocket in memory: what is sent takes its turn on the line, then travels, and arrives in
 * order.
 *
 *     send ──▶ waiting ──bandwidth──▶ in the air ──latency, jitter──▶ arrives
 *                 └── bufferedBytes      └── neither moves while the lane is stalled
 */

import { whole, type Rule } from '../../check.js';
import type { Runtime } from '../../runtime.js';
import type { SeededRandom } from '../seeded-random.js';

/** How a line behaves. All of it holds for each direction by itself. */
export interface LineOptions {
  /** Time that a message travels, in whole ms. Default 1. */
  readonly latency?: number;
  /** Upper bound of a random time that is added to the latency, in ms. Messages keep their order. Default 0. */
  readonly jitter?: number;
  /** Bytes per second. Default: no bound. */
  readonly bandwidth?: number;
}

/** What the options of a line may be. */
export const lineOptionRules: Readonly<Record<keyof LineOptions, Rule>> = {
  latency: whole(0, 0x7fff_ffff, 'ms'),
  jitter: whole(0, 0x7fff_ffff, 'ms'),
  bandwidth: {
    expected: 'a number of bytes per second above 0',
    accepts: (value) => typeof value === 'number' && value > 0,
  },
};

/**
 * What travels: a message, or the end of the socket. `error`: what the other end makes of the code and reason of the
 * close.
 */
export type Cargo =
  | { readonly kind: 'message'; readonly bytes: Uint8Array }
  | { readonly kind: 'close'; readonly error?: Error | undefined }
  | { readonly kind: 'reset'; readonly reason: string };

/** Is notified of what happens on a lane. */
export interface LaneSink {
  arrived(cargo: Cargo): void;
  /** Less waits than before. */
  sent(bufferedBytes: number): void;
}

interface Item {
  readonly cargo: Cargo;
  readonly extraDelay: number;
  /** When it was sent: the line is not busy with it before. */
  readonly sentAt: number;
}

/** Of a sum of fractions of a ms, in ms. */
const rounding = 1e-6;

/** One direction of one WebSocket in memory, with bandwidth and latency. */
export class Lane {
  /** Bytes that were sent and are not on their way. */
  bufferedBytes = 0;

  readonly #runtime: Runtime;
  readonly #random: SeededRandom;
  readonly #line: LineOptions;
  readonly #sink: LaneSink;
  #waiting: Item[] = [];
  #air: { readonly cargo: Cargo; readonly at: number }[] = [];
  // When the line has sent what is on it; with a fraction of a ms.
  #freeAt = 0;
  #stalled = false;
  #limit = Infinity;
  #dead = false;
  #swapped: Item | undefined = undefined;
  #cancelSend: (() => void) | undefined = undefined;
  #cancelArrival: (() => void) | undefined = undefined;

  constructor(runtime: Runtime, random: SeededRandom, line: LineOptions, sink: LaneSink) {
    this.#runtime = runtime;
    this.#random = random;
    this.#line = line;
    this.#sink = sink;
  }

  /** Sends. `extraDelay` is added to the latency; what follows waits behind it, as in TCP. */
  send(cargo: Cargo, extraDelay = 0): void {
    if (this.#dead) return;
    this.#take({ cargo, extraDelay, sentAt: this.#runtime.now() });
    const swapped = this.#swapped;
    this.#swapped = undefined;
    if (swapped !== undefined) this.#take(swapped);
  }

  /** Sends behind the message that is sent next, or after `patience` ms where none is. */
  sendBehindNext(cargo: Cargo, patience: number): void {
    if (this.#dead) return;
    if (this.#swapped !== undefined) this.#take(this.#swapped);
    const item = { cargo, extraDelay: 0, sentAt: this.#runtime.now() };
    this.#swapped = item;
    this.#runtime.schedule(() => {
      if (this.#swapped !== item) return;
      this.#swapped = undefined;
      this.#take(item);
    }, patience);
  }

  /** While stalled, nothing moves, and nothing is lost. */
  set stalled(stalled: boolean) {
    if (stalled === this.#stalled) return;
    this.#stalled = stalled;
    this.#cancelSend?.();
    this.#cancelArrival?.();
    this.#cancelSend = undefined;
    this.#cancelArrival = undefined;
    if (stalled) return;
    this.#freeAt = Math.max(this.#freeAt, this.#runtime.now());
    const waited = this.bufferedBytes;
    this.#transmit();
    this.#armArrival();
    if (this.bufferedBytes < waited) this.#sink.sent(this.bufferedBytes);
  }

  /** Bytes per second that the lane carries at most, beside the bandwidth of the line. */
  set limit(bytesPerSecond: number) {
    if (bytesPerSecond === this.#limit || this.#dead) return;
    this.#limit = bytesPerSecond;
    this.#cancelSend?.();
    this.#cancelSend = undefined;
    const waited = this.bufferedBytes;
    this.#transmit();
    if (this.bufferedBytes < waited) this.#sink.sent(this.bufferedBytes);
  }

  /** From now on everything is lost, also what is on its way, and neither end is notified. */
  kill(): void {
    this.#dead = true;
    this.#waiting = [];
    this.#air = [];
    this.#swapped = undefined;
    this.bufferedBytes = 0;
    this.#cancelSend?.();
    this.#cancelArrival?.();
  }

  #take(item: Item): void {
    this.#waiting.push(item);
    this.bufferedBytes += sizeOf(item.cargo);
    this.#transmit();
  }

  #transmit(): void {
    if (this.#stalled || this.#cancelSend !== undefined) return;
    const now = this.#runtime.now();
    const bandwidth = Math.min(this.#line.bandwidth ?? Infinity, this.#limit);
    while (this.#waiting.length > 0) {
      const item = this.#waiting[0]!;
      const doneAt = Math.max(this.#freeAt, item.sentAt) + (sizeOf(item.cargo) * 1_000) / bandwidth;
      // Many small sums of fractions must not end up a whole ms late.
      const wait = Math.ceil(doneAt - now - rounding);
      if (wait > 0) {
        this.#cancelSend = this.#runtime.schedule(() => {
          this.#cancelSend = undefined;
          this.#transmit();
          this.#sink.sent(this.bufferedBytes);
        }, wait);
        return;
      }
      this.#depart(doneAt);
    }
  }

  #depart(doneAt: number): void {
    const { cargo, extraDelay } = this.#waiting.shift()!;
    this.#freeAt = doneAt;
    this.bufferedBytes -= sizeOf(cargo);
    const { latency = 1, jitter = 0 } = this.#line;
    const late = jitter === 0 ? 0 : this.#random.below(jitter + 1);
    const at = this.#runtime.now() + latency + late + extraDelay;
    this.#air.push({ cargo, at });
    if (this.#air.length === 1) this.#armArrival();
  }

  // The first one in the air holds up those behind it. One message a task, as a socket emits them: the promises of one
  // run before the next.
  #armArrival(): void {
    if (this.#cancelArrival !== undefined || this.#air.length === 0) return;
    const delay = Math.max(0, this.#air[0]!.at - this.#runtime.now());
    this.#cancelArrival = this.#runtime.schedule(() => {
      this.#cancelArrival = undefined;
      const { cargo } = this.#air.shift()!;
      this.#armArrival();
      this.#sink.arrived(cargo);
    }, delay);
  }
}

function sizeOf(cargo: Cargo): number {
  return cargo.kind === 'message' ? cargo.bytes.length : 0;
}
