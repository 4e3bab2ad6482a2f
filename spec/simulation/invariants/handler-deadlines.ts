import type { Invariant } from '../../../lib/testing/index.js';
import { responderSlackMs } from '../../../lib/mux/mux.js';
import { takesInput } from '../operation.js';
import { rules, unaryTimeout, type Ledger } from '../ledger.js';

/** Ms that the code of a handler may need to notice that it is to stop, beside the pause before its next item. */
const noticing = 100;

/** A handler knows the deadline of its call, and stops then, whether it hears a cancel or not. */
export function handlerDeadlines(ledger: Ledger): Invariant {
  const check = (): void => {
    const now = ledger.now();
    for (const record of ledger.calls.values()) {
      if (record.running <= 0) continue;
      const { timeout, route, script, to } = record.operation;
      const allowed = timeout > 0 ? timeout : route.startsWith('ask') ? unaryTimeout : Infinity;
      const paused = [to, script.via].reduce(
        (sum, host) => sum + ledger.reasons.pausedFor(host, record.startedAt, now),
        0,
      );
      // `consume` and `for await` finish the items that came before the end.
      const finishing = script.takes * (1 + (takesInput(route) ? record.operation.input.items : 0));
      const slack = responderSlackMs + script.pace + finishing + noticing + ledger.reasons.drift(allowed) + paused;
      const ran = now - record.startedAt;
      if (ran > allowed + slack)
        ledger.violate(rules.handlerDeadline, record, `it has run for ${ran} ms of ${allowed}`);
    }
  };
  return { name: rules.handlerDeadline, step: check, end: check };
}
