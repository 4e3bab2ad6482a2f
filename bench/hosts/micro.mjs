// Runs one micro bench: equal results first, then rounds of both in turn.
import assert from 'node:assert/strict';

/** ns of one operation, a value for each round, of ours and of the plain way. */
export async function measure(name, { rounds, ms, warm }) {
  const { create } = await import(`../micro/${name}.mjs`);
  const { operations, ours, plain, compare } = await create();
  const [got, expected] = compare();
  assert.deepEqual(got, expected, `${name}: the results differ from those of the plain way.`);
  const ways = [ours, plain].map((run) => ({ run, times: timesIn(run, ms, warm), nanoseconds: [] }));
  for (let round = 0; round < rounds; round++) {
    for (const way of round % 2 === 0 ? ways : [...ways].reverse()) {
      const milliseconds = time(way.run, way.times);
      way.nanoseconds.push((milliseconds * 1e6) / (way.times * operations));
      // Timers that were taken back leave their lists in a later turn.
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
  return { ours: ways[0].nanoseconds, plain: ways[1].nanoseconds };
}

function time(run, times) {
  const start = performance.now();
  for (let index = 0; index < times; index++) run();
  return performance.now() - start;
}

/** How often it runs in `ms`, known after it has run for `warm`. */
function timesIn(run, ms, warm) {
  let times = 1;
  for (let passed = 0; ; times *= 2) {
    const milliseconds = time(run, times);
    passed += milliseconds;
    if (passed >= warm) return Math.max(1, Math.round((times * ms) / milliseconds));
  }
}
