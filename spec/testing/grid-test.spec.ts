import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstValueFrom, NEVER, of } from 'rxjs';
import { ConfigurationError, type, unary } from '../../lib/index.js';
import {
  gridTest,
  GridAssertionError,
  GridSeedError,
  simulate,
  type GridTestContext,
} from '../../lib/testing/index.js';

const echo = unary({ id: 1, name: 'echo', request: type<number>(), response: type<number>() });

const platform = { setTimeout, setInterval, Date, performance, random: Math.random };
const isReal = (): boolean =>
  globalThis.setTimeout === platform.setTimeout &&
  globalThis.setInterval === platform.setInterval &&
  globalThis.Date === platform.Date &&
  globalThis.performance === platform.performance &&
  Math.random === platform.random;

async function failureOf(run: Promise<unknown>): Promise<Error> {
  const error: unknown = await run.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(Error);
  return error as Error;
}

/** Timers that keep time going for ever, so that the test never ends. */
function never({ clock }: GridTestContext): Promise<never> {
  const again = (): void => {
    clock.schedule(again, 1);
  };
  again();
  return new Promise(() => undefined);
}

afterEach(() => {
  expect(isReal()).toBe(true);
});

describe('a test that does not end', () => {
  it('ends at its limit of real time, listing what is open, and the next one runs', async () => {
    const message = `${await failureOf(
      gridTest(
        (context) => {
          const wire = context.link();
          wire.b.handle(echo, () => NEVER);
          wire.a.request(echo, 1, { timeout: Infinity }).subscribe();
          setTimeout(function tidyUp() {}, 3_000_000_000 / 1_000);
          return never(context);
        },
        { timeout: 150, maxTime: Infinity },
      ),
    )}`;
    expect(message).toContain('The gridTest has run for 150 ms of real time.');
    expect(message).toMatch(/Calls:\n {2}a → b {2}echo, open for \d+ ms/);
    expect(message).toContain('setTimeout of tidyUp, due at 3000000 ms');
    expect(message).toMatch(/Transcript:\n[^]*Request 1 echo 1/);
    expect(isReal()).toBe(true);
    await gridTest(async ({ advance, clock }) => {
      await advance(10);
      expect(clock.elapsed).toBe(10);
    });
  });

  it('ends at its limit while it holds time', async () => {
    const { message } = await failureOf(
      gridTest(({ hold }) => hold(new Promise<void>(() => undefined)), { timeout: 100 }),
    );
    expect(message).toContain('The gridTest has run for 100 ms of real time.');
  });

  it('ends when its signal aborts, before and while it runs', async () => {
    const controller = new AbortController();
    const run = gridTest(
      (context) => {
        controller.abort(new Error('the framework has had enough'));
        return never(context);
      },
      { signal: controller.signal, maxTime: Infinity },
    );
    await expect(run).rejects.toThrow('the framework has had enough');
    let ran = false;
    const late = gridTest(
      () => {
        ran = true;
      },
      { signal: controller.signal },
    );
    await expect(late).rejects.toThrow('the framework has had enough');
    expect(ran).toBe(false);
  });

  it('ends at once where the test of the framework has ended', async () => {
    const shared = (globalThis as any)[Symbol.for('$$jest-matchers-object')].state;
    const { currentTestIdentity, currentTestName } = shared;
    const first = { status: null as string | null };
    try {
      Object.assign(shared, { currentTestIdentity: () => first, currentTestName: 'the first one' });
      const run = failureOf(gridTest(never, { maxTime: Infinity }));
      await new Promise((resolve) => setImmediate(resolve));
      // As jest does when a test has timed out.
      first.status = 'done';
      Object.assign(shared, { currentTestIdentity: () => ({ status: null }), currentTestName: 'the second one' });
      await gridTest(({ advance }) => advance(5));
      expect((await run).message).toContain('The test "the first one" has ended');
    } finally {
      Object.assign(shared, { currentTestIdentity, currentTestName });
    }
  });

  it('restores real timers for the hooks and tests after one that jest has timed out', async () => {
    const shared = (globalThis as any)[Symbol.for('$$jest-matchers-object')].state;
    const { currentTestIdentity } = shared;
    const test = { status: null, errors: [] as unknown[] };
    try {
      shared.currentTestIdentity = () => test;
      let kept!: typeof setTimeout;
      const run = failureOf(
        gridTest(
          (context) => {
            kept = setTimeout;
            const wire = context.link();
            wire.b.handle(echo, () => NEVER);
            // Its failure at the end has no observer: it must not reach the next test either.
            wire.a.request(echo, 1, { timeout: 1_000_000_000 }).subscribe();
            return never(context);
          },
          { maxTime: Infinity },
        ),
      );
      await new Promise((resolve) => setImmediate(resolve));
      expect(isReal()).toBe(false);
      // As jest does when a test times out: its hooks run without a turn of the event loop between.
      test.errors.push('Exceeded timeout');
      expect(Math.abs(Date.now() - platform.Date.now())).toBeLessThan(60_000);
      expect(isReal()).toBe(true);
      await new Promise((resolve) => kept(resolve, 1));
      expect((await run).message).toContain('has ended, by its timeout');
      await new Promise((resolve) => setTimeout(resolve, 5));
    } finally {
      shared.currentTestIdentity = currentTestIdentity;
    }
  });

  it('is named by a test that waits for it, which does not stop it', async () => {
    const controller = new AbortController();
    const first = failureOf(gridTest(never, { maxTime: Infinity, signal: controller.signal }));
    const second = await failureOf(gridTest(() => undefined, { wait: 80 }));
    expect(second.message).toContain(
      'This gridTest has waited 80 ms for the gridTest of "a test that does not end is named by a test that waits for it, which does not stop it',
    );
    const simulation = await failureOf(
      simulate({ wait: 50, workload: () => ({ setup: () => undefined, draw: () => 0, perform: () => 0 }) }),
    );
    expect(simulation.message).toContain('This simulate has waited 50 ms for the gridTest of');
    controller.abort();
    await first;
    await gridTest(({ advance }) => advance(1));
  });

  it('is refused within another one', async () => {
    const { message } = await failureOf(gridTest(({ hold }) => hold(gridTest(() => undefined, { wait: 50 }))));
    expect(message).toContain('This gridTest has waited 50 ms for the gridTest of');
  });

  it('ends in a simulation when its signal aborts', async () => {
    const controller = new AbortController();
    const run = simulate({
      signal: controller.signal,
      steps: 3,
      faults: false,
      workload: () => ({
        setup: () => undefined,
        draw: () => 0,
        perform: () => {
          controller.abort(new Error('enough'));
          return new Promise(() => undefined);
        },
      }),
    });
    await expect(run).rejects.toThrow('enough');
  });

  it('lists the hosts that are not connected, and why', async () => {
    const { message } = await failureOf(
      gridTest(
        async ({ cluster, faults, advance }) => {
          const grid = cluster({ hosts: ['shop', 'store', 'bank'] });
          await grid.connected();
          grid.host('bank').crash();
          faults.partition([grid.host('shop')], [grid.host('store')]);
          await advance('1m');
          await firstValueFrom(NEVER);
        },
        { maxTime: 120_000 },
      ),
    );
    expect(message).toMatch(/Still not done after 120000 ms of virtual time\. .*hold\(\)/);
    expect(message).toMatch(/Hosts:\n {2}shop to store: (back-off|connecting), \S/);
    expect(message).toContain('bank: does not run');
  });

  it('cannot start anything from its body after its end', async () => {
    let goOn!: () => void;
    let late: Promise<unknown> = Promise.resolve();
    const run = gridTest(
      ({ link, advance, expectObservable }) =>
        new Promise<void>((_, reject) => {
          late = new Promise<void>((resolve) => (goOn = resolve)).then(async () => {
            expect(() => link()).toThrow('This gridTest is over.');
            expect(() => expectObservable(of(1))).toThrow('This gridTest is over.');
            await expect(advance(1)).rejects.toThrow('This test is over');
          });
          reject(new Error('failed'));
        }),
    );
    await expect(run).rejects.toThrow('failed');
    goOn();
    await late;
  });
});

