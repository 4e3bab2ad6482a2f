import type { ActSource } from '../acts/act.js';
import type { World } from '../world.js';
import { stormLimits, usualLimits } from '../limits.js';
import { attacks } from './attacks.js';
import { hostilePrefix, RawPeer } from './raw-peer.js';

/** A hostile peer breaks a rule at a host. */
export interface Attack {
  readonly act: 'attack';
  readonly id: number;
  readonly host: string;
  /** Name of one of {@link attacks}. */
  readonly attack: string;
}

const attackNames = Object.keys(attacks);

/** Draws an attack. */
export function drawAttack({ random, hosts, nextId }: ActSource): Attack {
  return { act: 'attack', id: nextId(), host: random.pick(hosts), attack: random.pick(attackNames) };
}

/** Ms that frames may wait, beside the way there and back: in sockets that are full by chance, and in slices. */
const waiting = 500;

/**
 * A hostile leaf dials the host that the operation goes to, and breaks a rule there. Only what happened to that host
 * excuses it.
 */
export async function performAttack(
  { attack, host: to, id }: Attack,
  { simulation, ledger, probes: probesOf, violate }: World,
): Promise<void> {
  const { cluster, clock } = simulation;
  const { line, reasons } = ledger;
  // Towards a peer of another kind the rules are others.
  if (!ledger.areCurrent(to)) return;
  // There it would be disconnected while it waits.
  if (line.idleLeaves) return;
  const began = clock.elapsed;
  const host = cluster.host(to);
  const probes = probesOf.get(to)!;
  const peer = await RawPeer.dial(cluster, clock, `${hostilePrefix}${id}`, to);
  if (peer === undefined) return;
  const expect = (met: boolean, what: string): void => {
    if (!met && !reasons.hostTouched(to, began))
      violate('a host holds to the rules whatever a peer does', `${to}: ${what}`);
  };
  try {
    const soon = 6 * (line.latency + line.jitter) + waiting;
    const knock = (): Promise<RawPeer | undefined> =>
      RawPeer.open(cluster, clock, `${hostilePrefix}${id}-stranger`, to);
    const limits = line.storm ? stormLimits : usualLimits;
    await attacks[attack]!({ peer, connection: host.connection(peer.name), probes, soon, limits, knock, expect });
  } catch (error) {
    // The host has lost the leaf meanwhile.
    expect(false, `${attack}: ${error instanceof Error ? String(error.stack) : String(error)}`);
  } finally {
    peer.close();
  }
}
