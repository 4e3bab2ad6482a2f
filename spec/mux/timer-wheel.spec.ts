import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { TimerEntry, TimerWheel } from '../../lib/mux/timer-wheel.js';
import { ManualRuntime } from '../support/manual-runtime.js';
import { runs } from '../support/property-runs.js';

class Entry extends TimerEntry {
  readonly name: string;
  readonly #fired: (name: string, now: number) => void;

  constructor(name: string, fired: (name: string, now: number) => void) {
    super();
    this.name = name;
    this.#fired = fired;
  }

  override onTimer(now: number): void {
    this.#fired(this.name, now);
  }
}

/** Settles after each change, as the engine does at the end of each turn. */
class SettledWheel extends TimerWheel {
  override add(entry: TimerEntry, due: number): void {
    super.add(entry, due);
    this.rearm();
  }

  override remove(entry: TimerEntry): void {
    super.remove(entry);
    this.rearm();
  }
}

// No entry here throws, but where a test is about just that.
const rethrow = (error: unknown): never => {
  throw error;
};

function setUp(start?: number, onThrown: (error: unknown) => void = rethrow) {
  const runtime = new ManualRuntime(1, start);
  const wheel = new SettledWheel(
    () => runtime.now(),
    (task, ms) => runtime.schedule(task, ms),
    onThrown,
  );
  const began = runtime.now();
  const fired: string[] = [];
  const entry = (name: string, then?: () => void): Entry =>
    new Entry(name, (_, now) => {
      fired.push(`${name} ${now - began}`);
      then?.();
    });
  const add = (name: string, ms: number, then?: () => void): Entry => {
    const added = entry(name, then);
    wheel.add(added, began + ms);
    return added;
  };
  return { runtime, wheel, began, fired, entry, add };
}

