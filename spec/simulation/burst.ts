import type { Simulation } from '../../lib/testing/index.js';
import { performCall } from './caller.js';
import type { Ledger } from './ledger.js';
import type { Operation } from './operation.js';

/** Calls of a storm that are made at once. */
export const burst = 200;

/** Makes the call of an operation, or all calls of a burst, at once. The result settles when all are over. */
export async function performCalls(operation: Operation, simulation: Simulation, ledger: Ledger): Promise<void> {
  const single = asPeersHave(operation, ledger);
  if (operation.burst === undefined) {
    await performCall(single, simulation, ledger);
    return;
  }
  const calls = Array.from({ length: operation.burst }, (_, index) =>
    performCall({ ...single, script: { ...single.script, id: single.script.id + index } }, simulation, ledger),
  );
  await Promise.allSettled(calls);
}

/** Towards a peer that knows no windows, both sides go by their own table, which must then be the same. */
function asPeersHave(operation: Operation, { line }: Ledger): Operation {
  const { from, to, window } = operation;
  const known = line.peers[from] === undefined && line.peers[to] === undefined;
  return known ? operation : { ...operation, callerWindow: window };
}
