/**
 * Faults as data: drawn from a seed before the run, so that a plan can be cut and repeated.
 *
 * All but the last three are what TCP, machines and processes do. `duplicate`, `reorder` and `drop` are not possible on
 * a healthy TCP connection: they stand for a broken peer, and are drawn only where the mix names them.
 */

import { Subscription } from 'rxjs';
import type { Frame } from '../../wire/frame.js';
import { Op } from '../../wire/ops.js';
import type { Cluster } from '../network/cluster.js';
import { Faults } from '../network/faults.js';
import { inspect } from '../marbles/inspect.js';
import type { SeededRandom } from '../seeded-random.js';
import type { VirtualClock } from '../time/virtual-clock.js';

type Pair = readonly [string, string];

/** One fault. Hosts by their short names; `for` in virtual ms; `from`: only what this end sends. */
export type FaultStep =
  | { readonly kind: 'cut'; readonly between: Pair }
  | { readonly kind: 'half-open'; readonly between: Pair; readonly from?: string }
  | { readonly kind: 'stall'; readonly between: Pair; readonly from?: string; readonly for: number }
  | { readonly kind: 'delay'; readonly between: Pair; readonly ms: number; readonly for: number }
  /** `oneWay`: only what the group sends does not arrive. */
  | { readonly kind: 'partition'; readonly group: readonly string[]; readonly oneWay?: true; readonly for: number }
  | { readonly kind: 'limit'; readonly between: Pair; readonly bytesPerSecond: number; readonly for: number }
  | { readonly kind: 'pause' | 'refuse'; readonly host: string; readonly for: number }
  | { readonly kind: 'slow-handshake'; readonly between: Pair; readonly ms: number; readonly for: number }
  | { readonly kind: 'slow-disk'; readonly host: string; readonly ms: number; readonly for: number }
  /** The wall clock jumps by `wall` ms, or both clocks run at `rate`. */
  | {
      readonly kind: 'clock';
      readonly host: string;
      readonly wall?: number;
      readonly rate?: number;
      readonly for: number;
    }
  | { readonly kind: 'restart'; readonly host: string; readonly silent: boolean; readonly for: number }
  /** So many messages of `from`, the next ones that carry a checksum. */
  | { readonly kind: MessageFaultKind; readonly between: Pair; readonly from: string; readonly count: number };

type MessageFaultKind = 'corrupt' | 'duplicate' | 'reorder' | 'drop';

/** Names of faults, for {@link FaultMix}. */
export type FaultKind = FaultStep['kind'];

/** What faults a run draws. */
export interface FaultMix {
  /** Mean distance of two faults, in virtual ms. Default 3 000. */
  readonly every?: number;
  /** The kinds that may happen. Default: all but `duplicate`, `reorder` and `drop`. */
  readonly kinds?: readonly FaultKind[];
  /**
   * True: each seed draws a random half of the kinds, each with a weight of its own, and another distance. So one seed
   * has nothing but pauses, and another one no partition that would hide what a pause does. Default true where `kinds`
   * is not given.
   */
  readonly swarm?: boolean;
}

/** What happens to TCP connections, machines and processes. */
export const usualFaults: readonly FaultKind[] = [
  'cut',
  'half-open',
  'stall',
  'delay',
  'corrupt',
  'partition',
  'restart',
  'limit',
  'pause',
  'refuse',
  'slow-handshake',
  'slow-disk',
  'clock',
];

/** Mean ms that a fault lasts, where it lasts. Many end before anybody notices, some do not. */
const meanDuration = 2_500;
/** All kinds; the compiler finds one that is missing. */
const allKinds: Readonly<Record<FaultKind, true>> = {
  cut: true,
  'half-open': true,
  stall: true,
  delay: true,
  partition: true,
  restart: true,
  corrupt: true,
  duplicate: true,
  reorder: true,
  drop: true,
  limit: true,
  pause: true,
  refuse: true,
  'slow-handshake': true,
  'slow-disk': true,
  clock: true,
};

/** Names of all kinds of faults. */
export const faultKinds = Object.keys(allKinds);

/** Upper bound of a `delay`, in ms. */
const maxDelay = 800;
/** Upper bound of what a `slow-handshake` takes longer, in ms: more than the handshake may take. */
const maxHandshakeDelay = 8_000;
/** Upper bound of an access to a `slow-disk`, in ms. */
const maxDiskDelay = 3_000;
/** Upper bound of a jump of a wall clock, in ms: more than a handshake accepts. */
const maxWallJump = 8 * 60_000;
/** Upper bound of the drift of a clock, as a share. */
const maxDrift = 0.01;

const defaultMix = { every: 3_000, kinds: usualFaults };

/** Draws the faults of one run. */
export function drawFaults(
  random: SeededRandom,
  hosts: readonly string[],
  mix: FaultMix,
  duration: number,
): { readonly at: number; readonly fault: FaultStep }[] {
  const drawn: { at: number; fault: FaultStep }[] = [];
  const { every, kinds } = (mix.swarm ?? mix.kinds === undefined) ? drawSwarm(random, mix) : { ...defaultMix, ...mix };
  if (hosts.length < 2 || kinds.length === 0) return drawn;
  for (let at = random.interval(every); at < duration; at += random.interval(every)) {
    drawn.push({ at, fault: drawFault(random, hosts, random.pick(kinds)) });
  }
  return drawn;
}

