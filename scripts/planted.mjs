// Plants faults into a copy of lib, one at a time, and looks which checks find them: the simulation, and the specs nearest
// to each: `npm run planted -- --help`. A fault that neither finds fails the command. See docs/simulation.md.
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readOptions } from './command-options.mjs';
import { faults } from './planted/faults.mjs';
import { plant } from './planted/plant.mjs';
import { bundleSimulation, runSeeds, sourceOf } from './simulation-workers.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const values = readOptions('npm run planted -- [options]: plants faults, and looks which checks find them.', {
  seeds: { help: 'Seeds that may find a fault.', default: '100', least: 1 },
  seed: { help: 'The first one.', default: '1', least: 1 },
  hosts: { help: 'Hosts of each cluster.', default: '5', least: 1 },
  workers: { help: 'Faults at a time.', default: String(availableParallelism()), least: 1 },
  from: { help: 'Number of the first fault of the list.', default: '1', least: 1 },
  to: { help: 'Number of the last one.', default: String(faults.length), least: 1 },
  only: { help: 'Numbers of the faults, with commas between them.', default: '' },
  every: { help: 'Every so many faults only.', default: '1', least: 1 },
  name: { help: 'Only faults whose name has this text in it.', default: '' },
  skip: { help: 'simulation or specs: without these.', default: '' },
});
const only = values.only === '' ? undefined : values.only.split(',').map(Number);
const { seeds, seed: first, hosts, workers, every, from, to } = values;
/** With the numbers that the faults have in the whole list. */
const chosen = faults
  .map((fault, index) => ({ ...fault, number: index + 1 }))
  .filter(
    ({ name, number }) =>
      number >= from &&
      number <= to &&
      (number - 1) % every === 0 &&
      name.includes(values.name) &&
      (only?.includes(number) ?? true),
  );

/** A seed that runs longer, in real ms, counts as one that never ends. */
const seedPatience = 60_000;
/** So do specs. */
const specPatience = 180_000;
/** And all of them together, before any fault is planted. */
const baselinePatience = 900_000;

/** What the simulation finds: its seed and invariant. */
async function simulated(change) {
  let found;
  await runSeeds({
    bundle: await bundleSimulation(change),
    hosts,
    first,
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

/** A copy of what jest needs, in which one file of lib is changed at a time. */
function copyProject() {
  const folder = mkdtempSync(join(tmpdir(), 'rxgrid-planted-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['lib', 'spec', 'scripts', 'jest.config.js', 'package.json', 'tsconfig.json']) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** What the specs find: the first test that fails. */
async function specified(folder, specs, patience = specPatience) {
  const jest = join(folder, 'node_modules', 'jest', 'bin', 'jest.js');
  const child = spawn(process.execPath, [jest, '--ci', '--bail', '--runInBand', ...specs], {
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

const skips = (what) => values.skip === what;
const folders = skips('specs') ? [] : Array.from({ length: workers }, copyProject);

// Without a fault nothing may be found, or the rest means nothing.
if (!skips('simulation')) {
  const found = await simulated(undefined);
  if (found !== undefined) throw new Error(`The simulation fails without any fault: ${found}`);
}
if (!skips('specs')) {
  const found = await specified(folders[0], [...new Set(chosen.flatMap(({ specs }) => specs))], baselinePatience);
  if (found !== undefined) throw new Error(`The specs fail without any fault: ${found}`);
}

const counts = { simulation: 0, specs: 0, neither: 0 };
const gaps = [];
let next = 0;
async function work(index) {
  while (next < chosen.length) {
    const fault = chosen[next++];
    const { number, name, file, specs, neither } = fault;
    const original = sourceOf(file);
    const change = { file, text: plant(original, fault) };
    const bySimulation = skips('simulation') ? undefined : await simulated(change);
    let bySpecs;
    if (!skips('specs')) {
      writeFileSync(join(folders[index], file), change.text);
      bySpecs = await specified(folders[index], specs);
      writeFileSync(join(folders[index], file), original);
    }
    if (bySimulation !== undefined) counts.simulation++;
    if (bySpecs !== undefined) counts.specs++;
    if (bySimulation === undefined && bySpecs === undefined) {
      counts.neither++;
      if (neither === undefined) gaps.push(name);
    }
    const why = bySimulation === undefined && bySpecs === undefined ? `\n    ${neither ?? 'a gap'}` : '';
    console.log(
      `${number}. ${name} (${file})\n    simulation: ${bySimulation ?? '—'}\n    specs: ${bySpecs ?? '—'}${why}`,
    );
  }
}
await Promise.all(Array.from({ length: workers }, (_, index) => work(index)));

if (gaps.length > 0 && values.skip === '') console.log(`Found by nothing, and not explained: ${gaps.join('; ')}`);
console.log(
  `planted: ${chosen.length} faults, simulation ${counts.simulation}, specs ${counts.specs}, neither ${counts.neither}`,
);
process.exitCode = gaps.length > 0 && values.skip === '' ? 1 : 0;
