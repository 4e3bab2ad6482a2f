// Builds lib into dist, which stays as it is until the new one is complete:
//   dist/esm    a file for each source file, by tsc: bundlers drop what is not used
//   dist/chunks the same in few files, by esbuild, for Node, which takes half a millisecond to load a module
//   dist/cjs    those as CommonJS
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const dist = `${root}dist`;
const next = `${root}dist.${String(process.pid)}`;
const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

process.on('exit', () => rmSync(next, { recursive: true, force: true }));

for (const [config, folder] of [
  ['tsconfig.esm.json', 'esm'],
  ['tsconfig.cjs.json', 'cjs'],
]) {
  const args = [tsc, '-p', config, '--outDir', `${next}/${folder}`];
  const run = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (run.status !== 0) {
    console.error(`rxgrid: the build with ${config} failed.`);
    process.exit(1);
  }
}

const shared = { platform: 'node', target: 'es2022', packages: 'external', sourcemap: true, logLevel: 'warning' };
const entries = Object.values(exports).flatMap(
  ({ import: { types } = {} }) => /^\.\/dist\/esm\/(.+)\.d\.ts$/.exec(types)?.[1] ?? [],
);
await build({
  ...shared,
  // What is loaded later is named too: a running process finds it under the same name after the next build.
  entryPoints: [...entries, 'wire/xxh3', 'manager/jose'].map((name) => `${next}/esm/${name}.js`),
  outbase: `${next}/esm`,
  outdir: `${next}/chunks`,
  bundle: true,
  splitting: true,
  format: 'esm',
});
await build({
  ...shared,
  entryPoints: readdirSync(`${next}/chunks`, { recursive: true })
    .filter((name) => name.endsWith('.js'))
    .map((name) => `${next}/chunks/${name}`),
  outbase: `${next}/chunks`,
  outdir: `${next}/cjs`,
  format: 'cjs',
  // jest runs CommonJS, and has no import() there.
  supported: { 'dynamic-import': false },
});
writeFileSync(`${next}/cjs/package.json`, '{ "type": "commonjs" }\n');

const old = `${next}.old`;
mkdirSync(dist, { recursive: true });
renameSync(dist, old);
renameSync(next, dist);
rmSync(old, { recursive: true });