describe('fake timers of frameworks', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it.each(['modern', 'legacy'])('within a body are reported: jest, %s', async (kind) => {
    const run = gridTest(async ({ advance }) => {
      jest.useFakeTimers(kind === 'legacy' ? { legacyFakeTimers: true } : {});
      await advance(5);
    });
    await expect(run).rejects.toThrow(/jest[^]* were turned on within a gridTest/);
    expect(isReal()).toBe(true);
    jest.useRealTimers();
    // What jest puts back are the virtual timers, which are those of the platform by now.
    const before = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 2));
    expect(Date.now()).toBeGreaterThan(before);
    Object.assign(globalThis, { setTimeout: platform.setTimeout, setInterval: platform.setInterval });
    Object.assign(globalThis, { Date: platform.Date, performance: platform.performance });
  });

  it('that are installed before are refused', async () => {
    jest.useFakeTimers();
    await expect(gridTest(() => undefined)).rejects.toThrow(ConfigurationError);
    await expect(gridTest(() => undefined)).rejects.toThrow('jest.useFakeTimers()');
    jest.useRealTimers();
  });

  it('are not confused with a spy', () =>
    gridTest(async ({ advance, clock }) => {
      const spy = jest.spyOn(globalThis, 'setTimeout');
      let at = NaN;
      setTimeout(() => (at = clock.elapsed), 7);
      await advance(10);
      expect([at, spy.mock.calls.length]).toStrictEqual([7, 1]);
      spy.mockRestore();
    }));
});

