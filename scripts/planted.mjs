// Plants faults into a copy of lib, one at a time, and looks which checks find them: the simulation, and the specs
// nearest to each: `npm run planted -- --help`. A fault that neither finds fails the command. See docs/simulation.md.
import { spawn } from 'node:child_process';
import { cpSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readOptions } from './command-options.mjs';
import { checkFault } from './planted/check-fault.mjs';
import { faults } from './planted/faults.mjs';
import { Tally } from './planted/tally.mjs';
import { bundleSimulation, runSeeds, sourceOf } from './simulation-workers.mjs';
import { temporaryFolder } from './temporary-folder.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const values = readOptions('npm run planted -- [options]: plants faults, and looks which checks find them.', {
  seeds: { help: 'Seeds that may find a fault.', default: '100', least: 1 },
  seed: { help: 'The first one.', default: '1', least: 1 },
  hosts: { help: 'Hosts of each cluster.', default: '5', least: 1 },
  workers: { help: 'Faults at a time.', default: String(availableParallelism()), least: 1 },
  from: { help: 'Number of the first fault of the list.', default: '1', least: 1 },
  to: { help: 'Number of the last one.', default: String(faults.length), least: 1 },
  only: { help: 'Numbers of the faults, with commas between them.', default: '' },
  first: { help: 'Numbers of the faults that come first, with commas between them.', default: '' },
  every: { help: 'Every so many faults only.', default: '1', least: 1 },
  name: { help: 'Only faults whose name has this text in it.', default: '' },
  skip: { help: 'simulation or specs: without these.', default: '' },
});
const numbersOf = (text) => (text === '' ? [] : text.split(',').map(Number));
const only = numbersOf(values.only);
const first = numbersOf(values.first);
/** Those that come first have the lowest ranks. */
const rankOf = ({ number }) => (first.includes(number) ? first.indexOf(number) : first.length);
const { seeds, hosts, workers, every, from, to } = values;
/** With the numbers that the faults have in the whole list. */
const chosen = faults
  .map((fault, index) => ({ ...fault, number: index + 1 }))
  .filter(
    ({ name, number }) =>
      number >= from &&
      number <= to &&
      (number - 1) % every === 0 &&
      name.includes(values.name) &&
      (only.length === 0 || only.includes(number)),
  )
  .sort((left, right) => rankOf(left) - rankOf(right));

/** A seed that runs longer, in real ms, counts as one that never ends. */
const seedPatience = 60_000;
/** So do specs. */
const specPatience = 180_000;
/** And all of them together, before any fault is planted. */
const baselinePatience = 900_000;
/** MiB of the heap in which specs run: a fault that fills the memory must not take that of the machine. */
const specMegabytes = 1_024;

/** What the simulation finds: its seed and invariant. */
async function simulate(bundle) {
  let found;
  await runSeeds({
    bundle,
    hosts,
    first: values.seed,
    seeds,
    workers: 1,
    shrinkRuns: 0,
    patience: seedPatience,
    onResult: ({ seed, failure }) => {
      if (failure !== undefined) found = `seed ${seed}: ${failure.invariant}`;
      return found !== undefined;
    },
  });
  return found;
}

/** A copy of the project as it is when the command begins. In it, one file of lib is changed at a time. */
function copyProject() {
  const folder = temporaryFolder(join(tmpdir(), 'rxgrid-planted-'));
  for (const name of ['lib', 'spec', 'scripts', 'jest.config.js', 'package.json', 'tsconfig.json']) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** What the specs of a copy find: the first test that fails. */
async function runSpecs(folder, specs, patience = specPatience) {
  const jest = join(folder, 'node_modules', 'jest', 'bin', 'jest.js');
  const memory = `--max-old-space-size=${specMegabytes}`;
  const child = spawn(process.execPath, [memory, jest, '--ci', '--bail', '--runInBand', ...specs], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, FORCE_COLOR: '0', RXGRID_ALL_RUNS: '1' },
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, patience);
  const code = await new Promise((resolve) => child.on('close', resolve));
  clearTimeout(timer);
  if (code === 0) return undefined;
  return late ? 'they do not end' : (/● (.+)/.exec(text)?.[1] ?? text.trim().slice(-200));
}

/** The checks of one worker, which has a copy of its own. */
function checksOf(project) {
  const textOf = (file) => sourceOf(file, project);
  const specify = async ({ file, text }, specs) => {
    const original = textOf(file);
    writeFileSync(join(project, file), text);
    try {
      return await runSpecs(project, specs);
    } finally {
      writeFileSync(join(project, file), original);
    }
  };
  return {
    sourceOf: textOf,
    build: (change) => bundleSimulation({ change, project }),
    ...(values.skip === 'simulation' ? {} : { simulate }),
    ...(values.skip === 'specs' ? {} : { specify }),
  };
}

/** Without a fault nothing may be found, or the rest means nothing. */
async function checkWithoutFaults(project) {
  if (values.skip !== 'simulation') {
    const bundle = await bundleSimulation({ project });
    const found = await simulate(bundle.file);
    bundle.remove();
    if (found !== undefined) throw new Error(`The simulation fails without any fault: ${found}`);
  }
  if (values.skip !== 'specs') {
    const found = await runSpecs(project, [...new Set(chosen.flatMap(({ specs }) => specs))], baselinePatience);
    if (found !== undefined) throw new Error(`The specs fail without any fault: ${found}`);
  }
}

const projects = Array.from({ length: workers }, copyProject);
await checkWithoutFaults(projects[0]);

const tally = new Tally();
const waiting = [...chosen];
await Promise.all(
  projects.map(async (project) => {
    const checks = checksOf(project);
    for (let fault = waiting.shift(); fault !== undefined; fault = waiting.shift()) {
      console.log(tally.add(fault, await checkFault(fault, checks)));
    }
  }),
);

// Where a check was left out, what the other one does not find is no gap.
const failures = values.skip === '' ? tally.failures : tally.broken;
for (const failure of failures) console.log(failure);
console.log(tally.summary);
process.exitCode = failures.length > 0 ? 1 : 0;
