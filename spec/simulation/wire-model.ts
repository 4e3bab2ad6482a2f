/**
 * What both ends of every connection know, rebuilt from the wire alone: circuits, their muxes, and who has ended what.
 * Rules look at each frame as it sets out, and as it arrives.
 */

import { decodeConnectResponse } from '../../lib/wire/payloads/connect.js';
import { Flag, isSentByCaller, Op } from '../../lib/wire/ops.js';
import type { FrameView, MuxId } from '../../lib/wire/frame.js';
import { eachFrame, type Fate } from '../../lib/testing/frames/wire-log.js';
import type { WatchedCircuit, WireWatcher } from '../../lib/testing/frames/wire-watcher.js';

import { hostilePrefix } from './hostile/raw-peer.js';

export type Role = 'caller' | 'responder';

/** One mux, by what went over the wire. */
export interface MuxModel {
  readonly id: MuxId;
  readonly unary: boolean;
  readonly handler: number;
  readonly subroute: Uint8Array | undefined;
  readonly circuit: CircuitModel;
  /** The responder has said that it knows it no more. */
  gone: boolean;
}

/** One WebSocket. */
export interface CircuitModel {
  readonly ends: readonly [string, string];
  /** Of each end: when it had the handshake behind it. */
  readonly live: [number | undefined, number | undefined];
  /** Of each end: it is closed. */
  readonly closed: [boolean, boolean];
  /** A message did not arrive as it was sent: the two ends may see different things. */
  tampered: boolean;
  /** Messages on their way. */
  inTheAir: number;
  /** Of each end: bytes that it has sent and that have not arrived. */
  readonly outstanding: [number, number];
  /** Of each end: its socket was full and has not drained since, so frames may wait in its send queue. */
  readonly congested: [boolean, boolean];
  /** Of each end: its socket counts as full by chance. */
  readonly full: [boolean, boolean];
  /** By the end that opened them. */
  readonly muxes: readonly [Map<MuxId, MuxModel>, Map<MuxId, MuxModel>];
}

/** A frame, as the rules see it. The view is good until they return. */
export interface Seen {
  readonly circuit: CircuitModel;
  /** Index of the end that sends it, or that it arrives at. */
  readonly end: 0 | 1;
  /** Role of that end; undefined for frames of the connection. */
  readonly role: Role | undefined;
  /** Undefined for frames of the connection, and for strays. */
  readonly mux: MuxModel | undefined;
  readonly frame: FrameView;
  /** Virtual ms. */
  readonly at: number;
}

/** Looks at what passes; throws where a rule is broken. */
export interface WireRule {
  readonly name: string;
  sent?(seen: Seen): void;
  arrived?(seen: Seen): void;
  /** An end has the handshake behind it, or is closed. */
  changed?(circuit: CircuitModel, end: 0 | 1, at: number): void;
}

const tampering: readonly Fate[] = ['dropped', 'corrupted', 'duplicated', 'reordered'];

/** Bytes in a socket above which frames wait in the send queue, and those at which they go on. */
const congestedBytes = 256 << 10;
const drainedBytes = 64 << 10;

/** See the head of this file. */
export class WireModel implements WireWatcher {
  readonly #circuits = new Map<WatchedCircuit, CircuitModel>();
  // When a message between two hosts did not arrive as it was sent, last.
  readonly #tamperedAt = new Map<string, number>();
  // When a socket between two hosts was full by chance last, or became empty again.
  readonly #fullAt = new Map<string, number>();
  readonly #rules: readonly WireRule[];
  readonly #sendRules: readonly WireRule[];
  readonly #arrivalRules: readonly WireRule[];
  readonly #now: () => number;
  readonly #violate: (rule: string, text: string) => void;

  constructor(rules: readonly WireRule[], now: () => number, violate: (rule: string, text: string) => void) {
    this.#rules = rules;
    this.#sendRules = rules.filter(({ sent }) => sent !== undefined);
    this.#arrivalRules = rules.filter(({ arrived }) => arrived !== undefined);
    this.#now = now;
    this.#violate = violate;
  }

