import { ConfigurationError } from '../../errors.js';
import type { Socket } from '../../transport/socket.js';
import type { Runtime } from '../../runtime.js';
import type { Frame } from '../../wire/frame.js';
import { nearestOf } from '../name-check.js';
import { Circuit } from './circuit.js';
import type { FaultCable, FaultTarget } from './fault-target.js';
import { messageOf } from '../frames/frame-builders.js';
import type { LineOptions } from './lane.js';
import { MessageFaults, MessageInFlight, type MessageFault } from './message-fault.js';
import type { SeededRandom } from '../seeded-random.js';
import { WireLog, type Fate } from '../frames/wire-log.js';
import type { WatchedCircuit, WireWatcher } from '../frames/wire-watcher.js';

/** Options of a {@link Cable}. */
export interface CableOptions {
  /** Short names of its ends. */
  readonly ends: readonly [string, string];
  readonly runtime: Runtime;
  readonly random: SeededRandom;
  readonly line: LineOptions;
  /** Entries of the log that are kept; 0 for none. */
  readonly history: number;
  /** Faults of the whole network. */
  readonly faults?: MessageFaults;
  /** Watchers of the whole network. */
  readonly watchers?: ReadonlySet<WireWatcher>;
}

const nobody: ReadonlySet<WireWatcher> = new Set();

/** The line between two hosts. WebSockets come and go on it; its log and its faults stay. */
export class Cable implements FaultTarget, FaultCable {
  readonly ends: readonly [string, string];
  /** The messages and events on it. */
  readonly log: WireLog;
  readonly cables: readonly Cable[] = [this];

  readonly #options: CableOptions;
  readonly #faults = new MessageFaults();
  readonly #stalls = new Map<string, number>();
  readonly #limits = new Map<string, number[]>();
  #circuits: Circuit[] = [];
  #partitions = 0;

  /** @internal Made by its network, or its link. */
  constructor(options: CableOptions) {
    this.ends = options.ends;
    this.log = new WireLog(options.history);
    this.#options = options;
  }

  /** False while a partition separates the ends: no dial succeeds. */
  get reachable(): boolean {
    return this.#partitions === 0;
  }

  /** True while a WebSocket is open on it. */
  get open(): boolean {
    return this.#circuits.some(({ open }) => open);
  }

