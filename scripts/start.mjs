// Runs the example cluster on the built package, and builds that first when it is missing or older than its sources.
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const built = statSync(`${root}dist/cjs/package.json`, { throwIfNoEntry: false });
const sources = readdirSync(`${root}lib`, { recursive: true }).map((name) => `lib/${name}`);
const configs = ['tsconfig.json', 'tsconfig.esm.json', 'tsconfig.cjs.json'];
const newest = Math.max(...[...sources, ...configs].map((name) => statSync(root + name).mtimeMs));

if (!built || built.mtimeMs < newest) {
  console.log(`rxgrid: ${built ? 'dist is older than lib' : 'dist is missing'}: building ...`);
  const build = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
  if (build.status !== 0) process.exit(1);
}

const example = spawn(process.execPath, ['examples/storage-cluster/main.mjs', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
// The example ends itself on a signal; dying first would leave it without a terminal.
process.on('SIGTERM', () => example.kill('SIGTERM'));
process.on('SIGINT', () => {
  // A terminal has sent it to both.
  if (!process.stdin.isTTY) example.kill('SIGINT');
});
example.on('exit', (code) => process.exit(code ?? 1));
