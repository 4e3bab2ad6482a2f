import { leafPrefix, type Reasons } from '../reasons.js';
import type { CircuitModel, WireRule } from '../wire-model.js';

/**
 * Between two hosts, an end that has a new connection has closed the old one. A leaf may come again before its host has
 * found out that it had gone, and what runs at a host that has left the list may end on its old connection while it is
 * there again.
 */
export function oneConnection(reasons: () => Reasons): WireRule {
  // By host and peer: what is past the handshake and open.
  const live = new Map<string, Set<CircuitModel>>();
  const keyOf = (circuit: CircuitModel, end: 0 | 1): string => `${circuit.ends[end]} to ${circuit.ends[1 - end]!}`;
  return {
    name: 'two connections between one pair never coexist past the handshake',
    changed(circuit, end) {
      const key = keyOf(circuit, end);
      const circuits = live.get(key) ?? new Set();
      live.set(key, circuits);
      if (circuit.closed[end]) circuits.delete(circuit);
      else if (circuit.live[end] !== undefined) circuits.add(circuit);
    },
    sent({ circuit, end, at }) {
      const key = keyOf(circuit, end);
      const circuits = live.get(key);
      // The acceptor answers on the new one before it closes the old one, in the same turn.
      if (circuits === undefined || circuits.size < 2 || circuit.live[end] === at) return;
      if (circuit.ends[1 - end]!.startsWith(leafPrefix)) return;
      if (circuit.ends.some((host) => reasons().wasUpset(host, at))) return;
      throw new Error(`${key}: ${circuits.size} connections are open, and one of them is used`);
    },
  };
}
