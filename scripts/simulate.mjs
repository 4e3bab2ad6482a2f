// The project's own simulation: `npm run simulate -- --seeds N [--hosts N] [--seed S]`. See docs/simulation.md.
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const options = {
  seeds: { type: 'string', default: '100' },
  hosts: { type: 'string', default: '5' },
  seed: { type: 'string', default: '1' },
  workers: { type: 'string', default: String(availableParallelism()) },
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
const workers = Math.min(number('workers', 1), seeds);

// One file, from the sources: no build of the package is needed, and none can be stale. Within the project, so that its
// packages are found.
const folder = mkdtempSync(join(root, 'node_modules', '.simulate-'));
const bundle = join(folder, 'worker.mjs');
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
await build({
  entryPoints: [join(root, 'spec/simulation/worker.ts')],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  // Errors are named after their class, and the names are part of the fingerprint.
  keepNames: true,
  sourcemap: 'inline',
  logLevel: 'warning',
});

let next = first;
let done = 0;
let events = 0;
const failures = [];
const fingerprints = [];
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
  fingerprints.push([result.seed, result.fingerprint]);
  if (result.failure !== undefined) {
    failures.push(result);
    console.log(`\n${result.failure.message}\n`);
  }
  report(false);
}

await Promise.all(
  Array.from(
    { length: workers },
    () =>
      new Promise((resolve) => {
        let running;
        const worker = fork(bundle, [String(hosts)], { execArgv: [...process.execArgv, '--enable-source-maps'] });
        const give = () => {
          if (next >= first + seeds) {
            worker.disconnect();
            return;
          }
          running = next++;
          worker.send(running);
        };
        worker.on('message', (result) => {
          running = undefined;
          take(result);
          give();
        });
        worker.on('exit', (code) => {
          if (running !== undefined) {
            const message = `Seed ${running}: the process ended with ${code}, see above.`;
            take({ seed: running, events: 0, fingerprint: '', failure: { invariant: 'the process lives', message } });
          }
          resolve();
        });
        give();
      }),
  ),
);

if (process.stdout.isTTY) process.stdout.write('\n');
if (values.fingerprint) {
  for (const [seed, text] of fingerprints.sort(([a], [b]) => a - b)) console.log(`fingerprint ${seed} ${text}`);
}
for (const [invariant, found] of Object.entries(Object.groupBy?.(failures, ({ failure }) => failure.invariant) ?? {})) {
  console.log(
    `${found.length} x ${invariant}: seeds ${found
      .map(({ seed }) => seed)
      .slice(0, 20)
      .join(', ')}`,
  );
}
console.log(`${done} seeds, ${events} events, ${failures.length} violations`);
process.exitCode = failures.length === 0 ? 0 : 1;
