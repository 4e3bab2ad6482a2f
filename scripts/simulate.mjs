// The project's own simulation: `npm run simulate -- --seeds N [--hosts N] [--seed S] [--shrink RUNS] [--coverage]`. See docs/simulation.md.
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { allMarks, bundleSimulation, runSeeds } from './simulation-workers.mjs';
import { StatementCoverage } from './statement-coverage.mjs';

const options = {
  seeds: { type: 'string', default: '100' },
  hosts: { type: 'string', default: '5' },
  seed: { type: 'string', default: '1' },
  shrink: { type: 'string', default: '200' },
  workers: { type: 'string', default: String(availableParallelism()) },
  coverage: { type: 'boolean', default: false },
  fingerprint: { type: 'boolean', default: false },
};
const { values } = parseArgs({ options });
const number = (name, least) => {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= least) return value;
  console.error(`rxgrid: --${name} must be a whole number, ${least} or more; it is ${values[name]}.`);
  process.exit(2);
};
const seeds = number('seeds', 1);
const hosts = number('hosts', 1);
const first = number('seed', 0);
const shrinkRuns = number('shrink', 0);
const workers = Math.min(number('workers', 1), seeds);

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
await runSeeds({
  bundle: await bundleSimulation(undefined, coverage),
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
