import { describe, expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import { type, unary, type Manager } from '../../../lib/index.js';
import {
  linearizable,
  simulate,
  type Simulation,
  SimulationError,
  type SimulationOptions,
  type Step,
  type Workload,
} from '../../../lib/testing/index.js';

const add = unary({ id: 1, name: 'add', request: type<number>(), response: type<number>() });

const fails = (): number => {
  throw new TypeError('no');
};

interface Addition {
  readonly from: string;
  readonly to: string;
  readonly amount: number;
}

/** A counter on each host, which its own calls and those of the others add to. */
function counters(change: Partial<Workload<Addition>> = {}): SimulationOptions<Addition> {
  return {
    hosts: 3,
    steps: 30,
    shrinkRuns: 40,
    workload: () => ({
      setup: (manager) => {
        let sum = 0;
        manager.handle(add, async (amount) => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          return (sum += amount);
        });
      },
      draw: (random, hosts) => ({ from: random.pick(hosts), to: random.pick(hosts), amount: random.below(10) }),
      perform: ({ from, to, amount }, { cluster }) =>
        firstValueFrom(cluster.host(from).connection(to).request(add, amount, { timeout: 3_000 })),
      ...change,
    }),
  };
}

async function failureOf(options: SimulationOptions<Addition>): Promise<SimulationError<Addition>> {
  const error: unknown = await simulate(options).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(SimulationError);
  return error as SimulationError<Addition>;
}

