import { sleep } from '../source.js';
import { rules } from '../ledger.js';
import type { World } from '../world.js';
import type { ActSource } from './act.js';

/** A host is restarted politely: it drains, is away for a while, and comes back. Times in virtual ms. */
export interface Drain {
  readonly act: 'drain';
  readonly id: number;
  readonly host: string;
  /** What still runs after that is cut off. */
  readonly timeout: number;
  readonly away: number;
}

/** Ms that the end of a drain may take beside its timeout: two looks at its connections. */
const slack = 25;

/** Draws a drain. */
export function drawDrain({ random, hosts, nextId }: ActSource): Drain {
  const timeout = random.pick([0, 200, 3_000]);
  return { act: 'drain', id: nextId(), host: random.pick(hosts), timeout, away: random.below(2_000) };
}

/** Drains a host, and starts it again. */
export async function drain({ host: name, timeout, away }: Drain, world: World): Promise<void> {
  const { cluster, clock } = world.simulation;
  const { reasons } = world.ledger;
  const host = cluster.host(name);
  if (!host.running) return;
  const began = clock.elapsed;
  const upset = reasons.upset(name);
  const { manager } = host;
  await host.drain({ timeout, reason: 'simulated' });
  const late = clock.elapsed - began - timeout - reasons.pausedFor(name, began, clock.elapsed) - reasons.drift(timeout);
  if (late > slack) world.violate(rules.drain, `${name}: ${late} ms later than the ${timeout} ms that it had`);
  await sleep(away);
  // Meanwhile another fault may have started it.
  if (manager === host.manager) await host.start();
  upset.end();
}
