// The project's own simulation: `npm run simulate -- --help`. See docs/simulation.md.
import { availableParallelism } from 'node:os';
import { readOptions } from './command-options.mjs';
import { allMarks, bundleSimulation, runSeeds } from './simulation-workers.mjs';
import { StatementCoverage } from './statement-coverage.mjs';

const values = readOptions('npm run simulate -- [options]: runs seeds of the simulation. See docs/simulation.md.', {
  seeds: { help: 'How many seeds are run.', default: '100', least: 1 },
  seed: { help: 'The first one.', default: '1', least: 0 },
  hosts: { help: 'Hosts of each cluster.', default: '5', least: 1 },
  shrink: {
    help: 'Runs that may be spent on making a failing plan smaller; 0: it stays as it is.',
    default: '200',
    least: 0,
  },
  workers: { help: 'Processes.', default: String(availableParallelism()), least: 1 },
  coverage: { help: 'Print the statements of lib that no seed has executed, and the shares.', default: false },
  fingerprint: { help: 'Print the fingerprint of each seed: equal for equal runs.', default: false },
});
const { seeds, hosts, seed: first, shrink: shrinkRuns } = values;
const workers = Math.min(values.workers, seeds);

/** From so many seeds on, each mark of the library must be reached. */
const marksAreDueAfter = 1_000;

let done = 0;
let events = 0;
const failures = [];
const fingerprints = [];
/** How many seeds have reached each mark. */
const marks = new Map();
const began = Date.now();

function report(force) {
  if (!process.stdout.isTTY && !force && done % 1_000 !== 0) return;
  const perSecond = (done / ((Date.now() - began) / 1_000)).toFixed(1);
  const line = `${done} of ${seeds} seeds, ${events} events, ${failures.length} violations, ${perSecond} seeds/s`;
  if (process.stdout.isTTY) process.stdout.write(`\r${line}`);
  else console.log(line);
}

function take(result) {
  done++;
  events += result.events;
  for (const mark of result.marks) marks.set(mark, (marks.get(mark) ?? 0) + 1);
  fingerprints.push([result.seed, result.fingerprint]);
  if (result.failure !== undefined) {
    failures.push(result);
    console.log(`\n${result.failure.message}\n`);
  }
  report(false);
}

const coverage = values.coverage ? new StatementCoverage() : undefined;
const bundle = await bundleSimulation({ coverage });
await runSeeds({
  bundle: bundle.file,
  hosts,
  first,
  seeds,
  workers,
  shrinkRuns,
  onResult: take,
});

if (process.stdout.isTTY) process.stdout.write('\n');
if (values.fingerprint) {
  for (const [seed, text] of fingerprints.sort(([a], [b]) => a - b)) console.log(`fingerprint ${seed} ${text}`);
}
if (coverage !== undefined) {
  const { shares, missed } = coverage.report();
  for (const line of ['Not executed:', ...missed, ...shares]) console.log(line);
}
for (const [invariant, found] of Object.entries(Object.groupBy?.(failures, ({ failure }) => failure.invariant) ?? {})) {
  console.log(
    `${found.length} x ${invariant}: seeds ${found
      .map(({ seed }) => seed)
      .slice(0, 20)
      .join(', ')}`,
  );
}
const missed = allMarks().filter((mark) => !marks.has(mark));
if (seeds >= marksAreDueAfter) {
  for (const mark of allMarks()) console.log(`${String(marks.get(mark) ?? 0).padStart(6)} seeds reach: ${mark}`);
  for (const mark of missed) console.log(`No seed of ${seeds} reaches the mark: ${mark}`);
}
console.log(`${done} seeds, ${events} events, ${failures.length} violations`);
process.exitCode = failures.length === 0 && (missed.length === 0 || seeds < marksAreDueAfter) ? 0 : 1;
