import { transformSync } from '@swc/core';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const project = resolve(__dirname, '../../..');

/**
 * The manifest of the package where its entries are a file for each source file, in `dist/esm`: the package has bundles
 * of them for Node and for browsers.
 */
export function manifestOfSources(): string {
  const manifest = readFileSync(join(project, 'package.json'), 'utf8').replace(
    /\.\/dist\/(node|web)\//g,
    './dist/esm/',
  );
  // The bundle for browsers has this in place.
  const browser = { './dist/esm/transport/ws-dial.js': './dist/esm/transport/ws-dial-browser.js' };
  return JSON.stringify({ ...(JSON.parse(manifest) as object), browser });
}

/** Compiles lib into a new folder, as ES modules that processes of their own can run. The result is the folder. */
export function buildLib(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rxgrid-built-'));
  cpSync(join(project, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'), 'dir');
  for (const name of readdirSync(join(project, 'lib'), { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    const { code } = transformSync(readFileSync(join(project, 'lib', name), 'utf8'), {
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: 'es6' },
    });
    // Where the package has it: three folders above main.js.
    const target = join(folder, 'dist/esm', name.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, code);
  }
  return folder;
}

/** The same with the examples, which import the package by its name. */
export function buildLibWithExamples(): string {
  const folder = buildLib();
  writeFileSync(join(folder, 'package.json'), manifestOfSources());
  cpSync(join(project, 'examples'), join(folder, 'examples'), { recursive: true });
  return folder;
}
