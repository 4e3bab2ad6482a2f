import type { FaultStep, Simulation, StartedFault } from '../../lib/testing/index.js';
import type { WireModel } from './wire-model.js';

/** Ms in which the hosts have found each other after the start. */
export const startUp = 3_000;
/** Names of leaves begin with it. */
export const leafPrefix = 'leaf';
/** Ms that a leaf may wait longer than a host until it dials again. */
const leafRecovery = 32_000;
/** Ms after the end of a fault in which a pair of hosts is connected again, where both ends see it at once. */
const quickRecovery = 8_000;
/**
 * And where one of them has to find out: two intervals of the keepalive, one more for a process that was held up, a
 * redial.
 */
const slowRecovery = 36_000;
/** Bound of the drift that is drawn, as a share of the time. */
const maxDrift = 0.01;

const seenAtOnce: readonly FaultStep['kind'][] = ['cut', 'corrupt', 'refuse', 'delay'];

/** The simulation broke the connection between two hosts. */
export interface Strike {
  readonly between: readonly [string, string];
  readonly at: number;
}

/** Why something may happen to a call: the faults that touched the hosts of it, in time. Times in virtual ms. */
export class Reasons {
  readonly #simulation: Simulation;
  readonly #model: WireModel;
  // What the simulation itself did to hosts.
  readonly #upsets: { readonly host: string; until: number }[] = [];
  // And to connections.
  readonly #strikes: Strike[] = [];

  constructor(simulation: Simulation, model: WireModel) {
    this.#simulation = simulation;
    this.#model = model;
  }

  /**
   * The simulation drains a host, or takes it from the list: until that ends, and for some time, its calls may fail.
   */
  upset(host: string): { end(): void } {
    const upset = { host, until: Infinity };
    this.#upsets.push(upset);
    return {
      end: () => {
        upset.until = this.#simulation.clock.elapsed;
      },
    };
  }

  /** The simulation breaks the connection between two hosts now. */
  strike(left: string, right: string): Strike {
    const strike: Strike = { between: [left, right], at: this.#simulation.clock.elapsed };
    this.#strikes.push(strike);
    return strike;
  }

  /**
   * Whether a host drained, or was not in the list, at `from` or later, or the consequences may have lasted until then.
   */
  wasUpset(host: string, from: number): boolean {
    return this.#upsets.some((upset) => upset.host === host && upset.until + slowRecovery >= from);
  }

  /**
   * Whether a fault, or the simulation itself, touched what is between two hosts, or the consequences may have lasted
   * until `from`. `own`: strikes that do not count.
   */
  touched(left: string, right: string, from: number, own: readonly Strike[] = []): boolean {
    const isStruck = this.#strikes.some((strike) => {
      const { between, at } = strike;
      return between.includes(left) && between.includes(right) && at + quickRecovery >= from && !own.includes(strike);
    });
    return isStruck || this.disturbed(left, right, from);
  }

  /** Whether a fault did, or the drain or the delisting of a host. */
  disturbed(left: string, right: string, from: number): boolean {
    const earliest = [left, right].some(isLeaf) ? from - leafRecovery : from;
    if (this.wasUpset(left, earliest) || this.wasUpset(right, earliest)) return true;
    // A fault of the next messages strikes when these come.
    if (this.#model.wasTampered(left, right, earliest - quickRecovery)) return true;
    return this.#simulation.faults.some(
      (started) => touches(started.fault, left, right) && started.until + recoveryOf(started.fault) >= earliest,
    );
  }

  /** Whether something happened to a host itself at `from` or later, or shortly before. */
  hostTouched(host: string, from: number): boolean {
    if (this.#upsets.some((upset) => upset.host === host && upset.until + 1_000 >= from)) return true;
    return this.#simulation.faults.some(
      ({ fault, until }) =>
        'host' in fault && fault.kind !== 'slow-disk' && fault.host === host && until + 1_000 >= from,
    );
  }

  /** Whether a message between two hosts may have waited since `from`, because a socket was full by chance. */
  waited(left: string, right: string, from: number): boolean {
    return this.#model.wasFull(left, right, from);
  }

  /** Whether messages between two hosts have not arrived as they were sent: who is told what is then open. */
  tampered(left: string, right: string): boolean {
    return this.#model.wasTampered(left, right);
  }

  /** Ms in which the process of a host stood still between two times. */
  pausedFor(host: string, from: number, to: number): number {
    let paused = 0;
    for (const { fault, at, until } of this.#simulation.faults) {
      if (fault.kind !== 'pause' || fault.host !== host) continue;
      paused += Math.max(0, Math.min(to, until) - Math.max(from, at));
    }
    return paused;
  }

  /**
   * Whether the wall clock of a host was set between two times: set forward, it looks as though the machine had slept.
   */
  clockSet(host: string, from: number, to: number): boolean {
    return this.#simulation.faults.some(
      ({ fault, at, until }) =>
        fault.kind === 'clock' &&
        fault.host === host &&
        fault.wall !== undefined &&
        [at, until].some((time) => from <= time && time <= to),
    );
  }

  /**
   * Whether a host that closes its connection to another one at that time does so because its own process stood still
   * until then: nothing else has happened to the two. Timers that were due meanwhile run then; a later one was not late,
   * and what the line held back meanwhile may still be on its way.
   */
  blames(own: string, other: string, at: number): boolean {
    const isHeldUp = ({ fault, until }: StartedFault): boolean =>
      fault.kind === 'pause' && fault.host === own && until <= at && at <= until + 1;
    const { faults } = this.#simulation;
    const last = faults.find(isHeldUp);
    if (last === undefined || [own, other].some((host) => this.wasUpset(host, last.at))) return false;
    return !faults.some(
      (each) => each !== last && touches(each.fault, own, other) && each.until + slowRecovery >= last.at,
    );
  }

  /** Whether a host runs now; leaves do. */
  runs(name: string): boolean {
    return this.#simulation.cluster.hosts.find((host) => host.name === name)?.running ?? true;
  }

  /** Ms by which jumps have set the wall clock of a host ahead at that time. */
  wallOffset(host: string, at: number): number {
    let offset = 0;
    for (const { fault, ...times } of this.#simulation.faults) {
      if (fault.kind !== 'clock' || fault.host !== host || times.at > at || at >= times.until) continue;
      offset += fault.wall ?? 0;
    }
    return offset;
  }

  /** Whether the process of a host stands still at that time, or has just gone on. */
  paused(host: string, at: number): boolean {
    return this.#simulation.faults.some(
      ({ fault, ...times }) => fault.kind === 'pause' && fault.host === host && times.at <= at && at <= times.until + 1,
    );
  }

  /** Ms by which clocks that drift may be wrong about so many ms. */
  drift(ms: number): number {
    const drifts = this.#simulation.faults.some(({ fault }) => fault.kind === 'clock' && fault.rate !== undefined);
    return drifts ? ms * 2 * maxDrift + 2 : 0;
  }
}

function recoveryOf(fault: FaultStep): number {
  if (fault.kind === 'restart' && !fault.silent) return quickRecovery;
  return seenAtOnce.includes(fault.kind) ? quickRecovery : slowRecovery;
}

function touches(fault: FaultStep, left: string, right: string): boolean {
  if ('between' in fault) return fault.between.includes(left) && fault.between.includes(right);
  if ('group' in fault && (isLeaf(left) || isLeaf(right))) return false;
  if ('group' in fault) return fault.group.includes(left) !== fault.group.includes(right);
  return fault.host === left || fault.host === right;
}

function isLeaf(name: string): boolean {
  return name.startsWith(leafPrefix);
}
