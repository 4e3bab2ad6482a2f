// Builds lib into dist, which stays as it is until the new one is complete:
//   dist/esm   a file for each source file, by tsc: what the others are made of. The benchmarks use it; the package leaves it out
//   dist/types the declarations of each source file; scripts/api.mjs uses them, and the package leaves them out
//   dist/cjs   CommonJS in few files, for Node, with the declarations of each entry. There is one copy of each class in a
//              process, whether it imports or requires
//   dist/node  ES modules for Node that export what dist/cjs has; the command
//   dist/web   ES modules for bundlers, with the WebSocket of the browser; the scripts of the dashboard, which share them
//   dist/dashboard  the other files of the page that serveDashboard serves
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildDashboard } from './build/dashboard.mjs';
import { bundleDeclarations } from './build/declarations.mjs';
import { bundleForNode } from './build/node.mjs';
import { bundleForBrowsers, entriesForBrowsers } from './build/web.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const dist = `${root}dist`;
const next = `${root}dist.${String(process.pid)}`;
const types = `${next}/types`;
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

process.on('exit', () => rmSync(next, { recursive: true, force: true }));

// Node keeps the text of what it has loaded, comments included. The declarations keep theirs: they are documentation.
compile('esm', ['--declaration', 'false', '--removeComments']);
compile('types', ['--emitDeclarationOnly']);

/** The entries of the package as paths in lib without ending, such as `index` and `files/index`. */
const entries = Object.values(manifest.exports).flatMap(
  (target) => /^\.\/dist\/cjs\/(.+)\.js$/.exec(target.require?.default)?.[1] ?? [],
);
await bundleForNode(next, entries);
const web = `${next}/web`;
const metafile = await bundleForBrowsers(root, {
  from: `${next}/esm`,
  extension: 'js',
  to: web,
  entries: entriesForBrowsers(manifest),
});
await buildDashboard(root, { web, metafile, to: `${next}/dashboard` });
await bundleDeclarations(next, types, entries);
copyFileSync(new URL('../LICENSE', pathToFileURL(require.resolve('hash-wasm'))), `${next}/LICENSE.hash-wasm`);

const old = `${next}.old`;
mkdirSync(dist, { recursive: true });
renameSync(dist, old);
renameSync(next, dist);
rmSync(old, { recursive: true });

function compile(folder, options) {
  const args = ['-p', 'tsconfig.esm.json', '--outDir', `${next}/${folder}`, ...options];
  const run = spawnSync(process.execPath, [require.resolve('typescript/bin/tsc'), ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  if (run.status === 0) return;
  console.error(`rxgrid: the compiler failed (${folder}).`);
  process.exit(1);
}
