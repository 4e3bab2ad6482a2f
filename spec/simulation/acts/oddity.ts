import type { Connection } from '../../../lib/index.js';
import { rules } from '../ledger.js';
import { startUp } from '../reasons.js';
import type { World } from '../world.js';
import type { ActSource } from './act.js';
import { oddCalls } from './odd-calls.js';

/** A call that is made, or served, in an unusual way, which has a known outcome. */
export interface Oddity {
  readonly act: 'oddity';
  readonly id: number;
  readonly from: string;
  readonly to: string;
  /** Name of one of {@link oddCalls}. */
  readonly what: string;
}

/** What an unusual call has. */
export interface OddContext {
  readonly connection: Connection;
  readonly id: number;
  /** Full name of another host, for relays; that of the host itself where there is none. */
  readonly third: string;
  /** The outcome is another one. */
  expect(met: boolean, what: string): void;
}

const names = Object.keys(oddCalls);

/** Draws one. */
export function drawOddity({ random, hosts, nextId }: ActSource): Oddity {
  const from = random.pick(hosts);
  const to = random.pick(hosts.filter((host) => host !== from || hosts.length === 1));
  return { act: 'oddity', id: nextId(), from, to, what: random.pick(names) };
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
  const expect = (met: boolean, text: string): void => {
    const { reasons, line } = ledger;
    const isTouched = [to, third.name].some((host) => reasons.touched(from, host, began));
    const isExcused = began < startUp || line.storm || isTouched || reasons.touched(to, third.name, began);
    if (!met && !isExcused) violate(rules.oddity, `${what} ${id}, ${from} to ${to}: ${text}`);
  };
  try {
    const connection = cluster.host(from).connection(to);
    await oddCalls[what]!({ connection, id, third: third.url, expect });
  } catch (error) {
    expect(false, error instanceof Error ? String(error.stack) : String(error));
  }
}
