import { performCall } from './caller.js';
import type { Operation } from './operation.js';
import type { World } from './world.js';

/** Calls of a storm that are made at once. */
export const burst = 200;

/** Makes the call of an operation, or all calls of a burst, at once. The result settles when all are over. */
export async function performCalls(operation: Operation, world: World): Promise<void> {
  const single = asPeersHave(operation, world);
  if (operation.burst === undefined) {
    await performCall(single, world);
    return;
  }
  const calls = Array.from({ length: operation.burst }, (_, index) =>
    performCall({ ...single, script: { ...single.script, id: single.script.id + index } }, world),
  );
  await Promise.allSettled(calls);
}

/**
 * Towards a peer that knows no windows, both sides go by their own table, which must then be the same. Only a sender
 * whose window is a little larger is tolerated.
 */
function asPeersHave(operation: Operation, { ledger }: World): Operation {
  const known = ledger.areCurrent(operation.from, operation.to);
  return known || isTolerated(operation) ? operation : { ...operation, callerWindow: operation.window };
}

/** Whether the caller takes the output of this call, although its own window is smaller than that of the handler. */
function isTolerated({ route, window, callerWindow }: Operation): boolean {
  if (route !== 'serve') return false;
  return (window === 'two' && callerWindow === 'one') || (window === 'four' && callerWindow === 'two');
}
