// Runs seeds of the project's simulation in processes of their own: for `npm run simulate` and `npm run planted`.
import { fork } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { removeTemporaryFolder, temporaryFolder } from './temporary-folder.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Workers collect garbage in their own thread: each has a core, and helpers of all of them would only wait for one.
 * Most of what a seed makes is short-lived, so the young objects have room for most of a seed, and the worker collects
 * them between two seeds. Full collections are rare then; each one discards the compiled code of functions that are
 * created in each run anew, and that code costs a tenth of a run. Of code that is as broad as this one, more is spent
 * on compiling what is inlined than that saves.
 */
const engineOptions = [
  '--single-threaded-gc',
  '--expose-gc',
  '--min-semi-space-size=64',
  '--max-semi-space-size=64',
  '--heap-growing-percent=1000',
  '--max-inlined-bytecode-size-cumulative=300',
];

/**
 * Bundles the simulation from the sources: no build of the package is needed, and none can be stale. The bundle is
 * removed when this process ends, or by `remove`.
 *
 * @param {object} [options]
 * @param {{ file: string, text: string }} [options.change] Another text of one source file.
 * @param {import('./statement-coverage.mjs').StatementCoverage} [options.coverage] Counts statements.
 * @param {string} [options.project] The folder with the sources. Default: this project.
 * @throws Error where the sources do not build.
 */
export async function bundleSimulation({ change, coverage, project = root } = {}) {
  // Within this project, so that its packages are found.
  const folder = temporaryFolder(join(root, 'node_modules', '.simulate-'));
  const file = join(folder, 'worker.mjs');
  const changed = change && join(project, change.file);
  await build({
    entryPoints: [join(project, 'spec/simulation/worker.ts')],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    // For the stack traces of failures only: see `withSourcePositions`. Node's own source maps cost a tenth of the run.
    sourcemap: 'external',
    logLevel: 'warning',
    banner: { js: coverage?.banner ?? '' },
    plugins: [
      {
        name: 'change',
        setup({ onLoad }) {
          onLoad({ filter: /\.ts$/ }, ({ path }) => {
            const contents = path === changed ? change.text : coverage?.instrument(path);
            return contents === undefined ? undefined : { contents, loader: 'ts' };
          });
        },
      },
    ],
  });
  return { file, remove: () => removeTemporaryFolder(folder) };
}

/**
 * A text with stack traces of the bundle, with the positions in the sources in their place.
 *
 * @param {string} text
 * @param {string} bundle The file of {@link bundleSimulation}.
 */
export function withSourcePositions(text, bundle) {
  const position = new RegExp(`(?:file://)?${bundle.replace(/[.+]/g, '\\$&')}:(\\d+):(\\d+)`, 'g');
  if (!position.test(text)) return text;
  const map = new SourceMap(JSON.parse(readFileSync(`${bundle}.map`, 'utf8')));
  return text.replace(position, (found, line, column) => {
    // Both count from 1.
    const { fileName, lineNumber, columnNumber } = map.findOrigin(Number(line), Number(column));
    return fileName === undefined
      ? found
      : `${relative(root, join(dirname(bundle), fileName))}:${lineNumber}:${columnNumber}`;
  });
}

/** The names of all marks and rare branches in the sources, in their order. */
export function allMarks() {
  const files = readdirSync(join(root, 'lib'), { recursive: true }).filter((name) => name.endsWith('.ts'));
  const calls = files.flatMap((name) => [
    ...withoutComments(sourceOf(join('lib', name))).matchAll(/\b(?:sometimes|buggify)\?\.\(([^)]*)\)/g),
  ]);
  // The arguments may be an expression that gives one of several names.
  return [...new Set(calls.flatMap(([, text]) => [...text.matchAll(/'([^']+)'/g)].map(([, name]) => name)))].sort();
}

function withoutComments(text) {
  return text.replace(/^ *(?:\/\*)?\*.*$/gm, '');
}

/** The text of a source file of a project. Default: of this one. */
export function sourceOf(file, project = root) {
  return readFileSync(join(project, file), 'utf8');
}

/**
 * Runs seeds, each in one of `workers` processes.
 *
 * @param {object} options
 * @param {string} options.bundle The file of {@link bundleSimulation}.
 * @param {number} options.hosts
 * @param {number} options.first The first seed.
 * @param {number} options.seeds How many.
 * @param {number} options.workers
 * @param {number} [options.shrinkRuns] Default: that of `simulate`.
 * @param {number} [options.patience] Real ms after which a seed counts as one that never ends. Default: without end.
 * @param {(result: object) => boolean | void} options.onResult True: enough, no further seeds.
 */
export async function runSeeds({ bundle, hosts, first, seeds, workers, shrinkRuns, patience, onResult }) {
  let next = first;
  let enough = false;
  const running = new Set();
  const take = (result) => {
    const { failure } = result;
    if (failure !== undefined) failure.message = withSourcePositions(failure.message, bundle);
    if (enough || onResult(result) !== true) return;
    enough = true;
    for (const worker of running) worker.kill();
  };
  const one = () =>
    new Promise((resolve) => {
      let seed;
      let timer;
      const args = [String(hosts), ...(shrinkRuns === undefined ? [] : [String(shrinkRuns)])];
      const worker = fork(bundle, args, { execArgv: engineOptions });
      running.add(worker);
      const failed = (invariant, message) => {
        take({
          seed,
          events: 0,
          fingerprint: '',
          marks: [],
          failure: { invariant, message: `Seed ${seed}: ${message}` },
        });
        seed = undefined;
      };
      const give = () => {
        clearTimeout(timer);
        if (enough || next >= first + seeds) {
          worker.disconnect();
          return;
        }
        seed = next++;
        worker.send(seed);
        if (patience === undefined) return;
        timer = setTimeout(() => {
          failed('a run ends', `it has not ended after ${patience} real ms.`);
          worker.kill('SIGKILL');
        }, patience);
      };
      worker.on('message', (result) => {
        seed = undefined;
        take(result);
        give();
      });
      worker.on('exit', (code) => {
        clearTimeout(timer);
        running.delete(worker);
        if (seed !== undefined && !enough) failed('the process lives', `the process ended with ${code}, see above.`);
        resolve();
      });
      give();
    });
  await Promise.all(Array.from({ length: Math.min(workers, seeds) }, one));
}
