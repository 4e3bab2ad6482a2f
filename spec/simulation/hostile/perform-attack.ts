import type { Simulation } from '../../../lib/testing/index.js';
import type { Ledger } from '../ledger.js';
import type { Operation } from '../operation.js';
import { attacks } from './attacks.js';
import type { Probes } from './probe-routes.js';
import { hostilePrefix, RawPeer } from './raw-peer.js';

/** Names of all attacks, for those who draw one. */
export const attackNames = Object.keys(attacks);

/** Ms that frames may wait, beside the way there and back: in sockets that are full by chance, and in slices. */
const waiting = 500;

/** A hostile leaf dials the host that the operation goes to, and breaks a rule there. Only what happened to that host excuses it. */
export async function performAttack(
  { attack, to, script }: Operation,
  { cluster, clock, violate }: Simulation,
  { line, reasons }: Ledger,
  probes: Probes,
): Promise<void> {
  // Towards a peer of another kind the rules are others.
  if (line.peers[to] !== undefined) return;
  const began = clock.elapsed;
  const host = cluster.host(to);
  const peer = await RawPeer.dial(cluster, clock, `${hostilePrefix}${script.id}`, to);
  if (peer === undefined) return;
  const expect = (met: boolean, what: string): void => {
    if (!met && !reasons.hostTouched(to, began))
      violate('a host holds to the rules whatever a peer does', `${to}: ${what}`);
  };
  try {
    const soon = 6 * (line.latency + line.jitter) + waiting;
    await attacks[attack!]!({ peer, connection: host.connection(peer.name), probes, soon, expect });
  } catch (error) {
    // The host has lost the leaf meanwhile.
    expect(false, `${attack}: ${error instanceof Error ? String(error.stack) : String(error)}`);
  } finally {
    peer.close();
  }
}
