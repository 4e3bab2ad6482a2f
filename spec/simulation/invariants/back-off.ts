import type { Manager } from '../../../lib/index.js';
import { shortName, type Invariant, type Simulation } from '../../../lib/testing/index.js';
import { rules, type Ledger } from '../ledger.js';

/** Since when each host has been in back-off towards each other one, by the true time: its own wall clock may jump. */
export class BackOffTimes {
  readonly #since = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Watches the states of a manager from its beginning. */
  watch(manager: Manager): void {
    const from = shortName(manager.local);
    manager.cluster$.subscribe(({ hosts }) => {
      for (const { host, status } of hosts) {
        const key = `${from} ${shortName(host)}`;
        if (status !== 'back-off') this.#since.delete(key);
        else if (!this.#since.has(key)) this.#since.set(key, this.#now());
      }
    });
  }

  /** Undefined: it is not in back-off. */
  since(from: string, to: string): number | undefined {
    return this.#since.get(`${from} ${to}`);
  }
}

/** In back-off nothing waits but what was told to. */
export function backOff({ clock }: Simulation, ledger: Ledger, times: BackOffTimes): Invariant {
  return {
    name: rules.waiting,
    step() {
      const now = clock.elapsed;
      for (const record of ledger.calls.values()) {
        const { from, to, waitForConnect, taker, route, late } = record.operation;
        // In the other ways the consumer's own time comes on top.
        const endsAtOnce = route.startsWith('ask') || (taker === 'subscribe' && late === 0);
        if (record.overAt !== undefined || waitForConnect !== undefined || from === to || !endsAtOnce) continue;
        const since = times.since(from, to);
        if (now - record.beganAt <= 1 || since === undefined || now - since <= 1) continue;
        // Nothing ends in a process that stands still.
        if (ledger.reasons.paused(from, now)) continue;
        ledger.violate(rules.waiting, record, `it waits, ${Math.round(now - since)} ms in back-off`);
      }
    },
  };
}
