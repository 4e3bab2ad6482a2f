import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/*
 * The examples for node:test and vitest, in a folder of their own with rxgrid as a package. It is built here from the
 * source, so that no old build is tested.
 */

const project = resolve(__dirname, '../..');
const vitest = 'vitest@4';
/** Time for an install from the registry, in ms. */
const installTime = 100_000;
let folder = '';

function run(command: string, args: readonly string[], cwd: string, timeout = 60_000): SpawnSyncReturns<string> {
  // What runs inside jest or npm passes its settings on: a nested one must not see them.
  const foreign = /^(npm_|JEST_|NODE_ENV|NODE_OPTIONS|NODE_TEST_CONTEXT|VITEST)/i;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
  return spawnSync(command, args, { cwd, env: { ...env, NO_COLOR: '1' }, encoding: 'utf8', timeout });
}

function link(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path, 'dir');
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-frameworks-'));
  const sources = readdirSync(join(project, 'lib'), { recursive: true, encoding: 'utf8' });
  const rxgrid = join(folder, 'node_modules/rxgrid');
  await build({
    entryPoints: sources.filter((name) => name.endsWith('.ts')).map((name) => join(project, 'lib', name)),
    outbase: join(project, 'lib'),
    outdir: join(rxgrid, 'dist'),
    format: 'esm',
    target: 'es2022',
  });
  const exports = { '.': './dist/index.js', './testing': './dist/testing/index.js' };
  writeFileSync(join(rxgrid, 'package.json'), JSON.stringify({ name: 'rxgrid', type: 'module', exports }));
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  for (const name of ['rxjs', 'hash-wasm', 'isomorphic-ws', 'jose', 'msgpack-lite', 'ws']) {
    link(join(project, 'node_modules', name), join(folder, 'node_modules', name));
  }
  for (const name of ['testing-with-node-test', 'testing-with-vitest']) {
    cpSync(join(project, 'examples', name), join(folder, name), { recursive: true });
  }
}, 60_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the examples', () => {
  it('run with node:test', () => {
    const { stdout, status } = run(process.execPath, ['--test', 'testing-with-node-test/'], folder);
    expect(stdout).toMatch(/^# pass 2$/m);
    expect(stdout).toMatch(/^# fail 0$/m);
    expect(status).toBe(0);
  }, 60_000);

  it('show the difference with node:test when they fail', () => {
    const wrong = join(folder, 'wrong.test.mjs');
    writeFileSync(
      wrong,
      "import { test } from 'node:test';\nimport { of } from 'rxjs';\nimport { gridTest } from 'rxgrid/testing';\n" +
        "test('wrong', () => gridTest(({ expectObservable }) => { expectObservable(of('x')).toBe('y'); }));\n",
    );
    const { stdout, status } = run(process.execPath, ['--test', wrong], folder);
    expect(stdout).toContain('expectObservable: something else happened (- expected, + found).');
    expect(stdout).toMatch(/expected {2}y\s+found {5}\(x\|\)/);
    expect(status).toBe(1);
  }, 60_000);

  it('name the mock timers of node:test, and end with the signal of the test', () => {
    const wrong = join(folder, 'mocked.test.mjs');
    writeFileSync(
      wrong,
      "import { mock, test } from 'node:test';\nimport { gridTest } from 'rxgrid/testing';\n" +
        "test('mocked', () => gridTest(async ({ advance }) => { mock.timers.enable(); await advance(5); }));\n" +
        "test('late', { timeout: 200 }, ({ signal }) => gridTest(({ clock }) => new Promise(() => {\n" +
        '  const again = () => clock.schedule(again, 1);\n  again();\n}), { signal, maxTime: Infinity }));\n' +
        "test('next', () => gridTest(({ advance }) => advance(5)));\n",
    );
    const { stdout } = run(process.execPath, ['--test', wrong], folder);
    expect(stdout).toContain('The mock timers of node:test (mock.timers.enable()) were turned on within a gridTest');
    expect(stdout).toMatch(/^# pass 1$/m);
    expect(stdout).toMatch(/^# fail 1$/m);
  }, 60_000);

  it(
    'run with vitest',
    () => {
      const modules = installVitest();
      if (modules === undefined) {
        console.warn(`Not tested: ${vitest} cannot be installed here.`);
        return;
      }
      for (const name of readdirSync(modules)) {
        const path = join(folder, 'node_modules', name);
        if (!name.startsWith('.') && !existsSync(path)) link(join(modules, name), path);
      }
      const cli = join(folder, 'node_modules/vitest/vitest.mjs');
      const { stdout, stderr, status } = run(
        process.execPath,
        [cli, 'run', '--root', folder, 'testing-with-vitest'],
        folder,
      );
      expect(`${stdout}${stderr}`).toMatch(/Tests {2}1 passed/);
      expect(status).toBe(0);
    },
    installTime + 60_000,
  );
});

// Kept for the next run: an install takes a while. Vitest is no dependency of the project.
function installVitest(): string | undefined {
  const home = join(tmpdir(), 'rxgrid-vitest');
  const modules = join(home, 'node_modules');
  if (existsSync(join(home, 'installed'))) return modules;
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'package.json'), '{ "private": true }\n');
  const { status } = run('npm', ['install', vitest, '--no-audit', '--no-fund', '--ignore-scripts'], home, installTime);
  if (status !== 0) return undefined;
  writeFileSync(join(home, 'installed'), '');
  return modules;
}