describe('real work', () => {
  it('lets no virtual time pass while a file is read', () =>
    gridTest(async ({ clock, advance }) => {
      let fired = NaN;
      setTimeout(() => (fired = clock.elapsed), 60_000);
      const texts = await Promise.all(Array.from({ length: 20 }, () => readFile(__filename, 'utf8')));
      expect(texts[19]).toContain('lets no virtual time pass while a file is read');
      expect(clock.elapsed).toBe(0);
      await advance('1h');
      expect(fired).toBe(60_000);
    }));
});

describe('waiting for work outside virtual time', () => {
  it('stops virtual time for real timers', () =>
    gridTest(async ({ clock }) => {
      setInterval(() => undefined, 1_000);
      await sleep(20);
      expect(clock.elapsed).toBe(0);
    }));

  it('reports a deadline that passes while a socket is open', async () => {
    const server = createServer();
    const run = gridTest(async () => {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1_000) });
    });
    const { message } = await failureOf(run);
    server.close();
    server.closeAllConnections();
    expect(message).toMatch(/^TimeoutError: [^]*wrap the work in hold\(\)/);
  });
});

describe('gridTest.seeds', () => {
  it('runs a body once per seed', async () => {
    const seeds: number[] = [];
    await gridTest.seeds(
      3,
      ({ clock }) => {
        seeds.push(clock.seeded.seed);
      },
      { seed: 7 },
    );
    expect(seeds).toStrictEqual([7, 8, 9]);
  });

  it('names the failing seed, and how to repeat it', async () => {
    const error = await failureOf(
      gridTest.seeds(100, ({ random, expectObservable }) => {
        expectObservable(of(random.below(5) === 3 ? 'y' : 'x')).toBe('(x|)');
      }),
    );
    expect(error).toBeInstanceOf(GridSeedError);
    const { seed, cause, message } = error as Error & Pick<GridSeedError, 'seed'>;
    expect(cause).toBeInstanceOf(GridAssertionError);
    expect(message).toMatch(new RegExp(`^Seed ${seed} fails: expectObservable: something else happened`));
    expect(message).toContain(`Repeat it: gridTest(body, { seed: ${seed} })`);
    expect(error.stack).toContain('grid-test.spec.ts');
  });

  it('says so where the failure does not depend on the seed', async () => {
    let runs = 0;
    const { message } = await failureOf(
      gridTest.seeds(2, () => {
        if (++runs === 1) throw new Error('once');
      }),
    );
    expect(message).toContain('Seed 1 fails: once');
    expect(message).toContain('Run again, the same seed passed.');
  });

  it('requires that a random fault strikes with at least one seed', async () => {
    const body =
      (rate: number) =>
      async ({ link, faults, advance }: GridTestContext): Promise<void> => {
        const wire = link();
        faults.duplicate(wire, { rate });
        await advance('30s');
      };
    await gridTest.seeds(5, body(0.05));
    const { message } = await failureOf(gridTest.seeds(2, body(0.000_01)));
    expect(message).toContain('faults.duplicate(a ⇄ b, { rate: 0.00001 })');
    expect(message).toContain('With none of 2 seeds from 1 on.');
  });

  it('refuses unknown options', async () => {
    await expect(gridTest(() => undefined, { sed: 1 } as never)).rejects.toThrow('gridTest has no option sed.');
    await expect(gridTest.seeds(0, () => undefined)).rejects.toThrow('gridTest.seeds: count must be');
    await expect(gridTest(undefined as never)).rejects.toThrow('gridTest needs body');
  });
});