  /** Opens a WebSocket; the first socket is that of `opener`. */
  connect(opener = this.ends[0]): readonly [Socket, Socket] {
    const other = this.#otherThan(opener);
    const { runtime, random, line, history, watchers = nobody } = this.#options;
    const watched: WatchedCircuit = { ends: [opener, other] };
    const circuit: Circuit = new Circuit({
      ends: watched.ends,
      runtime,
      random,
      line,
      logged: history > 0,
      sets: (from, to, bytes, lost) => {
        const message = this.#setOut(from, to, bytes, lost);
        for (const watcher of watchers) watcher.sent(watched, from, bytes, lost ? ['lost'] : message.fates);
        return message;
      },
      arrives: (to, bytes) => {
        for (const watcher of watchers) watcher.arrived(watched, to, bytes);
      },
      endClosed: (end) => {
        for (const watcher of watchers) watcher.closed(watched, end);
      },
      full: (end, isFull) => {
        for (const watcher of watchers) watcher.full?.(watched, end, isFull);
      },
      ended: (what, text) => {
        this.#note(what, text);
      },
    });
    for (const watcher of watchers) watcher.opened(watched);
    this.#circuits = [...this.#circuits.filter(({ open }) => open), circuit];
    for (const [end, count] of this.#stalls) circuit.stall(end, count > 0);
    for (const end of this.#limits.keys()) circuit.limit(end, this.#limitOf(end));
    this.#note('opened', `opened by ${opener}`);
    return circuit.sockets;
  }

  interfere(fault: MessageFault): () => void {
    return this.#faults.add(fault);
  }

  /** Breaks the open WebSockets: both ends see it at once, and what is on its way is lost. True: one was open. */
  cut(reason = 'The line was cut.'): boolean {
    const { open } = this;
    for (const circuit of this.#circuits) circuit.cut(reason);
    return open;
  }

  /**
   * Makes the open WebSockets half-open: what `from` sends from now on is lost, its close too, and neither end is
   * informed. Without `from`, in both directions. WebSockets that are opened later work. True: one was open.
   *
   * @throws ConfigurationError where `from` is no end of the cable.
   */
  halfOpen(from?: string): boolean {
    if (from !== undefined) this.#otherThan(from);
    this.#note('fault', from === undefined ? 'half-open' : `half-open: what ${from} sends is lost`);
    for (const circuit of this.#circuits) circuit.silence(from);
    return this.open;
  }

  /** Stops what `from` sends, without loss. Without `from`, in both directions. The result lets it go on. */
  stall(from?: string): () => void {
    if (from !== undefined) this.#otherThan(from);
    this.#note('fault', `stalled${from === undefined ? '' : `: from ${from}`}`);
    const ends = from === undefined ? this.ends : [from];
    for (const end of ends) this.#addStalls(end, 1);
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#note('fault', 'moves again');
      for (const end of ends) this.#addStalls(end, -1);
    };
  }

  /**
   * Separates the ends: nothing moves, and dials are not answered. With `from`, only what this end sends does not move;
   * no dial is answered then either, since it takes a round trip. The result heals it; what waited then arrives, as in
   * TCP.
   */
  partition(from?: string): () => void {
    const resume = this.stall(from);
    this.#partitions++;
    this.#note('fault', `partitioned${from === undefined ? '' : `: from ${from}`}`);
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#partitions--;
      resume();
    };
  }

  /** Carries no more than so many bytes per second of what `from` sends; without `from`, in each direction. */
  limit(bytesPerSecond: number, from?: string): () => void {
    if (from !== undefined) this.#otherThan(from);
    this.#note('fault', `limited to ${bytesPerSecond} bytes/s${from === undefined ? '' : `: from ${from}`}`);
    const ends = from === undefined ? this.ends : [from];
    for (const end of ends) this.#changeLimits(end, (limits) => [...limits, bytesPerSecond]);
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#note('fault', 'no longer limited');
      for (const end of ends) this.#changeLimits(end, (limits) => limits.toSpliced(limits.indexOf(bytesPerSecond), 1));
    };
  }

  /** Sends frames in one message, as though `from` had sent them. @throws Error while no WebSocket is open. */
  inject(from: string, ...frames: readonly Frame[]): void {
    this.#otherThan(from);
    const circuit = this.#circuits.findLast(({ open }) => open);
    if (circuit === undefined) throw new Error(`No WebSocket is open between ${this.ends.join(' and ')}.`);
    circuit.inject(from, messageOf(frames));
  }

  #otherThan(end: string): string {
    const [left, right] = this.ends;
    if (end === left) return right;
    if (end === right) return left;
    throw new ConfigurationError(`${end} is no end of the cable ${left} ⇄ ${right}. ${nearestOf(end, this.ends)}`);
  }

  #setOut(from: string, to: string, bytes: Uint8Array, lost: boolean): MessageInFlight {
    const message = new MessageInFlight(from, to, bytes);
    if (!lost) {
      this.#options.faults?.apply(message);
      this.#faults.apply(message);
    }
    const fates: Fate[] = lost ? ['lost'] : message.fates;
    this.log.add({ kind: 'message', at: this.#options.runtime.now(), from, to, bytes, fates });
    return message;
  }

  #note(what: 'opened' | 'closed' | 'broken' | 'fault', text: string): void {
    this.log.add({ kind: 'event', at: this.#options.runtime.now(), what, text });
  }

  // The tightest of the limits holds.
  #limitOf(end: string): number {
    return Math.min(...(this.#limits.get(end) ?? []));
  }

  #changeLimits(end: string, change: (limits: readonly number[]) => number[]): void {
    this.#limits.set(end, change(this.#limits.get(end) ?? []));
    for (const circuit of this.#circuits) circuit.limit(end, this.#limitOf(end));
  }

  #addStalls(end: string, difference: number): void {
    const count = (this.#stalls.get(end) ?? 0) + difference;
    this.#stalls.set(end, count);
    for (const circuit of this.#circuits) circuit.stall(end, count > 0);
  }
}
