import type { WireWatcher } from '../../../lib/testing/frames/wire-watcher.js';
import type { Invariant } from '../../../lib/testing/index.js';

/**
 * So many dials of one host by another one are too many within so many ms: the first ones follow each other more
 * closely.
 */
const maxDials = 12;
const period = 2_000;

/** A host that does not answer is dialed again, but not without a pause. */
export function dialRate(now: () => number): { readonly watcher: WireWatcher; readonly invariant: Invariant } {
  const name = 'a host that is down is dialed at intervals';
  const times = new Map<string, number[]>();
  let broken: string | undefined;
  const nothing = (): void => undefined;
  return {
    watcher: {
      dialed(from, to) {
        const key = `${from} to ${to}`;
        const recent = [...(times.get(key) ?? []), now()].slice(-maxDials - 1);
        times.set(key, recent);
        if (recent.length > maxDials && recent.at(-1)! - recent[0]! < period)
          broken ??= `${key}: ${recent.length} dials within ${Math.round(recent.at(-1)! - recent[0]!)} ms`;
      },
      opened: nothing,
      sent: nothing,
      arrived: nothing,
      closed: nothing,
    },
    invariant: {
      name,
      step: check,
      end: check,
    },
  };

  function check(): void {
    if (broken !== undefined) throw new Error(broken);
  }
}
