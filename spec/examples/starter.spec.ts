import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { transformSync } from '@swc/core';
import { execFile, spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildLibWithExamples } from '../support/programs/built-lib.js';

/*
 * The folder that users copy: its types are checked with those of the project, its test passes, and its host starts and
 * ends.
 */

let folder: string;

beforeAll(() => {
  folder = buildLibWithExamples();
  const source = join(folder, 'examples/starter/src');
  for (const name of readdirSync(source)) {
    const { code } = transformSync(readFileSync(join(source, name), 'utf8'), {
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: 'es6' },
    });
    writeFileSync(join(source, name.replace(/\.ts$/, '.js')), code);
  }
  // Found by its name from here, so the manifest of the starter must not be in the way.
  rmSync(join(folder, 'examples/starter/package.json'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('has a test that passes', async () => {
  const args = ['--test', 'examples/starter/src/service.test.js'];
  // Within jest, node:test believes that it is a child of another run.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'NODE_TEST_CONTEXT'));
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, env });
  expect(stdout).toMatch(/^# pass 1$/m);
});

it('has a host that starts, and drains when it is stopped', async () => {
  const env = { ...process.env, GRID_LOCAL: 'http://127.0.0.1:7931' };
  const child = spawn(process.execPath, ['examples/starter/src/host.js'], { cwd: folder, env });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (text.includes('is up')) child.kill('SIGTERM');
    });
  }
  const code = await new Promise((done) => child.on('close', done));
  expect([text, code]).toStrictEqual(['http://127.0.0.1:7931 is up\n', 0]);
});
