// Builds lib twice with tsc: dist/esm and dist/cjs.
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

rmSync(`${root}dist`, { recursive: true, force: true });
for (const config of ['tsconfig.esm.json', 'tsconfig.cjs.json']) {
  const run = spawnSync(process.execPath, [tsc, '-p', config], { cwd: root, stdio: 'inherit' });
  if (run.status !== 0) {
    console.error(`rxgrid: the build with ${config} failed.`);
    process.exit(1);
  }
}
// Written last: scripts/start.mjs takes its time as the time of a complete build.
writeFileSync(`${root}dist/cjs/package.json`, '{ "type": "commonjs" }\n');
