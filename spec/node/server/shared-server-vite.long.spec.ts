import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildLib } from '../../support/programs/built-lib.js';

let folder: string;
beforeAll(() => {
  folder = buildLib();
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

it.each([
  ['grid first', ['leaf', 'connected', true, 'connected', true]],
  ['Vite first', ['leaf', 'connected', true, 'again']],
])(
  'attach() beside the HMR of Vite, %s',
  async (order, results) => {
    const script = join(__dirname, 'shared-server-vite.mjs');
    const { stdout } = await promisify(execFile)(process.execPath, [script, order, join(folder, 'dist/esm')], {
      timeout: 30_000,
    });
    expect(JSON.parse(stdout)).toStrictEqual(results);
  },
  40_000,
);
