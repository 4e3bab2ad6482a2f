import { allowedCpus, canPin } from '../processes/worker.mjs';

/**
 * What each cell of rates does. `oneCore`: both processes on one CPU, else the wake-ups across CPUs are what is
 * measured.
 */
export const workloads = {
  'unary-512-c1': { name: 'unary', size: 512, concurrency: 1, oneCore: true },
  'unary-512-c64': { name: 'unary', size: 512, concurrency: 64 },
  'unary-512-c1024': { name: 'unary', size: 512, concurrency: 1024 },
  'unary-8k-c64': { name: 'unary', size: 8 << 10, concurrency: 64 },
  'unary-64k-c64': { name: 'unary', size: 64 << 10, concurrency: 64 },
  'unary-1m-c8': { name: 'unary', size: 1 << 20, concurrency: 8 },
  'stream-100': { name: 'stream', size: 100 },
  'duplex-100': { name: 'duplex', size: 100, inFlight: 256 },
  'stream-64k': { name: 'stream', size: 64 << 10 },
};

/** Items of the first run of a stream, whose rate nobody knows yet. */
const firstCount = 2_000;

/**
 * Rounds of one workload on each pair in turn, A B C and then C B A. Gives the results of each pair by its name, one a
 * round: what the workload gives, `rate` per second, and `cpu`, the µs of all its processes. A pair that fails is
 * reported and left out, but for the first one.
 */
export async function measureRates(bench, { name: workload, oneCore = false, ...args }, pairs) {
  const pinned = oneCore && canPin();
  if (oneCore && !pinned) bench.note('taskset is absent: not confined to one core');
  const all = pinned ? allowedCpus() : '';
  const runs = [];
  // Without the first one there is nothing to compare with.
  const fail = (pair, error) => {
    if (pair === pairs[0]) throw error;
    bench.note(`${pair.name}: ${workload} failed: ${error.message.split('\n')[0]}`);
  };
  for (const pair of pairs) {
    if (pinned) pair.pin(/\d+/.exec(all)[0]);
    try {
      runs.push({ pair, args: await warmUp(bench, pair, workload, args), results: [] });
    } catch (error) {
      fail(pair, error);
    }
  }
  for (let round = 0; round < bench.rounds; round++) {
    for (const run of round % 2 === 0 ? runs : [...runs].reverse()) {
      if (run.failed) continue;
      try {
        const cpu = await run.pair.cpu();
        const result = await run.pair.run(workload, run.args);
        const rate = result.count / result.seconds;
        run.results.push({ ...result, rate, cpu: (await run.pair.cpu()) - cpu });
      } catch (error) {
        run.failed = true;
        fail(run.pair, error);
      }
    }
  }
  if (pinned) for (const pair of pairs) pair.pin(all);
  return new Map(runs.filter(({ failed }) => !failed).map(({ pair, results }) => [pair.name, results]));
}

/** Runs the workload until it is warm, and gives the arguments that make a round last `ms`. */
async function warmUp(bench, pair, workload, args) {
  if (workload === 'unary') {
    await pair.run(workload, { ...args, ms: bench.warm });
    return { ...args, ms: bench.ms };
  }
  let count = firstCount;
  for (let passed = 0; ;) {
    const { seconds } = await pair.run(workload, { ...args, count });
    passed += seconds * 1_000;
    const fitting = Math.ceil((count / seconds) * (bench.ms / 1_000));
    if (passed >= bench.warm) return { ...args, count: fitting };
    // At most tenfold: the first runs say little.
    count = Math.min(fitting, count * 10);
  }
}