describe('TimerWheel', () => {
  it('fires each entry once, ordered by time, then by insertion', () => {
    const { runtime, wheel, fired, add } = setUp();
    add('c', 20);
    add('a', 10);
    add('b', 10);
    add('far', 10 + 4096);
    add('farther', 3 * 4096);
    runtime.advance(9);
    expect(fired).toStrictEqual([]);
    runtime.advance(20_000);
    expect(fired).toStrictEqual(['a 10', 'b 10', 'c 20', 'far 4106', 'farther 12288']);
    expect([wheel.size, runtime.scheduled]).toStrictEqual([0, 0]);
  });

  it('keeps the order, and removed entries out, while it grows', () => {
    const { runtime, wheel, fired, add } = setUp();
    const expected: { ms: number; index: number }[] = [];
    const removed: Entry[] = [];
    for (let index = 0; index < 5_000; index++) {
      const ms = 10 + ((index * 7) % 30) * 300;
      const entry = add(String(index), ms);
      if (index % 3 === 0) removed.push(entry);
      else expected.push({ ms, index });
      // One that waits is the newest, the oldest or between, in its slot.
      if (index % 5 === 0 && removed.length > 0) wheel.remove(removed.shift()!);
    }
    for (const entry of removed) wheel.remove(entry);
    expect(wheel.size).toBe(expected.length);
    runtime.advance(10_000);
    expected.sort((a, b) => a.ms - b.ms || a.index - b.index);
    expect(fired).toStrictEqual(expected.map(({ ms, index }) => `${index} ${ms}`));
  });

  it('sets no timer where an entry is removed in the turn in which it was added', () => {
    const { runtime, entry } = setUp();
    const wheel = new TimerWheel(
      () => runtime.now(),
      (task, ms) => runtime.schedule(task, ms),
      rethrow,
    );
    const added = entry('a');
    wheel.add(added, runtime.now() + 10);
    expect(runtime.scheduled).toBe(0);
    wheel.remove(added);
    wheel.rearm();
    expect(runtime.scheduled).toBe(0);
    wheel.add(added, runtime.now() + 10);
    wheel.rearm();
    expect(runtime.scheduled).toBe(1);
  });

  it('fires every entry that is due, and later ones, although one of them throws', () => {
    const thrown: unknown[] = [];
    const { runtime, fired, add } = setUp(undefined, (error) => thrown.push(error));
    add('a', 10, () => {
      throw new Error('boom');
    });
    add('b', 10);
    add('c', 20);
    runtime.advance(20);
    expect(fired).toStrictEqual(['a 10', 'b 10', 'c 20']);
    expect(thrown).toStrictEqual([new Error('boom')]);
  });

  it('has one platform timer, and none when it is empty', () => {
    const { runtime, wheel, add } = setUp();
    const entries = [add('a', 10), add('b', 5), add('c', 70_000)];
    expect(runtime.scheduled).toBe(1);
    for (const entry of entries) wheel.remove(entry);
    expect([wheel.size, runtime.scheduled]).toStrictEqual([0, 0]);
    wheel.remove(entries[0]!);
    expect(wheel.size).toBe(0);
  });

  it('fires overdue entries at the next opportunity', () => {
    const { runtime, fired, add } = setUp();
    add('keeps the wheel turning', 60_000);
    runtime.advance(30_000);
    add('late', 10);
    runtime.advance(1);
    expect(fired).toStrictEqual(['late 30000']);
  });

  it('moves an entry that is added again', () => {
    const { runtime, wheel, began, fired, add } = setUp();
    const entry = add('a', 10);
    wheel.add(entry, began + 50);
    expect(wheel.size).toBe(1);
    runtime.advance(100);
    expect(fired).toStrictEqual(['a 50']);
  });

  it('lets an entry add itself again while it fires, for now or later', () => {
    const { runtime, wheel, began, fired, entry } = setUp();
    let left = 3;
    const again: Entry = entry('again', () => {
      if (left-- > 0) wheel.add(again, left === 2 ? began : runtime.now() + 10);
    });
    wheel.add(again, began + 5);
    runtime.advance(100);
    expect(fired).toStrictEqual(['again 5', 'again 5', 'again 15', 'again 25']);
    expect(wheel.size).toBe(0);
  });

  it('lets an entry remove or move another due one while it fires', () => {
    const { runtime, wheel, began, fired, add, entry } = setUp();
    const removed = entry('removed');
    const moved = entry('moved');
    add('first', 10, () => {
      wheel.remove(removed);
      wheel.add(moved, began + 20);
    });
    wheel.add(removed, began + 10);
    wheel.add(moved, began + 10);
    runtime.advance(100);
    expect(fired).toStrictEqual(['first 10', 'moved 20']);
    expect([wheel.size, runtime.scheduled]).toStrictEqual([0, 0]);
  });

  it('never fires early, where the clock has fractions', () => {
    const { runtime, began, fired, wheel, entry } = setUp(1_800_000_000_000.75);
    wheel.add(entry('a'), began + 10.1);
    runtime.advance(10);
    expect(fired).toStrictEqual([]);
    runtime.advance(2);
    expect(fired).toHaveLength(1);
    expect(runtime.scheduled).toBe(0);
  });

  it('supports times beyond the limit of a platform timer', () => {
    const { runtime, fired, add } = setUp();
    const day = 86_400_000;
    add('in 49 days', 49 * day);
    runtime.advance(48 * day);
    expect(fired).toStrictEqual([]);
    runtime.advance(2 * day);
    expect(fired).toStrictEqual([`in 49 days ${49 * day}`]);
  });

  it('never fires an entry that is due at Infinity, and does not retain it', () => {
    const { runtime, wheel, fired, add } = setUp();
    add('never', Infinity);
    expect(wheel.size).toBe(0);
    runtime.advance(1_000_000);
    expect([fired, runtime.scheduled]).toStrictEqual([[], 0]);
  });

  it('starts again after stop', () => {
    const { runtime, wheel, fired, add } = setUp();
    add('a', 10);
    wheel.stop();
    runtime.advance(100);
    expect(fired).toStrictEqual([]);
    add('b', 110);
    runtime.advance(100);
    expect(fired.sort()).toStrictEqual(['a 100', 'b 110']);
  });

  it('scales with the entries that are due, not with those that wait', () => {
    const { runtime, wheel, began } = setUp();
    let fired = 0;
    let scheduled = 0;
    const counting = new SettledWheel(
      () => runtime.now(),
      (task, ms) => {
        scheduled++;
        return runtime.schedule(task, ms);
      },
      rethrow,
    );
    // As 25 000 streams do, whose pings are spread over 15 seconds. Visiting all of them each ms takes minutes.
    for (let index = 0; index < 25_000; index++) {
      const entry: Entry = new Entry('', (_, now) => {
        fired++;
        counting.add(entry, now + 15_000);
      });
      counting.add(entry, began + (index * 15_000) / 25_000);
    }
    runtime.advance(15_000);
    expect(fired).toBeGreaterThan(24_700);
    expect(scheduled).toBeLessThan(32_000);
    expect(wheel.size).toBe(0);
  });

  it('behaves as a sorted list under random insertions and removals', () => {
    const step = fc.oneof(
      fc.record({ what: fc.constant('add' as const), ms: fc.integer({ min: -5, max: 9000 }) }),
      fc.record({ what: fc.constant('remove' as const), ms: fc.nat({ max: 30 }) }),
      fc.record({ what: fc.constant('advance' as const), ms: fc.nat({ max: 5000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { runtime, wheel, began, add } = setUp();
        const entries: { entry: Entry; due: number; firedAt: number | undefined; removed: boolean }[] = [];
        for (const { what, ms } of steps) {
          if (what === 'advance') runtime.advance(ms);
          else if (what === 'add') {
            const due = runtime.now() - began + ms;
            const state = {
              entry: undefined as unknown as Entry,
              due,
              firedAt: undefined as number | undefined,
              removed: false,
            };
            state.entry = add('', due, () => {
              expect(state.firedAt).toBe(undefined);
              state.firedAt = runtime.now() - began;
            });
            entries.push(state);
          } else {
            const state = entries[ms];
            if (state === undefined || state.firedAt !== undefined) continue;
            wheel.remove(state.entry);
            state.removed = true;
          }
          const now = runtime.now() - began;
          for (const { due, firedAt, removed } of entries) {
            if (removed) expect(firedAt).toBe(undefined);
            else if (firedAt !== undefined) expect(firedAt).toBeGreaterThanOrEqual(due);
            else expect(due).toBeGreaterThanOrEqual(Math.min(now, due > now ? due : now - 5));
          }
          const waiting = entries.filter(({ firedAt, removed }) => firedAt === undefined && !removed).length;
          expect(wheel.size).toBe(waiting);
          expect(runtime.scheduled).toBe(waiting > 0 ? 1 : 0);
        }
        runtime.advance(20_000);
        for (const { due, firedAt, removed } of entries) {
          if (!removed) expect(firedAt! - Math.max(due, 0)).toBeLessThanOrEqual(6);
        }
        expect([wheel.size, runtime.scheduled]).toStrictEqual([0, 0]);
      }),
      { numRuns: runs(300) },
    );
  });
});
