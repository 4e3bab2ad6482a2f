import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildLibWithExamples } from '../support/programs/built-lib.js';

/*
 * The pictures of the documents are what their scripts draw today.
 */

const project = resolve(__dirname, '../..');
let folder: string;

beforeAll(() => {
  folder = buildLibWithExamples();
  mkdirSync(join(folder, 'scripts'));
  cpSync(join(project, 'scripts/draw-credit.mjs'), join(folder, 'scripts/draw-credit.mjs'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it.each([
  ['docs/wire.md', 'draw-wire.mjs', () => project],
  ['docs/guide/credit.svg', 'draw-credit.mjs', () => folder],
])('%s is the output of scripts/%s', (page, script, from) => {
  const drawn = execFileSync(process.execPath, [join(from(), 'scripts', script)], { encoding: 'utf8' });
  expect(drawn).toBe(readFileSync(join(project, page), 'utf8'));
});
