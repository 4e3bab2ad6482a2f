import { sleep } from '../source.js';
import type { World } from '../world.js';
import type { ActSource } from './act.js';

/** A host is taken from the list that all hosts have, and put back: it leaves the cluster and joins it. */
export interface Delisting {
  readonly act: 'delist';
  readonly id: number;
  readonly host: string;
  /** Virtual ms. */
  readonly for: number;
}

/** Draws a host that leaves and joins. */
export function drawDelisting({ random, hosts, nextId, canDelist }: ActSource): Delisting | undefined {
  if (!canDelist) return undefined;
  return { act: 'delist', id: nextId(), host: random.pick(hosts), for: random.pick([10, 300, 4_000]) };
}

/** Changes the list, and changes it back. Several may be delisted at the same time, one also twice. */
export async function delist({ host, for: ms }: Delisting, { simulation, ledger, delisted }: World): Promise<void> {
  const { cluster } = simulation;
  const list = (): void => {
    cluster.list(cluster.hosts.map(({ name }) => name).filter((name) => !delisted.includes(name)));
  };
  const upset = ledger.reasons.upset(host);
  delisted.push(host);
  list();
  await sleep(ms);
  delisted.splice(delisted.indexOf(host), 1);
  list();
  upset.end();
}
