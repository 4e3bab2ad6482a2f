// Compiles spec/types/api.ts against the declarations in `dist`, as a user has them: with the project's TypeScript, and
// with others whose package folders are given, with `skipLibCheck: false`, and without the types of packages that a
// user has no reason to install (those of ws, above all).
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from './temporary-folder.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const compilers = ['typescript', ...process.argv.slice(2)];
// What a user has: the dependencies, the peer dependency, the types of Node, and zod, whose schemas api.ts uses.
const { dependencies } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const installed = [...Object.keys(dependencies), 'rxjs', 'zod', '@types/node', 'undici-types', 'tslib'];

const user = temporaryFolder(join(tmpdir(), 'rxgrid-types-'));
const modules = join(user, 'node_modules');
for (const name of installed) {
  mkdirSync(dirname(join(modules, name)), { recursive: true });
  // Copied, not linked: what they import must be found here, and nothing else.
  cpSync(join(root, 'node_modules', name), join(modules, name), { recursive: true });
}
mkdirSync(join(modules, 'rxgrid'));
cpSync(`${root}package.json`, join(modules, 'rxgrid/package.json'));
cpSync(`${root}dist`, join(modules, 'rxgrid/dist'), { recursive: true });
cpSync(`${root}spec/types/api.ts`, join(user, 'api.ts'));
writeFileSync(
  join(user, 'entries.ts'),
  `export * as main from 'rxgrid'; export * as files from 'rxgrid/files'; export * as interceptors from 'rxgrid/interceptors'; export * as monitor from 'rxgrid/monitor'; export * as node from 'rxgrid/node';
export * as shared from 'rxgrid/shared';
export * as testing from 'rxgrid/testing'; export * as sockets from 'rxgrid/testing/node'; export * as wire from 'rxgrid/wire';\n`,
);
writeFileSync(join(user, 'package.json'), '{ "private": true, "type": "module" }\n');
writeFileSync(
  join(user, 'tsconfig.json'),
  JSON.stringify({
    compilerOptions: {
      target: 'es2022',
      lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'],
      types: ['node'],
      module: 'nodenext',
      moduleResolution: 'nodenext',
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
    },
    files: ['api.ts', 'entries.ts'],
  }),
);

let failed = false;
for (const name of compilers) {
  const manifest = name.includes('/') ? join(name, 'package.json') : require.resolve(`${name}/package.json`);
  const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
  const run = spawnSync(process.execPath, [join(dirname(manifest), 'bin/tsc'), '-p', user], { encoding: 'utf8' });
  console.log(`TypeScript ${version}: ${run.status === 0 ? 'compiles' : `fails\n${run.stdout}${run.stderr}`}`);
  failed ||= run.status !== 0;
}
process.exit(failed ? 1 : 0);
