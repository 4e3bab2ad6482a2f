import type { PeerKind } from '../../lib/testing/index.js';
import type { Operation } from './operation.js';
import type { Reasons } from './reasons.js';
import { capacityOf } from './routes.js';
import { Throws } from './throws.js';

/** Timeout of a unary call that names none, in ms. */
export const unaryTimeout = 60_000;

/** Names of what the ledger checks. */
export const rules = {
  order: 'what is delivered is a prefix of what was sent, in order, once',
  ahead: 'a producer that is pulled is ahead of its consumer by no more than the window and one',
  outcome: 'every caller gets exactly one outcome',
  whole: 'a call that completes has delivered everything',
  once: 'a handler runs at most once for a call',
  unsent: 'the handler of a call that failed with sent: false never ran',
  stopped: 'a handler stops when nobody waits for it',
  late: 'a call does not begin after its deadline',
  handlerDeadline: 'a handler stops at the deadline of its call',
  reason: 'a call fails only for a reason',
  waiting: 'in back-off no call waits that was not told to',
  deadline: 'a call ends at its deadline',
  drain: 'a drain ends in its time',
  leaf: 'a leaf stays connected while nothing happens to its host',
  files: 'a file comes as it was sent',
  oddity: 'an unusual call has its known outcome',
  meta: 'a handler finds the metadata that its caller gave',
  latency: 'a call that no fault has touched takes its handler’s time and a round trip',
} as const;

/** One direction of one call: items are numbered, and carry the number of their call. */
export class Flow {
  delivered = 0;
  /** Items that the consumer is done with. */
  released = 0;
  /** The consumer was told that this was all. */
  completed = false;
  /** Its consumer has failed: the credit of what still comes returns at once. */
  abandoned = false;

  /** Items of the run of the producer, and of the run that made most. */
  #produced = 0;
  #most = 0;
  readonly #call: number;
  readonly #label: string;
  readonly #capacity: number | undefined;
  readonly #violate: (rule: string, text: string) => void;

  constructor(
    call: number,
    label: string,
    capacity: number | undefined,
    violate: (rule: string, text: string) => void,
  ) {
    this.#call = call;
    this.#label = label;
    this.#capacity = capacity;
    this.#violate = violate;
  }

  /** Makes the next item. `pulled`: it is made because somebody asked for it. */
  produce(size: number, pulled: boolean): Uint8Array {
    const item = new Uint8Array(size === 0 ? 0 : Math.max(8, size));
    if (size > 0) {
      const view = new DataView(item.buffer);
      view.setUint32(0, this.#call);
      view.setUint32(4, this.#produced);
    }
    this.pass();
    const ahead = this.#produced - this.released;
    if (pulled && !this.abandoned && this.#capacity !== undefined && ahead > this.#capacity + 1) {
      this.#violate(rules.ahead, `${this.#label}: ${ahead} items ahead at a window of ${this.#capacity}`);
    }
    return item;
  }

  /** An item that was made elsewhere is passed on. */
  pass(): void {
    this.#produced++;
    this.#most = Math.max(this.#most, this.#produced);
  }

  /**
   * Its producer is run again, and counts from the beginning; the consumer has one run's items, the first's or this
   * one's.
   */
  produceAgain(): void {
    this.#produced = 0;
  }

  /** Its consumer is run again, and gets the items from the beginning. */
  consumeAgain(): void {
    this.delivered = 0;
    this.completed = false;
  }

  /** The consumer gets an item. */
  deliver(item: Uint8Array): void {
    const view = new DataView(item.buffer, item.byteOffset, item.byteLength);
    // An empty item says nothing, but counts.
    const call = item.length === 0 ? this.#call : view.getUint32(0);
    const index = item.length === 0 ? this.delivered : view.getUint32(4);
    if (call !== this.#call || index !== this.delivered || index >= this.#most || this.completed) {
      const state = `${this.#most} produced, ${this.completed ? 'completed' : 'open'}`;
      this.#violate(
        rules.order,
        `${this.#label}: item ${index} of call ${call} came as item ${this.delivered} (${state})`,
      );
    }
    this.delivered++;
  }
}

/** What is known about one call, at both of its ends. */
export class CallRecord {
  readonly operation: Operation;
  readonly out: Flow;
  readonly in: Flow;
  /** Handlers that were started, and that run; when the last one was started. */
  runs = 0;
  running = 0;
  startedAt = 0;
  /** Its opening arrived, and by then it has to begin: its deadline. Of several openings, the last one. */
  arrival: { readonly at: number; readonly last: number } | undefined = undefined;
  /** Outcomes that the caller was told. */
  outcomes = 0;
  /** The caller has given it up. */
  stopped = false;
  /** When the call was made. */
  readonly beganAt: number;
  /** When the caller was told its outcome, or gave it up. */
  overAt: number | undefined = undefined;
  /** It failed, and nothing of it was sent. */
  unsent = false;

