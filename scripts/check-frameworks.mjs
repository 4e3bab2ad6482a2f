// Compiles the examples of Nest and Angular against the packed package, as their users have it. Their packages are no
// dependencies of this project: npm installs them into a temporary folder.
//
//   node scripts/check-frameworks.mjs rxgrid-0.1.0.tgz
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from './temporary-folder.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const [tarball] = process.argv.slice(2);
if (tarball === undefined) {
  console.error('rxgrid: give the packed package: node scripts/check-frameworks.mjs rxgrid-0.1.0.tgz');
  process.exit(2);
}

const common = ['rxjs@7', '@types/node@20'];
const examples = [
  {
    name: 'nest',
    packages: ['@nestjs/core@12', '@nestjs/common@12', 'reflect-metadata@0.2', 'typescript@5.9'],
    program: 'typescript/bin/tsc',
    compiler: { module: 'nodenext', types: ['node'] },
    lay: (folder) => cpSync(`${root}examples/nest/main.mts`, join(folder, 'main.mts')),
  },
  {
    name: 'angular',
    packages: [
      '@angular/core@22',
      '@angular/common@22',
      '@angular/compiler@22',
      '@angular/compiler-cli@22',
      'typescript@6.0',
    ],
    // It checks the templates as well.
    program: '@angular/compiler-cli/bundles/src/bin/ngc.js',
    compiler: { module: 'preserve', moduleResolution: 'bundler', lib: ['es2022', 'dom'], types: [] },
    lay: (folder) => {
      for (const [file, text] of filesOf(readFileSync(`${root}examples/angular/README.md`, 'utf8'))) {
        writeFileSync(join(folder, file), text);
      }
    },
  },
];

const temp = temporaryFolder(join(tmpdir(), 'rxgrid-frameworks-'));
for (const example of examples) check(example);

function check({ name, packages, program, compiler, lay }) {
  const folder = join(temp, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  lay(folder);
  const options = { target: 'es2022', strict: true, experimentalDecorators: true, skipLibCheck: true, noEmit: true };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...options, ...compiler }, angularCompilerOptions: { strictTemplates: true } }),
  );
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  run(
    'npm',
    ['install', ...quiet, resolve(tarball), ...common, ...packages],
    folder,
    `the packages of ${name} cannot be installed`,
  );
  run(process.execPath, [`node_modules/${program}`, '-p', '.'], folder, `the example of ${name} does not compile`);
  console.log(`${name}: compiled with ${packages.join(', ')}`);
}

/** The blocks of a page that begin with a comment that names a file. */
function filesOf(page) {
  return [...page.matchAll(/^```ts\n(\/\/ ([\w.-]+\.ts):[^]*?)^```$/gm)].map(([, text, file]) => [file, text]);
}

function run(command, args, cwd, failure) {
  // npm passes its own settings on, which a nested npm must not see.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8', timeout: 300_000 });
  if (status === 0) return;
  console.error(`rxgrid: ${failure}:\n${stdout}${stderr}`);
  process.exit(1);
}
