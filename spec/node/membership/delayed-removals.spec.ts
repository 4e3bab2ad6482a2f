import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DelayedRemovals } from '../../../lib/node/membership/delayed-removals.js';
import { ManualRuntime } from '../../support/manual-runtime.js';

function track(removeAfter: number): { time: ManualRuntime; hosts: DelayedRemovals; lists: (readonly string[])[] } {
  const time = new ManualRuntime();
  const lists: (readonly string[])[] = [];
  return { time, lists, hosts: new DelayedRemovals(time, removeAfter, (list) => lists.push(list)) };
}

describe('DelayedRemovals', () => {
  it('adds hosts at once and removes them when they have been missing for the delay', () => {
    const { time, hosts, lists } = track(100);
    hosts.update(['a', 'b']);
    hosts.update(['b', 'c']);
    time.advance(99);
    expect(lists).toStrictEqual([
      ['a', 'b'],
      ['a', 'b', 'c'],
    ]);
    time.advance(1);
    expect(lists.at(-1)).toStrictEqual(['b', 'c']);
  });

  it('does not report a host that flaps, and restarts its delay each time', () => {
    const { time, hosts, lists } = track(100);
    for (let i = 0; i < 20; i++) {
      hosts.update(['a', 'b']);
      time.advance(60);
      hosts.update(['a']);
      time.advance(90);
    }
    hosts.update(['a', 'b']);
    time.advance(1_000);
    expect(lists).toStrictEqual([['a', 'b']]);
  });

  it('removes at once with no delay, and emits no list twice', () => {
    const { hosts, lists } = track(0);
    hosts.update(['a', 'b']);
    hosts.update(['b', 'a']);
    hosts.update([]);
    hosts.update([]);
    expect(lists).toStrictEqual([['a', 'b'], []]);
  });

  it('leaves no timer when it is stopped', () => {
    const { time, hosts, lists } = track(100);
    hosts.update(['a']);
    hosts.update([]);
    hosts.stop();
    time.advance(1_000);
    expect(lists).toStrictEqual([['a']]);
    expect(time.scheduled).toBe(0);
  });

  it('lists exactly the hosts seen within the delay, for random events', () => {
    const step = fc.record({ wait: fc.nat(50), names: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd')) });
    fc.assert(
      fc.property(fc.nat(80), fc.array(step, { maxLength: 30 }), (removeAfter, steps) => {
        const { time, hosts, lists } = track(removeAfter);
        const missingSince = new Map<string, number>();
        for (const { wait, names } of steps) {
          time.advance(wait);
          const now = time.now();
          for (const name of names) missingSince.set(name, Infinity);
          for (const [name, since] of missingSince) {
            if (!(names as string[]).includes(name) && since === Infinity) missingSince.set(name, now);
          }
          hosts.update(names);
          const expected = [...missingSince].filter(([, since]) => since + removeAfter > now).map(([name]) => name);
          expect(lists.at(-1)).toStrictEqual(expected.sort());
          for (const [name, since] of missingSince) if (since + removeAfter <= now) missingSince.delete(name);
        }
        hosts.stop();
      }),
    );
  });
});
