import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';

const project = resolve(__dirname, '../../..');

/** The environment without the settings that npm passes on to what it runs: a nested npm must not see them. */
export function withoutNpm(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
}

/** Runs a program in a folder; the result is what it prints. */
export function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, args, { cwd, env: withoutNpm(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Builds and packs a copy of the project, because `dist` may be in use. The result is the tarball, in `folder`. */
export function packPackage(folder: string): string {
  const source = join(folder, 'source');
  mkdirSync(source);
  const configs = readdirSync(project).filter((name) => /^tsconfig.*\.json$/.test(name));
  for (const name of ['package.json', 'lib', 'scripts', 'README.md', 'LICENSE', ...configs]) {
    cpSync(join(project, name), join(source, name), { recursive: true });
  }
  symlinkSync(join(project, 'node_modules'), join(source, 'node_modules'), 'dir');
  run(process.execPath, ['scripts/build.mjs'], source);
  // As `npm pack` does, which would build once more.
  run(process.execPath, ['scripts/packed-readme.mjs'], source);
  run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], source);
  run(process.execPath, ['scripts/packed-readme.mjs', '--restore'], source);
  return join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.tgz'))!,
  );
}

/** Lays the package out in `user` as `npm install` would, without a network. `optional`: with the optional peers. */
export function installPackage(tarball: string, user: string, { optional }: { readonly optional: boolean }): void {
  const modules = join(user, 'node_modules');
  mkdirSync(modules, { recursive: true });
  run('tar', ['-xzf', tarball, '-C', modules], user);
  cpSync(join(modules, 'package'), join(modules, 'rxgrid'), { recursive: true });
  rmSync(join(modules, 'package'), { recursive: true });
  const { peerDependencies = {} } = manifestOf(modules, 'rxgrid');
  const done = new Set<string>();
  copyDependencies(modules, 'rxgrid', done);
  for (const name of optional ? Object.keys(peerDependencies) : ['rxjs']) copyPackage(modules, name, done);
}

interface Manifest {
  readonly dependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
}

function manifestOf(modules: string, name: string): Manifest {
  return JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')) as Manifest;
}

/** Copies what a manifest asks for, and what that asks for in turn: nothing else is there. */
function copyDependencies(modules: string, name: string, done: Set<string>): void {
  for (const dependency of Object.keys(manifestOf(modules, name).dependencies ?? {})) {
    copyPackage(modules, dependency, done);
  }
}

function copyPackage(modules: string, name: string, done: Set<string>): void {
  const from = join(project, 'node_modules', name);
  if (done.has(name) || !existsSync(from)) return;
  done.add(name);
  cpSync(from, join(modules, name), { recursive: true });
  copyDependencies(modules, name, done);
}