  /** Circuits of which an end is open. */
  get circuits(): readonly CircuitModel[] {
    return [...this.#circuits.values()];
  }

  /** Whether a message between two hosts did not arrive as it was sent, at `from` or later. */
  wasTampered(left: string, right: string, from = 0): boolean {
    // `from` may be before the start.
    return (this.#tamperedAt.get([left, right].sort().join(' ')) ?? -Infinity) >= from;
  }

  /** Whether a socket between two hosts was full by chance at `from` or later. */
  wasFull(left: string, right: string, from: number): boolean {
    return (this.#fullAt.get([left, right].sort().join(' ')) ?? -Infinity) >= from;
  }

  opened(circuit: WatchedCircuit): void {
    if (circuit.ends.some((end) => end.startsWith(hostilePrefix))) return;
    this.#circuits.set(circuit, {
      ends: circuit.ends,
      live: [undefined, undefined],
      closed: [false, false],
      tampered: false,
      inTheAir: 0,
      outstanding: [0, 0],
      congested: [false, false],
      full: [false, false],
      muxes: [new Map(), new Map()],
    });
  }

  sent(watched: WatchedCircuit, from: string, bytes: Uint8Array, fates: readonly Fate[]): void {
    const circuit = this.#circuits.get(watched);
    if (circuit === undefined) return;
    if (fates.some((fate) => tampering.includes(fate))) {
      circuit.tampered = true;
      this.#tamperedAt.set([...circuit.ends].sort().join(' '), this.#now());
    }
    const end = circuit.ends[0] === from ? 0 : 1;
    if (!fates.includes('lost')) {
      circuit.inTheAir++;
      circuit.outstanding[end] += bytes.length;
      if (circuit.outstanding[end] > congestedBytes) circuit.congested[end] = true;
    }
    this.#look(circuit, end, bytes, true);
  }

  arrived(watched: WatchedCircuit, to: string, bytes: Uint8Array): void {
    const circuit = this.#circuits.get(watched);
    if (circuit === undefined) return;
    const end = circuit.ends[0] === to ? 0 : 1;
    circuit.inTheAir--;
    this.#look(circuit, end, bytes, false);
    const sender = other(end);
    // Told when the look is over: what drains now may leave in this turn.
    circuit.outstanding[sender] -= bytes.length;
    if (!circuit.full[sender] && circuit.outstanding[sender] <= drainedBytes) circuit.congested[sender] = false;
  }

  full(watched: WatchedCircuit, end: string, full: boolean): void {
    const circuit = this.#circuits.get(watched);
    if (circuit === undefined) return;
    const index = circuit.ends[0] === end ? 0 : 1;
    circuit.full[index] = full;
    this.#fullAt.set([...circuit.ends].sort().join(' '), this.#now());
    circuit.congested[index] = full || circuit.outstanding[index] > drainedBytes;
  }

  closed(watched: WatchedCircuit, end: string): void {
    const circuit = this.#circuits.get(watched);
    if (circuit === undefined) return;
    const index = circuit.ends[0] === end ? 0 : 1;
    circuit.closed[index] = true;
    this.#changed(circuit, index);
    if (circuit.closed[1 - index]) this.#circuits.delete(watched);
  }

  #look(circuit: CircuitModel, end: 0 | 1, bytes: Uint8Array, sent: boolean): void {
    const at = this.#now();
    eachFrame(bytes, (frame) => {
      const { op, muxId } = frame;
      // The dialer is live when it hears that it was accepted, the acceptor when it says so.
      if (op === Op.ConnectResponse && sent === (end === 1) && decodeConnectResponse(frame.payload).accepted) {
        circuit.live[end] = at;
        this.#changed(circuit, end);
      }
      if (circuit.tampered) return;
      const byCaller = isSentByCaller(op);
      const role: Role | undefined = muxId === 0 ? undefined : byCaller === sent ? 'caller' : 'responder';
      const opener = role === undefined ? end : role === 'caller' ? end : other(end);
      const muxes = circuit.muxes[opener];
      if (sent && (op === Op.Request || op === Op.ConnectMux)) {
        if (muxes.has(muxId)) this.#violate('a mux id is used once', `${circuit.ends[end]} opens mux ${muxId} again`);
        const { handler, subroute } = frame;
        muxes.set(muxId, {
          id: muxId,
          unary: op === Op.Request,
          handler,
          subroute: subroute?.slice(),
          circuit,
          gone: false,
        });
      }
      if (sent && role !== undefined && !muxes.has(muxId)) {
        this.#violate('a frame belongs to a call that was made', `${circuit.ends[end]}: op ${op} for mux ${muxId}`);
      }
      const seen: Seen = { circuit, end, role, mux: role === undefined ? undefined : muxes.get(muxId), frame, at };
      for (const rule of sent ? this.#sendRules : this.#arrivalRules) {
        try {
          if (sent) rule.sent!(seen);
          else rule.arrived!(seen);
        } catch (error) {
          this.#violate(rule.name, (error as Error).message);
        }
      }
    });
  }

  #changed(circuit: CircuitModel, end: 0 | 1): void {
    for (const rule of this.#rules) {
      try {
        rule.changed?.(circuit, end, this.#now());
      } catch (error) {
        this.#violate(rule.name, (error as Error).message);
      }
    }
  }
}

/** The end at the other side. */
export function other(end: 0 | 1): 0 | 1 {
  return end === 0 ? 1 : 0;
}

/** Names a mux and the one who did something with it. */
export function describe({ circuit, end, role, frame }: Seen): string {
  return `${circuit.ends[end]}, ${role ?? 'an end'} of mux ${frame.muxId} to ${circuit.ends[other(end)]}`;
}

export function isEof(frame: FrameView): boolean {
  return (frame.flags & Flag.Eof) !== 0;
}
