import { describe, expect, it } from '@jest/globals';
import {
  asapScheduler,
  asyncScheduler,
  auditTime,
  debounceTime,
  delay,
  interval,
  map,
  of,
  scheduled,
  Subject,
  take,
  throttleTime,
  timeInterval,
  timeout,
  timer,
} from 'rxjs';
import { TestScheduler, type RunHelpers } from 'rxjs/testing';
import { promisify } from 'node:util';
import { gridTest, installVirtualTime, VirtualClock } from '../../../lib/testing/index.js';

describe('virtual time', () => {
  it('drives the time operators of rxjs without a scheduler argument, as TestScheduler.run does', async () => {
    const flow = ({
      hot,
      cold,
      expectObservable,
      time,
    }: Pick<RunHelpers, 'hot' | 'cold' | 'expectObservable' | 'time'>) => {
      expectObservable(hot('a-b|').pipe(delay(5))).toBe('-----a-(b|)');
      expectObservable(timer(time('------|')).pipe(map(() => 'x'))).toBe('------(x|)');
      expectObservable(timer(3, 2).pipe(map(String), take(3))).toBe('---0-1-(2|)');
      expectObservable(interval(2).pipe(map(String), take(2))).toBe('--0-(1|)');
      expectObservable(hot('abc------d|').pipe(debounceTime(3))).toBe('-----c----(d|)');
      expectObservable(hot('abcdef|').pipe(throttleTime(3))).toBe('a---e-|');
      expectObservable(hot('abcdef|').pipe(auditTime(2))).toBe('--c--f|');
      expectObservable(cold('a---b').pipe(timeout({ each: 3, with: () => of('t') }))).toBe('a--(t|)');
      expectObservable(scheduled(['x', 'y'], asapScheduler)).toBe('(xy|)');
      expectObservable(scheduled(['x', 'y'], asyncScheduler)).toBe('(xy|)');
      expectObservable(
        hot('a--b|').pipe(
          timeInterval(),
          map((each) => each.interval),
        ),
      ).toBe('a--b|', { a: 0, b: 3 });
      expectObservable(timer(time('|') + 60_000).pipe(map(() => 'x'))).toBe('1m (x|)');
    };
    new TestScheduler((actual, expected) => {
      expect(actual).toStrictEqual(expected);
    }).run(flow);
    await gridTest((context) => {
      flow(context as unknown as RunHelpers);
    });
  });

  it('clears timers of the platform that were set before', async () => {
    const real = [setTimeout(() => undefined, 60_000), setInterval(() => undefined, 60_000)] as const;
    await gridTest(() => {
      clearTimeout(real[0]);
      clearInterval(real[1]);
    });
    // The member by which Node marks a timer that was cleared.
    expect(real).toMatchObject([{ _destroyed: true }, { _destroyed: true }]);
  });

  it('drives the timers and clocks of the platform', () =>
    gridTest(async ({ advance, clock }) => {
      const order: string[] = [];
      const note = (what: string): void => {
        order.push(`${what} at ${clock.elapsed}`);
      };
      setTimeout(note, 10, 'timeout');
      const every = setInterval(note, 4, 'interval');
      setImmediate(note, 'immediate');
      const never = setTimeout(note, 5, 'never');
      clearTimeout(Number(never));
      clearTimeout(undefined);
      setTimeout(() => {
        clearInterval(every);
      }, 9);
      const signal = AbortSignal.timeout(7);
      signal.addEventListener('abort', () => {
        note((signal.reason as Error).name);
      });
      await advance(20);
      expect(order).toStrictEqual([
        'immediate at 0',
        'interval at 4',
        'TimeoutError at 7',
        'interval at 8',
        'timeout at 10',
      ]);
      expect(Date.now()).toBe(Date.UTC(2027, 0, 1) + 20);
      expect(new Date().toISOString()).toBe('2027-01-01T00:00:00.020Z');
      expect(new Date(5).getTime()).toBe(5);
      expect(new Date() instanceof Date).toBe(true);
      expect(performance.now()).toBe(20);
      expect(performance.timeOrigin + performance.now()).toBe(Date.now());
      expect(typeof performance.mark).toBe('function');
    }));

  it('supports the properties of a Node timer', () =>
    gridTest(async ({ advance, clock }) => {
      let ran = 0;
      const handle = setTimeout(() => (ran = clock.elapsed), 10);
      expect(handle.unref().ref().hasRef()).toBe(true);
      await advance(6);
      handle.refresh();
      await advance(20);
      expect(ran).toBe(16);
      // What is too long for the platform fires after 1 ms, as there.
      setTimeout(() => (ran = clock.elapsed), 2 ** 31);
      await advance(1);
      expect(ran).toBe(27);
    }));

  it('is removed after the test, also after one that failed', async () => {
    const before = {
      setTimeout,
      setInterval,
      setImmediate,
      clearTimeout,
      Date,
      performance,
      timeout: AbortSignal.timeout,
    };
    await expect(
      gridTest(() => {
        expect(setTimeout).not.toBe(before.setTimeout);
        throw new Error('failed');
      }),
    ).rejects.toThrow('failed');
    expect({
      setTimeout,
      setInterval,
      setImmediate,
      clearTimeout,
      Date,
      performance,
      timeout: AbortSignal.timeout,
    }).toStrictEqual(before);
  });

  it('can be left out', () =>
    gridTest(
      async ({ advance }) => {
        const real = Date.now();
        await advance(365 * 24 * 3_600_000);
        expect(Date.now() - real).toBeLessThan(60_000);
      },
      { virtualGlobals: false },
    ));

  it('is installed by one test at a time', async () => {
    const restore = installVirtualTime(new VirtualClock());
    expect(() => installVirtualTime(new VirtualClock())).toThrow('installed already');
    restore();
    restore();
    // Tests that run at once wait for each other.
    const times: number[] = [];
    const run = (): Promise<void> =>
      gridTest(async ({ advance, clock }) => {
        await advance(10);
        times.push(clock.elapsed, performance.now());
      });
    await Promise.all([run(), run(), run()]);
    expect(times).toStrictEqual([10, 10, 10, 10, 10, 10]);
  });

  it('seeds the platform randomness, and restores it afterwards', async () => {
    const draw = (): unknown[] => [
      Math.random(),
      crypto.randomUUID(),
      ...crypto.getRandomValues(new Uint8Array(4)),
      crypto.getRandomValues(new Uint32Array(1))[0],
    ];
    const drawn = async (seed: number): Promise<unknown[]> => {
      let values: unknown[] = [];
      await gridTest(() => void (values = [...draw(), ...draw()]), { seed });
      return values;
    };
    const first = await drawn(1);
    expect(await drawn(1)).toStrictEqual(first);
    expect(await drawn(2)).not.toStrictEqual(first);
    expect(new Set(first).size).toBeGreaterThan(10);
    expect(first[1]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(draw()).not.toStrictEqual(draw());
    await gridTest(() => {
      expect(() => crypto.getRandomValues(new Float32Array(1) as never)).toThrow('integer-type TypedArray');
      expect(() => crypto.getRandomValues(new Uint8Array(65_537))).toThrow('exceeds 65536 bytes');
    });
    expect(Object.getOwnPropertyNames(crypto)).toStrictEqual([]);
  });

  it('runs the promise forms of the timers', () =>
    gridTest(async ({ clock }) => {
      const sleep = promisify(setTimeout);
      expect(await sleep(250, 'value')).toBe('value');
      expect(clock.elapsed).toBe(250);
      expect(await promisify(setImmediate)('now')).toBe('now');
      expect(clock.elapsed).toBe(250);
      const controller = new AbortController();
      const aborted = sleep(1_000, undefined, { signal: controller.signal });
      controller.abort(new Error('no more'));
      await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
      await expect(sleep(1, 1, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
      expect(clock.pendingTimers).toBe(0);
    }));

  it('forwards retained functions to the platform after the test', async () => {
    let kept!: {
      setTimeout: typeof setTimeout;
      clearTimeout: typeof clearTimeout;
      Date: typeof Date;
      random: () => number;
    };
    let timer!: NodeJS.Timeout;
    await gridTest(() => {
      kept = { setTimeout, clearTimeout, Date, random: Math.random };
      timer = setTimeout(() => undefined, 5);
    });
    kept.clearTimeout(timer);
    await new Promise<void>((resolve) => kept.setTimeout(resolve, 1));
    kept.clearTimeout(kept.setTimeout(() => undefined, 10_000));
    expect(Math.abs(kept.Date.now() - Date.now())).toBeLessThan(60_000);
    expect(kept.random()).not.toBe(kept.random());
  });

  it('lets an error that rxjs reports out of band fail the test', async () => {
    await expect(
      gridTest(async ({ advance }) => {
        const subject = new Subject<void>();
        subject.subscribe(() => {
          throw new Error('in next');
        });
        subject.next();
        await advance(1);
      }),
    ).rejects.toThrow('in next');
  });
});
