// 1 024 deadlines that are set and, as nearly all are, taken back before they pass: the wheel, against a timer of the
// platform for each.
import { TimerEntry, TimerWheel } from '../../dist/esm/mux/timer-wheel.js';

const deadlines = 1_024;
const timeout = (index) => 1_000 + 100 * ((index * 7_919) % 600);

class Entry extends TimerEntry {
  constructor(onTimer) {
    super();
    this.onTimer = onTimer;
  }
}

export function create() {
  const wheel = new TimerWheel(
    () => performance.timeOrigin + performance.now(),
    (task, ms) => {
      const timer = setTimeout(task, ms);
      return () => clearTimeout(timer);
    },
  );
  const entries = Array.from({ length: deadlines }, () => new Entry(() => {}));
  return {
    operations: deadlines,
    ours() {
      const now = performance.timeOrigin + performance.now();
      for (const [index, entry] of entries.entries()) wheel.add(entry, now + timeout(index));
      wheel.rearm();
      for (const entry of entries) wheel.remove(entry);
      wheel.rearm();
    },
    plain() {
      const timers = Array.from({ length: deadlines }, (_, index) => setTimeout(() => {}, timeout(index)));
      for (const timer of timers) clearTimeout(timer);
    },
    compare: () => [firedByWheel(), firedInOrder()],
  };
}

/** The order in which a wheel fires, with a clock of its own that jumps from one wake-up to the next. */
function firedByWheel() {
  const fired = [];
  let now = 0;
  let wake;
  const wheel = new TimerWheel(
    () => now,
    (task, ms) => {
      wake = { task, at: now + ms };
      return () => (wake = undefined);
    },
  );
  for (let index = 0; index < deadlines; index++) wheel.add(new Entry(() => fired.push(index)), timeout(index));
  wheel.rearm();
  while (wake !== undefined) {
    const { task, at } = wake;
    wake = undefined;
    now = at;
    task();
  }
  return fired;
}

const firedInOrder = () =>
  Array.from({ length: deadlines }, (_, index) => index).sort((a, b) => timeout(a) - timeout(b) || a - b);