// A kind that stands there several times is drawn as often.
function drawSwarm(random: SeededRandom, mix: FaultMix): Required<Pick<FaultMix, 'every' | 'kinds'>> {
  const { every, kinds } = { ...defaultMix, ...mix };
  const chosen = kinds.filter(() => random.chance(0.5));
  if (chosen.length === 0) chosen.push(random.pick(kinds));
  return {
    every: every * (0.5 + 1.5 * random.next()),
    kinds: chosen.flatMap((kind) => Array.from({ length: 1 + random.below(4) }, () => kind)),
  };
}

function drawFault(random: SeededRandom, hosts: readonly string[], kind: FaultKind): FaultStep {
  const first = random.pick(hosts);
  const second = random.pick(hosts.filter((host) => host !== first));
  const between: Pair = [first, second];
  const oneWay = random.chance(0.5) ? { from: first } : {};
  const lasting = random.interval(meanDuration);
  switch (kind) {
    case 'cut':
      return { kind, between };
    case 'half-open':
      return { kind, between, ...oneWay };
    case 'stall':
      return { kind, between, ...oneWay, for: lasting };
    case 'delay':
      return { kind, between, ms: 1 + random.below(maxDelay), for: lasting };
    case 'partition': {
      const group = hosts.filter(() => random.chance(0.5));
      const isPart = group.length > 0 && group.length < hosts.length;
      const direction = random.chance(0.3) ? { oneWay: true as const } : {};
      return { kind, group: isPart ? group : [first], ...direction, for: lasting };
    }
    case 'limit':
      return { kind, between, bytesPerSecond: random.pick([20_000, 100_000, 1_000_000]), for: 2 * lasting };
    case 'pause':
    case 'refuse':
      return { kind, host: first, for: 2 * lasting };
    case 'slow-handshake':
      return { kind, between, ms: 1 + random.below(maxHandshakeDelay), for: 2 * lasting };
    case 'slow-disk':
      return { kind, host: first, ms: 1 + random.below(maxDiskDelay), for: 2 * lasting };
    case 'clock': {
      const share = 2 * random.next() - 1;
      const change = random.chance(0.5)
        ? { wall: Math.round(share * maxWallJump) || 1 }
        : { rate: 1 + Math.round(share * maxDrift * 10_000) / 10_000 };
      return { kind, host: first, ...change, for: 2 * lasting };
    }
    case 'restart':
      return { kind, host: first, silent: random.chance(0.5), for: lasting };
    case 'corrupt':
    case 'duplicate':
    case 'reorder':
    case 'drop':
      return { kind, between, from: first, count: 1 + random.below(3) };
  }
}

/**
 * Makes a fault happen now. Unsubscribing ends it. Its own random choices depend on the seed and on the fault alone.
 */
export function startFault(fault: FaultStep, cluster: Cluster, clock: VirtualClock): Subscription {
  const faults = new Faults(clock, clock.seeded.fork(faultText(fault)));
  switch (fault.kind) {
    case 'cut':
      return faults.cut(cluster.cable(...fault.between));
    case 'half-open':
      return faults.halfOpen(cluster.cable(...fault.between), oneWay(fault));
    case 'stall':
      return faults.stall(cluster.cable(...fault.between), { ...oneWay(fault), for: fault.for });
    case 'delay':
      return faults.delay(cluster.cable(...fault.between), fault.ms, { rate: 1, for: fault.for });
    case 'partition': {
      const inside = cluster.hosts.filter(({ name }) => fault.group.includes(name));
      const outside = cluster.hosts.filter(({ name }) => !fault.group.includes(name));
      return faults.partition(inside, outside, { for: fault.for, oneWay: fault.oneWay ?? false });
    }
    case 'limit':
      return faults.limit(cluster.cable(...fault.between), fault.bytesPerSecond, { for: fault.for });
    case 'pause':
    case 'refuse':
      return faults[fault.kind](cluster.host(fault.host), { for: fault.for });
    case 'slow-handshake':
      return faults.slowHandshake(cluster.cable(...fault.between), fault.ms, { for: fault.for });
    case 'slow-disk':
      return faults.slowDisk(cluster.host(fault.host), fault.ms, { for: fault.for });
    case 'clock': {
      const { wall = 0, rate = 1 } = fault;
      const host = cluster.host(fault.host);
      return wall === 0 && rate === 1 ? new Subscription() : faults.clock(host, { wall, rate, for: fault.for });
    }
    case 'restart': {
      const host = cluster.host(fault.host);
      // One that is down already comes back when the first fault says so.
      return host.running ? faults.restart(host, { silent: fault.silent, for: fault.for }) : new Subscription();
    }
    case 'corrupt':
    case 'duplicate':
    case 'reorder':
    case 'drop': {
      const { from, count } = fault;
      return faults[fault.kind](cluster.cable(...fault.between), { from, count, where: isChecked });
    }
  }
}

/** A fault as one line of TypeScript. */
export function faultText(fault: FaultStep): string {
  return inspect(fault);
}

// Neither the handshake nor a connection's ping carries a checksum: the protocol cannot see that one was changed.
function isChecked({ op, muxId }: Frame): boolean {
  return op > Op.Ping || (op === Op.Ping && muxId !== 0);
}

function oneWay({ from }: { readonly from?: string }): { readonly from?: string } {
  return from === undefined ? {} : { from };
}
