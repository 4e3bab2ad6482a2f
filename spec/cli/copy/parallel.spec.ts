import { describe, expect, it } from '@jest/globals';
import { parallel, shared, Steps } from '../../../lib/cli/copy/parallel.js';
import type { Step } from '../../../lib/cli/copy/report.js';

async function* count(to: number): AsyncGenerator<number> {
  for (let item = 0; item < to; item++) yield item;
}

describe('parallel', () => {
  const never = new AbortController().signal;

  it('shares the items of one source: each is processed by one of the runs', async () => {
    const source = shared(count(100));
    const taken: number[] = [];
    const runs = new Set<number>();
    await parallel(4, never, async (index) => {
      for await (const item of source) {
        taken.push(item);
        runs.add(index);
      }
    });
    expect(taken.sort((a, b) => a - b)).toStrictEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(runs.size).toBe(4);
  });

  it('stops the others at the first failure, and errors with it once they have ended', async () => {
    let ended = 0;
    const run = parallel(3, never, async (index, signal) => {
      if (index === 1) throw new Error('one');
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve);
      });
      ended++;
      throw new Error('because of it');
    });
    await expect(run).rejects.toThrow('one');
    expect(ended).toBe(2);
  });

  it.each([true, false])('errors with an interruption; before the start: %s', async (early) => {
    const abort = new AbortController();
    if (early) abort.abort(new Error('interrupted'));
    const run = parallel(2, abort.signal, async (_, signal) => {
      if (signal.aborted) return;
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve);
      });
    });
    abort.abort(new Error('interrupted'));
    await expect(run).rejects.toThrow('interrupted');
  });
});

it('the progress of several streams is added up', () => {
  const seen: Step[] = [];
  const steps = new Steps({ step: (step) => seen.push(step) });
  steps.set(2, { files: 1, bytes: 10, rate: 5, mode: 'kernel' });
  steps.set(0, { files: 2, bytes: 20, rate: 7, mode: undefined });
  steps.set(2, { files: 3, bytes: 30, rate: 1, mode: 'pooled' });
  expect(seen.at(-1)).toStrictEqual({ files: 5, bytes: 50, rate: 8, mode: 'pooled' });
});
