// Builds the package when `dist` is missing or older than its sources. Ends the process when that fails.
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const built = statSync(`${root}dist/cjs/package.json`, { throwIfNoEntry: false });
const sources = readdirSync(`${root}lib`, { recursive: true }).map((name) => `lib/${name}`);
const configs = ['tsconfig.json', 'tsconfig.esm.json', 'scripts/build.mjs'];
const newest = Math.max(...[...sources, ...configs].map((name) => statSync(root + name).mtimeMs));

if (!built || built.mtimeMs < newest) {
  console.log(`rxgrid: ${built ? 'dist is older than lib' : 'dist is missing'}: building ...`);
  const build = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
  if (build.status !== 0) process.exit(1);
}
