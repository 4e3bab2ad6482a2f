import { take } from 'rxjs';
import type { Invariant, Simulation } from '../../../lib/testing/index.js';
import type { WireModel } from '../wire-model.js';

/** When everything is over, no mux, no queue and no timer is left. */
export function nothingLeft({ cluster, clock }: Simulation, model: WireModel): Invariant {
  return {
    name: 'nothing is left after the quiet time',
    end() {
      const left: string[] = [];
      for (const host of cluster.hosts) {
        for (const other of cluster.hosts) {
          host
            .connection(other)
            .stats$.pipe(take(1))
            .subscribe(({ openOut, openIn, queuedBytes }) => {
              if (openOut + openIn + queuedBytes === 0) return;
              left.push(
                `${host.name} to ${other.name}: ${openOut} calls out, ${openIn} in, ${queuedBytes} bytes queued`,
              );
            });
        }
      }
      // Each end of each connection has the timer of its keepalive; a host's connection to itself has two ends. Each
      // host looks whether its machine has slept.
      const { length } = cluster.hosts;
      const expected = length * (length - 1) + 2 * length + length;
      // A message on its way has a timer too.
      const still = model.circuits.every(
        ({ inTheAir, tampered, full }) => inTheAir === 0 && !tampered && !full.includes(true),
      );
      if (still && clock.pendingTimers !== expected) left.push(`${clock.pendingTimers} timers; ${expected} are due`);
      if (left.length > 0) throw new Error(left.join('; '));
    },
    closed() {
      if (clock.pendingTimers > 0) throw new Error(`${clock.pendingTimers} timers after everything was closed`);
    },
  };
}