describe('simulate', () => {
  it('runs a service with faults, and reports its properties', async () => {
    const report = await simulate({ ...counters(), seed: 5 });
    expect(report).toStrictEqual({
      seed: 5,
      steps: expect.any(Number),
      events: expect.any(Number),
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
      succeeded: expect.any(Number),
      failed: expect.any(Object),
      marks: expect.any(Object),
    });
    const failed = Object.values(report.failed).reduce((sum, count) => sum + count, 0);
    // With the ten that show that the hosts have recovered.
    expect(report.succeeded + failed).toBe(40);
    // 30 operations, and faults.
    expect(report.steps).toBeGreaterThan(30);
    expect(report.events).toBeGreaterThan(300);
  });

  describe('marks', () => {
    const marksOf = async (
      options: Partial<SimulationOptions<Addition>>,
      perform: (simulation: Simulation) => void = () => undefined,
    ): Promise<Readonly<Record<string, number>>> => {
      const base = counters();
      const report = await simulate({
        ...base,
        workload: (simulation) => {
          const workload = base.workload(simulation);
          return {
            ...workload,
            perform: (operation, run) => {
              perform(run);
              return workload.perform(operation, run);
            },
          };
        },
        ...options,
      });
      return report.marks;
    };

    it('counts how often the run reached each one', async () => {
      const marks = await marksOf({ seed: 5, steps: 7, liveness: false }, ({ sometimes }) => {
        sometimes('an operation began');
      });
      expect(marks['an operation began']).toBe(7);
    });

    it('takes a rare branch of the workload with some seeds, and repeats it with the same seed', async () => {
      const taken = (seed: number): Promise<number> =>
        marksOf({ seed, hosts: 2 }, ({ buggify }) => void buggify('evict early')).then(
          (marks) => marks['evict early'] ?? 0,
        );
      const counts = [];
      for (let seed = 1; seed <= 12; seed++) counts.push(await taken(seed));
      expect(counts).toContain(0);
      expect(Math.max(...counts)).toBeGreaterThan(0);
      const most = counts.indexOf(Math.max(...counts));
      expect(await taken(most + 1)).toBe(counts[most]);
    });

    it('takes no rare branch without faults, or where none is wanted', async () => {
      const asked: boolean[] = [];
      const ask = ({ buggify }: Simulation): void => void asked.push(buggify('evict early'));
      for (let seed = 1; seed <= 6; seed++) {
        await marksOf({ seed, faults: false }, ask);
        await marksOf({ seed, rareBranches: false }, ask);
      }
      expect(new Set(asked)).toStrictEqual(new Set([false]));
    });
  });

  it('repeats the same run with the same seed, and another run with another seed', async () => {
    const run = async (seed: number): Promise<string> => (await simulate({ ...counters(), seed })).fingerprint;
    const first = await run(8);
    expect(await run(9)).not.toBe(first);
    expect(await run(8)).toBe(first);
  });

  it('makes every step an operation without faults', async () => {
    expect(await simulate({ ...counters(), faults: false, liveness: false })).toMatchObject({
      steps: 30,
      succeeded: 30,
      failed: {},
    });
  });

  it.each([
    ['handlers that all fail', { setup: (manager: Manager) => manager.handle(add, fails) }, 'internal'],
    ['handlers that are not there', { setup: () => undefined }, 'unimplemented'],
  ])('treats %s as a violation: no fault leads to that', async (_, change, code) => {
    const error = await failureOf({ ...counters(change), shrinkRuns: 0 });
    expect(error.invariant).toBe('an operation fails only as the consequence of a fault');
    expect(error.message).toContain(`No fault leads to an error with the code ${code}.`);
    // The stack is of the library, which received the error of another host.
    expect(error.message).not.toMatch(/^ +at /m);
  });

  it('lets a workload permit failures, but fails a run without any success', async () => {
    const error = await failureOf(
      counters({ setup: () => undefined, mayFail: ({ code }) => code === 'unimplemented' }),
    );
    expect(error.invariant).toBe('some operation succeeds');
    const some = counters({
      setup: (manager, name) => name === 'a' && manager.handle(add, () => 1),
      mayFail: ({ code }, { to }) => code === 'unimplemented' && to !== 'a',
    });
    const { succeeded, failed } = await simulate({ ...some, faults: false });
    expect(Object.keys(failed)).toStrictEqual(['unimplemented']);
    expect(succeeded + failed.unimplemented!).toBe(40);
  });

  it('permits no failure where there was no fault, or none in time', async () => {
    const late = counters({
      perform: ({ from, to, amount }, { cluster }) =>
        firstValueFrom(cluster.host(from).connection(to).request(add, amount, { timeout: 1 })),
    });
    const calm = await failureOf({ ...late, faults: false, shrinkRuns: 0 });
    expect(calm.message).toContain('It ran without a fault, and no fault was recent enough to be the cause.');
    const operation = { from: 'a', to: 'b', amount: 1 };
    const fault = { kind: 'cut', between: ['a', 'b'] } as const;
    const recent: Step<Addition>[] = [
      { at: 100, fault },
      { at: 200, operation },
    ];
    await simulate({ ...late, steps: recent });
    const { invariant } = await failureOf({
      ...late,
      shrinkRuns: 0,
      duration: 50_000,
      steps: [...recent, { at: 40_000, operation }],
    });
    expect(invariant).toBe('an operation fails only as the consequence of a fault');
  });

  it('requires progress of a core of the hosts after the faults, while the others are down', async () => {
    const seen: string[] = [];
    const options = counters({
      draw: (random, hosts) => ({ from: random.pick(hosts), to: random.pick(hosts), amount: hosts.length }),
      perform: ({ from, to, amount }, { cluster }) => {
        if (amount === 2) seen.push(cluster.hosts.map(({ running }) => (running ? 'up' : 'down')).join(' '));
        return firstValueFrom(cluster.host(from).connection(to).request(add, amount, { timeout: 3_000 }));
      },
    });
    await simulate({ ...options, liveness: { core: 2, operations: 3 } });
    expect(seen).toHaveLength(3);
    for (const states of seen) expect(states.split(' ').sort()).toStrictEqual(['down', 'up', 'up']);
    const stuck = counters({
      draw: (_, hosts) => ({ from: 'a', to: 'b', amount: hosts.length }),
      perform: ({ amount }) => (amount === 2 ? new Promise(() => undefined) : undefined),
    });
    const { invariant, steps } = await failureOf({ ...stuck, liveness: { core: 2 } });
    expect(invariant).toBe('after the faults, every operation ends in time');
    expect(steps).toStrictEqual([
      { at: expect.any(Number), operation: { from: 'a', to: 'b', amount: 2 }, recovered: true },
    ]);
  });

  it('shrinks a violation, and the error says how to repeat it', async () => {
    const error = await failureOf(
      counters({
        perform: ({ amount }) => {
          if (amount === 7) throw new TypeError('seven');
        },
      }),
    );
    expect(error.seed).toBe(1);
    expect(error.invariant).toBe('an operation fails with nothing but a GridError');
    expect(error.steps).toStrictEqual([
      { at: expect.any(Number), operation: { from: expect.any(String), to: expect.any(String), amount: 7 } },
    ]);
    expect(error.message).toContain('Seed 1 violates: an operation fails with nothing but a GridError');
    expect(error.message).toMatch(/step \d+, virtual time \d+ ms/);
    expect(error.message).toMatch(
      /^Repeat it: simulate\(\{ …, seed: 1, hosts: \[.*\], steps: 30, duration: 30000, faults: \{.*\} \}\)$/m,
    );
    expect(error.message).toMatch(/Shrunk in \d+ runs from \d+ steps to 1/);
    expect(error.message).toContain('amount: 7');
  });

  it('accepts a shrunk plan as the steps, and fails again', async () => {
    const options = counters({
      perform: async ({ amount }) => {
        await Promise.resolve();
        if (amount === 3) throw new TypeError('three');
      },
    });
    const { steps } = await failureOf(options);
    const again = await failureOf({ ...options, steps, shrinkRuns: 0 });
    expect(again.steps).toStrictEqual(steps);
    expect(again.message).toContain('Not shrunk, in 0 runs: all 1 steps are needed.');
  });

  it('keeps the required fault in the plan', async () => {
    const cut = { at: 200, fault: { kind: 'cut', between: ['a', 'b'] } } satisfies Step<Addition>;
    const call = (at: number): Step<Addition> => ({ at, operation: { from: 'a', to: 'b', amount: 1 } });
    const calls: string[][] = [];
    const error = await failureOf({
      ...counters(),
      steps: [call(100), call(150), cut, call(5_000)],
      invariants: [
        ({ cluster }) => {
          const ends: string[] = [];
          calls.push(ends);
          return {
            name: 'no connection is ever lost',
            end: () => {
              for (const cable of cluster.cables) if (cable.log.dropped > 0) ends.push('dropped');
              cluster.host('a').manager.cluster$.subscribe(({ hosts }) => {
                if (hosts.some(({ connects }) => connects > 1)) throw new Error('it was lost');
              });
            },
          };
        },
      ],
    });
    // The earliest and roundest time at which it still fails.
    expect(error.steps).toStrictEqual([{ at: expect.any(Number), fault: cut.fault }]);
    expect(error.steps[0]!.at).toBeLessThanOrEqual(100);
    expect(error.message).toContain("hosts: ['a', 'b'],");
    // Each run has invariants of its own.
    expect(calls.length).toBeGreaterThan(2);
  });

  it('checks invariants before each step, at the end, and after everything was closed', async () => {
    const seen: string[] = [];
    await simulate({
      ...counters(),
      steps: [
        { at: 10, operation: { from: 'a', to: 'b', amount: 1 } },
        { at: 20, operation: { from: 'a', to: 'b', amount: 1 } },
      ],
      invariants: [
        ({ clock }) => ({
          name: 'all is well',
          step: () => seen.push(`step at ${clock.elapsed}`),
          end: () => seen.push('end'),
          closed: () => seen.push('closed'),
        }),
      ],
    });
    expect(seen).toStrictEqual(['step at 10', 'step at 20', 'end', 'closed']);
  });

  it('treats an operation that never ends as a violation', async () => {
    const error = await failureOf({
      ...counters({ perform: () => new Promise(() => undefined) }),
      steps: 2,
      faults: false,
      shrinkRuns: 3,
    });
    expect(error.invariant).toBe('every operation ends');
    expect(error.steps).toHaveLength(1);
  });

  it('treats an error of a task as a violation, and not as the end of the process', async () => {
    const error = await failureOf({
      ...counters({
        perform: () => {
          setTimeout(() => {
            throw new Error('out of a timer');
          }, 100);
        },
      }),
      faults: false,
      shrinkRuns: 0,
    });
    expect(error.invariant).toBe('nothing is thrown out of a task');
    expect(error.message).toContain('out of a timer');
  });

  it('simplifies times, faults and operations, as long as the plan fails', async () => {
    const error = await failureOf({
      ...counters({
        perform: ({ amount }, { faults, clock }) => {
          const isStalled = faults.some(({ fault, until }) => fault.kind === 'stall' && clock.elapsed <= until);
          if (isStalled && amount > 20) throw new TypeError('more than twenty');
        },
      }),
      shrinkRuns: 200,
      shrinkOperation: (operation) =>
        operation.amount === 0
          ? []
          : [
              { ...operation, amount: 0 },
              { ...operation, amount: operation.amount - 1 },
            ],
      steps: [
        { at: 4_321, fault: { kind: 'stall', between: ['a', 'b'], for: 9_876 } },
        { at: 5_432, operation: { from: 'a', to: 'b', amount: 33 } },
      ],
    });
    const [stall, addition] = error.steps;
    expect(addition).toMatchObject({ operation: { amount: 21 } });
    expect(stall!.at).toBe(0);
    expect((stall as { fault: { for: number } }).fault.for).toBeLessThan(1_500);
    expect(addition!.at).toBeLessThanOrEqual(1_000);
  });

  it('leaves out a fault that the simpler times no longer need', async () => {
    const error = await failureOf({
      ...counters({
        perform: (_, { faults, clock }) => {
          if (faults.length > 0 || clock.elapsed < 1_000) throw new TypeError('early, or with a fault');
        },
      }),
      shrinkRuns: 200,
      steps: [
        { at: 4_321, fault: { kind: 'stall', between: ['a', 'b'], for: 9_876 } },
        { at: 5_432, operation: { from: 'a', to: 'b', amount: 33 } },
      ],
    });
    expect(error.steps).toStrictEqual([{ at: 0, operation: { from: 'a', to: 'b', amount: 33 } }]);
  });

  it('does not shrink a seed that diverges when repeated, and names the first event that differs', async () => {
    let runs = 0;
    const error = await failureOf({
      ...counters({
        perform: ({ amount }, { note }) => {
          if (amount === 7) note(`look ${runs}`);
          if (amount === 7 && runs < 2) throw new TypeError('seven');
        },
        setup: () => {
          runs++;
        },
      }),
      hosts: ['a'],
    });
    expect(error.differs).toMatch(/event \d+ was "look 1" at \d+ ms, and then "look 2" at \d+ ms\./);
    expect(error.message).toContain(error.differs);
    expect(error.message).toContain('Not shrunk');
  });

  it('mentions no divergence for a seed that repeats identically', async () => {
    const error = await failureOf(
      counters({
        perform: ({ amount }) => {
          if (amount === 7 && Math.random() < 2) throw new TypeError(crypto.randomUUID());
        },
      }),
    );
    expect(error.differs).toBeUndefined();
    expect(error.steps).toHaveLength(1);
  });

  it('refuses a workload that lacks a function, and an invariant that checks nothing', async () => {
    const { workload } = counters();
    const lacking = (name: string) => (simulation: Simulation) => ({ ...workload(simulation), [name]: undefined });
    for (const [options, text] of [
      [{ workload: lacking('draw') }, 'simulate: the workload needs draw: a function that draws one operation.'],
      [{ workload: lacking('perform') }, 'simulate: the workload needs perform'],
      [{ invariants: [linearizable] }, 'linearizable: the model'],
      [{ invariants: [() => linearizable] }, 'must be an invariant: a name, and `step`, `end` or `closed`.'],
      [{ invariants: [{ name: 'x', end: fails }] }, 'simulate: each of `invariants` must be a function'],
      [{ invariants: [() => ({ name: 'x' })] }, 'simulate: what each of `invariants` returns must be an invariant'],
    ] as const) {
      await expect(simulate({ ...counters(), ...(options as object) })).rejects.toThrow(text);
    }
    await expect(simulate(undefined as never)).rejects.toThrow('simulate: the options must be an object');
  });

  it('refuses invalid options by name', async () => {
    await expect(simulate({ ...counters(), hosts: [] })).rejects.toThrow('A simulation needs a host.');
  });
});
