import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { VirtualClock } from '../../../lib/testing/index.js';

describe('VirtualClock', () => {
  it('runs timers in order of time, and equal ones in the order of setting', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ ms: fc.nat(50), cancelled: fc.boolean() }), { maxLength: 60 }), (timers) => {
        const clock = new VirtualClock();
        const ran: { index: number; at: number }[] = [];
        const cancels = timers.map(({ ms }, index) => clock.schedule(() => ran.push({ index, at: clock.elapsed }), ms));
        timers.forEach(({ cancelled }, index) => {
          if (cancelled) cancels[index]!();
        });
        clock.runFor(50);
        const expected = timers
          .map(({ ms, cancelled }, index) => ({ index, at: ms, cancelled }))
          .filter(({ cancelled }) => !cancelled)
          .sort((a, b) => a.at - b.at || a.index - b.index)
          .map(({ index, at }) => ({ index, at }));
        expect(ran).toStrictEqual(expected);
      }),
    );
  });

  it('orders deferred tasks and promises as a real process does', async () => {
    const order = async (defer: (task: () => void) => void): Promise<string[]> => {
      const log: string[] = [];
      defer(() => log.push('deferred 1'));
      void Promise.resolve().then(() => log.push('promise 1'));
      defer(() => {
        log.push('deferred 2');
        defer(() => log.push('deferred 3'));
      });
      void Promise.resolve().then(() => log.push('promise 2'));
      await new Promise((resolve) => setImmediate(resolve));
      return log;
    };
    const clock = new VirtualClock();
    expect(
      await order((task) => {
        clock.defer(task);
      }),
    ).toStrictEqual(await order(queueMicrotask));
  });

  it('runs the promises of one timer before the next timer', async () => {
    const clock = new VirtualClock();
    const order: string[] = [];
    for (const name of ['first', 'second']) {
      clock.schedule(() => {
        void (async () => {
          for (let hop = 0; hop < 20; hop++) await Promise.resolve();
          order.push(`promise of ${name}`);
        })();
        order.push(name);
      }, 5);
    }
    await clock.advance(5);
    expect(order).toStrictEqual(['first', 'promise of first', 'second', 'promise of second']);
  });

  it('advances within a drive, and to the end of a point in time', async () => {
    const clock = new VirtualClock();
    const order: string[] = [];
    let done = false;
    const sleeper = async (name: string, ms: number): Promise<void> => {
      await clock.advance(ms);
      order.push(`${name} at ${clock.elapsed}`);
    };
    const flow = (async () => {
      await Promise.resolve();
      clock.schedule(() => {
        clock.schedule(() => order.push('timer of timer'), 0);
      }, 10);
      await Promise.all([sleeper('late', 20), sleeper('early', 10)]);
      done = true;
    })();
    await clock.drive(() => done);
    await flow;
    expect(order).toStrictEqual(['timer of timer', 'early at 10', 'late at 20']);
  });

  it('skips the time between two timers: a year takes no time', async () => {
    const clock = new VirtualClock();
    await clock.advance(365 * 24 * 3_600_000);
    expect(new Date(clock.wallNow())).toStrictEqual(new Date('2028-01-01T00:00:00Z'));
  });

  it('stands still while real work is held', async () => {
    const clock = new VirtualClock();
    const work = clock.hold(
      (async () => {
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
        return clock.elapsed;
      })(),
    );
    await clock.advance(1_000);
    expect(await work).toBe(0);
    expect(clock.elapsed).toBe(1_000);
  });

  it('throws errors of a timer or a deferred task', async () => {
    const clock = new VirtualClock();
    clock.schedule(() => {
      throw new Error('of a timer');
    }, 1);
    await expect(clock.advance(1)).rejects.toThrow('of a timer');
    clock.defer(() => {
      throw new Error('of a deferred task');
    });
    await expect(clock.advance(0)).rejects.toThrow('of a deferred task');
    clock.schedule(() => {
      throw new Error('at once');
    }, 1);
    expect(() => {
      clock.runFor(1);
    }).toThrow('at once');
  });

  it('gives up when time stands still, when the test waits forever, and when nothing is pending', async () => {
    const still = new VirtualClock();
    const again = (): void => {
      still.schedule(again, 0);
    };
    again();
    expect(() => {
      still.runFor(1);
    }).toThrow('Time stands still at 0 ms');

    const endless = new VirtualClock();
    const tick = (): void => {
      endless.schedule(tick, 10);
    };
    tick();
    await expect(endless.drive(() => false, 1_000)).rejects.toThrow('Still not done after 1000 ms of virtual time.');
    await expect(new VirtualClock().drive(() => false)).rejects.toThrow('Nothing happens any more at 0 ms');
  });

  it('waits for real work when no timer is set', async () => {
    const clock = new VirtualClock();
    let done = false;
    setTimeout(() => {
      done = true;
    }, 5);
    await clock.drive(() => done);
    expect(clock.elapsed).toBe(0);
  });

  it('refuses a delay beyond the limit of timers, and a second driver', async () => {
    const clock = new VirtualClock();
    for (const ms of [-1, NaN, 2 ** 31, Infinity]) {
      expect(() => clock.schedule(() => undefined, ms)).toThrow(RangeError);
    }
    const first = clock.advance(1);
    await expect(clock.drive(() => true)).rejects.toThrow('driven already');
    await first;
  });

  it('runs deferred tasks within runFor, which waits for no promise', () => {
    const clock = new VirtualClock();
    const order: string[] = [];
    clock.schedule(() => {
      clock.defer(() => order.push('deferred'));
      void Promise.resolve().then(() => order.push('promise'));
    }, 1);
    clock.schedule(() => order.push('next timer'), 1);
    clock.runFor(1);
    expect(order).toStrictEqual(['deferred', 'next timer']);
  });

  it('gives hosts skewed clocks', () => {
    const clock = new VirtualClock({ start: 1_000 });
    const skewed = clock.skewed(-300);
    let ran = 0;
    skewed.schedule(() => (ran = skewed.wallNow()), 50);
    clock.runFor(50);
    expect([ran, skewed.now()]).toStrictEqual([750, 50]);
  });
});

describe('randomness', () => {
  it('is determined by the seed', () => {
    const draw = (seed: number): number[] => {
      const clock = new VirtualClock({ seed });
      return [clock.random(), clock.random(), clock.seeded.fork('x').next()];
    };
    expect(draw(1)).toStrictEqual(draw(1));
    expect(draw(1)).not.toStrictEqual(draw(2));
  });

  it('of a fork is independent of other draws', () => {
    const early = new VirtualClock().seeded.fork('x').next();
    const clock = new VirtualClock();
    clock.random();
    expect(clock.seeded.fork('x').next()).toBe(early);
    expect(clock.seeded.fork('y').next()).not.toBe(early);
  });

  it('draws intervals with the requested mean, and picks from all', () => {
    const random = new VirtualClock().seeded;
    const intervals = Array.from({ length: 10_000 }, () => random.interval(100));
    expect(intervals.reduce((sum, each) => sum + each) / 10_000).toBeCloseTo(100, -1);
    expect(Math.min(...intervals)).toBe(1);
    const picked = new Set(Array.from({ length: 100 }, () => random.pick(['a', 'b', 'c'])));
    expect(picked.size).toBe(3);
    expect(() => random.pick([])).toThrow(RangeError);
  });
});
