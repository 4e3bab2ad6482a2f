import { errorText } from '../errors.js';

/** A body of `gridTest.seeds` failed with a seed. The cause is what it failed with. */
export class GridSeedError extends Error {
  readonly seed: number;

  /** `again`: what the same seed failed with when it was run once more; undefined where it passed. */
  constructor(seed: number, count: number, error: unknown, again: unknown) {
    super(`Seed ${seed} fails: ${errorText(error)}\n\n${repeatText(seed, error, again)}`, { cause: error });
    this.name = 'GridSeedError';
    this.seed = seed;
    // The lines of the test, and not those of the loop over the seeds.
    const frames = error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : [];
    if (frames.length > 0) this.stack = [`${this.name}: ${this.message}`, ...frames].join('\n');
  }
}

function repeatText(seed: number, error: unknown, again: unknown): string {
  const repeat = `Repeat it: gridTest(body, { seed: ${seed} })`;
  const outside =
    'So it depends on something that no seed decides: real time, node:crypto, or what an earlier run left.';
  if (again === undefined) return `Run again, the same seed passed. ${outside}`;
  if (errorText(again) === errorText(error)) return repeat;
  return `${repeat}\nRun again, it failed with: ${errorText(again)}\n${outside}`;
}
