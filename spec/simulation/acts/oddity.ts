import type { Connection } from '../../../lib/index.js';
import type { Cluster, VirtualClock } from '../../../lib/testing/index.js';
import { rules } from '../ledger.js';
import { startUp, type Strike } from '../reasons.js';
import type { World } from '../world.js';
import type { ActSource } from './act.js';
import { oddCalls } from './odd-calls.js';
import { contractCalls } from './odd-contracts.js';
import { guardedCalls } from './odd-interceptors.js';
import { leafCalls } from './odd-leaves.js';
import { lossCalls } from './odd-losses.js';
import { sourceCalls } from './odd-sources.js';

/** A call that is made, or served, in an unusual way, which has a known outcome. */
export interface Oddity {
  readonly act: 'oddity';
  readonly id: number;
  readonly from: string;
  readonly to: string;
  /** Name of one of the unusual calls. */
  readonly what: string;
}

/** What an unusual call has. */
export interface OddContext {
  readonly connection: Connection;
  readonly id: number;
  /** Short names of the two hosts. */
  readonly from: string;
  readonly to: string;
  readonly cluster: Cluster;
  readonly clock: VirtualClock;
  /** How often the handler of {@link counted} ran, by its request. */
  readonly runs: ReadonlyMap<number, number>;
  /** Calls pass the interceptors of the simulation. */
  readonly intercepted: boolean;
  /** Messages wait for those before them: a call may need longer than its deadline. */
  readonly slowLine: boolean;
  /** Hosts disconnect leaves that make no calls. */
  readonly idleLeaves: boolean;
  /** Full name of another host, for relays; that of the host itself where there is none. */
  readonly third: string;
  /** The outcome is another one. */
  expect(met: boolean, what: string): void;
  /** Says that the call itself breaks a connection of the first host: what else runs over it may fail. */
  breaks(to: string): void;
}

type OddCalls = Readonly<Record<string, (context: OddContext) => Promise<void>>>;

/** Each group is drawn as often, and the first one twice as often, because it is the largest. */
const groups: readonly OddCalls[] = [
  oddCalls,
  oddCalls,
  contractCalls,
  guardedCalls,
  lossCalls,
  leafCalls,
  sourceCalls,
];
const calls: OddCalls = Object.assign({}, ...groups) as OddCalls;

/** Draws one. */
export function drawOddity({ random, hosts, nextId }: ActSource): Oddity {
  const from = random.pick(hosts);
  const to = random.pick(hosts.filter((host) => host !== from || hosts.length === 1));
  return { act: 'oddity', id: nextId(), from, to, what: random.pick(Object.keys(random.pick(groups))) };
}

/** Makes the call. Only what happened to the hosts excuses another outcome. */
export async function performOddity({ id, from, to, what }: Oddity, world: World): Promise<void> {
  const { simulation, ledger, violate } = world;
  // Towards a peer of another kind the outcomes are others.
  if (!ledger.areCurrent(from, to)) return;
  const { cluster, clock } = simulation;
  const began = clock.elapsed;
  const isThird = (name: string): boolean => name !== from && name !== to && ledger.areCurrent(name);
  const third = cluster.hosts.find(({ name }) => isThird(name)) ?? cluster.host(to);
  const { reasons, line } = ledger;
  // What this call itself breaks belongs to its outcome; what another one breaks excuses it.
  const own: Strike[] = [];
  const isExcused = (): boolean => {
    const isTouched = [to, third.name].some((host) => reasons.touched(from, host, began, own));
    return began < startUp || line.storm || isTouched || reasons.touched(to, third.name, began, own);
  };
  const expect = (met: boolean, text: string): void => {
    if (!met && !isExcused()) violate(rules.oddity, `${what} ${id}, ${from} to ${to}: ${text}`);
  };
  const breaks = (other: string): void => {
    own.push(reasons.strike(from, other));
  };
  try {
    const connection = cluster.host(from).connection(to);
    const { intercepted, idleLeaves, bandwidth } = line;
    const parts = {
      connection,
      id,
      from,
      to,
      cluster,
      clock,
      runs: world.runs,
      intercepted,
      slowLine: bandwidth !== undefined,
      idleLeaves,
      third: third.url,
    };
    await calls[what]!({ ...parts, expect, breaks });
  } catch (error) {
    expect(false, error instanceof Error ? String(error.stack) : String(error));
  }
}
