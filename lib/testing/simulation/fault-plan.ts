/**
 * Faults as data: drawn from a seed before the run, so that a plan can be cut and repeated.
 *
 * The first seven are what TCP, machines and processes do. `duplicate`, `reorder` and `drop` are not possible on a healthy
 * TCP connection: they stand for a broken peer, and are drawn only where the mix names them.
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
  | { readonly kind: 'partition'; readonly group: readonly string[]; readonly for: number }
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
};

/** Names of all kinds of faults. */
export const faultKinds = Object.keys(allKinds);

/** Upper bound of a `delay`, in ms. */
const maxDelay = 800;

/** Draws the faults of one run. */
export function drawFaults(
  random: SeededRandom,
  hosts: readonly string[],
  { every = 3_000, kinds = usualFaults }: FaultMix,
  duration: number,
): { readonly at: number; readonly fault: FaultStep }[] {
  const drawn: { at: number; fault: FaultStep }[] = [];
  if (hosts.length < 2 || kinds.length === 0) return drawn;
  for (let at = random.interval(every); at < duration; at += random.interval(every)) {
    drawn.push({ at, fault: drawFault(random, hosts, random.pick(kinds)) });
  }
  return drawn;
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
      return { kind, group: group.length === 0 || group.length === hosts.length ? [first] : group, for: lasting };
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

/** Makes a fault happen now. Unsubscribing ends it. Its own random choices depend on the seed and on the fault alone. */
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
      return faults.partition(inside, outside, { for: fault.for });
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
