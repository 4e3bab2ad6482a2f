/**
 * Runs a test on virtual time: links and clusters in memory, marbles for Observables and for frames, faults.
 *
 *     the test runs until it awaits ──▶ time passes, timer by timer, promises between ──▶ the test continues …
 *     the test has returned ──▶ time passes to the end of all diagrams ──▶ expectations are checked
 */

import { checkOption, whole } from '../check.js';
import { exclusively, type TurnOptions } from './exclusive.js';
import { checkGridTest, type GridTestBody, type GridTestOptions } from './grid-test-context.js';
import { GridTestRun, unstruckError } from './grid-test-run.js';
import { GridSeedError } from './grid-seed-error.js';
import type { Fault } from './network/fault.js';

/** Real ms that a test may run. */
const defaultTimeout = 30_000;

/**
 * Runs `body` on virtual time, then lets time pass to the end of all diagrams, and checks them. Handlers may be
 * promises and async generators.
 *
 * ```ts
 * test('a request, and its response', () =>
 *   gridTest(({ link, expectFrames, expectObservable }) => {
 *     const { a, b, cable } = link({ latency: 3 });
 *     b.handle(diskInfo, async ({ disk }) => ({ disk, free: 7 }));
 *     expectFrames(cable).toBe('r--p', { r: request(diskInfo, { disk: 1 }), p: response(diskInfo, { disk: 1, free: 7 }) });
 *     expectObservable(a.request(diskInfo, { disk: 1 })).toBe('------(i|)', { i: { disk: 1, free: 7 } });
 *   }));
 * ```
 *
 * Tests that run at the same time wait for each other.
 *
 * @throws GridAssertionError for what was expected and did not happen, and for a fault that never struck; an error with
 * what is still open where the test does not end; ConfigurationError for its options; what `body`, or any task of the
 * test, throws.
 */
export function gridTest(body: GridTestBody, options: GridTestOptions = {}): Promise<void> {
  return exclusively(turnOptions(options), (turn) => {
    checkGridTest(body, options);
    return new GridTestRun(options, turn).run(body);
  });
}

/**
 * Runs a body with one seed after the other, from `seed` of the options on, by default 1. A fault that is drawn at
 * random has to strike with one of the seeds at least. Seeds that fail are run again, to see whether they fail again.
 *
 * ```ts
 * test('whatever the order', () => gridTest.seeds(100, async ({ cluster, faults }) => { … }));
 * ```
 *
 * @throws GridSeedError for the first seed that fails.
 */
gridTest.seeds = async (count: number, body: GridTestBody, options: GridTestOptions = {}): Promise<void> => {
  checkOption('gridTest.seeds: count', count, whole(1));
  const { seed: first = 1 } = options;
  const struck = new Set<string>();
  const missed = new Map<string, Fault>();
  const run = (seed: number): Promise<void> => {
    const seeded = { ...options, seed };
    return exclusively(turnOptions(options), async (turn) => {
      checkGridTest(body, seeded);
      const test = new GridTestRun(seeded, turn);
      await test.run(body, ({ random }) => random);
      for (const fault of test.faults) if (fault.strikes > 0) struck.add(fault.text);
      for (const fault of test.unstruck) missed.set(fault.text, fault);
    });
  };
  for (let seed = first; seed < first + count; seed++) {
    try {
      await run(seed);
    } catch (error) {
      throw new GridSeedError(seed, count, error, await failureOf(() => run(seed)));
    }
  }
  const never = [...missed.values()].filter(({ text }) => !struck.has(text));
  if (never.length > 0) throw unstruckError(never, `With none of ${count} seeds from ${first} on.`);
};

async function failureOf(run: () => Promise<void>): Promise<unknown> {
  try {
    await run();
    return undefined;
  } catch (error) {
    return error;
  }
}

function turnOptions({ timeout = defaultTimeout, signal, wait }: GridTestOptions): TurnOptions {
  return { what: 'gridTest', limit: timeout, signal, wait };
}