  /** `current`: both sides know the window of the other one. */
  constructor(operation: Operation, beganAt: number, current: boolean, violate: (rule: string, text: string) => void) {
    const { id } = operation.script;
    this.operation = operation;
    this.beganAt = beganAt;
    const capacity = capacityOf(operation.window);
    const callers = capacityOf(operation.callerWindow ?? operation.window);
    // The receiver of an input says what it takes; of an output, the smaller of the two windows holds, where both are
    // known.
    const output = current ? Math.min(capacity ?? Infinity, callers ?? Infinity) : (capacity ?? Infinity);
    // A relay holds what is on its way in two windows, and an echo what is in two directions.
    const passesOn = operation.route === 'relay' || operation.route === 'echo';
    this.out = new Flow(id, `output of call ${id}`, passesOn || output === Infinity ? undefined : output, violate);
    this.in = new Flow(id, `input of call ${id}`, capacity, violate);
  }

  toString(): string {
    const { script, route, window, from, to } = this.operation;
    return `call ${script.id} (${route}, ${window}, ${from} to ${to})`;
  }
}

/** The lines between the hosts, in ms and bytes per second. */
export interface Line {
  readonly latency: number;
  readonly jitter: number;
  readonly bandwidth?: number;
  /** Many calls at once, and limits that they reach. */
  readonly storm: boolean;
  /** Hosts that are not as the library is. */
  readonly peers: Readonly<Record<string, PeerKind>>;
  /** Calls pass interceptors at both sides. */
  readonly intercepted: boolean;
  /** Leaves that make no call for a while are disconnected, and come back for the next one. */
  readonly idleLeaves: boolean;
}

/** All calls of one run. */
export class Ledger {
  readonly calls = new Map<number, CallRecord>();
  readonly reasons: Reasons;
  readonly line: Line;
  readonly throws: Throws;
  /** The true time, in virtual ms. */
  readonly now: () => number;
  readonly #violate: (rule: string, text: string) => void;

  constructor(reasons: Reasons, line: Line, now: () => number, violate: (rule: string, text: string) => void) {
    this.now = now;
    this.reasons = reasons;
    this.line = line;
    this.throws = new Throws(violate);
    this.#violate = violate;
  }

  /** Whether these hosts are as the library is, so that they know all of its extensions. Leaves are. */
  areCurrent(...hosts: readonly string[]): boolean {
    return hosts.every((host) => this.line.peers[host] === undefined);
  }

  /** A call is made. */
  open(operation: Operation, now: number): CallRecord {
    const { from, to } = operation;
    const record = new CallRecord(operation, now, this.areCurrent(from, to), this.#violate);
    this.calls.set(operation.script.id, record);
    return record;
  }

  /** Whether messages of this call, or of the call that its relay makes, may have come twice, or behind others. */
  tampered({ operation: { from, to, route, script } }: CallRecord): boolean {
    return this.reasons.tampered(from, to) || (route === 'relay' && this.reasons.tampered(to, script.via));
  }

  violate(rule: string, call: CallRecord, text: string): void {
    this.#violate(rule, `${call.toString()}: ${text}`);
  }
}
