import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { buildLibWithExamples } from '../support/programs/built-lib.js';

let folder: string;

beforeAll(() => {
  folder = buildLibWithExamples();
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('the example of metadata and tracing: a call across three hosts is one trace', async () => {
  const child = spawn(process.execPath, ['examples/tracing/main.mjs'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => (text += part));
  }
  const code = await new Promise<number | null>((done) => child.on('close', done));
  expect({ code, lines: text.trimEnd().split('\n') }).toStrictEqual({
    code: 0,
    lines: [
      'stock: reserve tea for tenant acme',
      'page: tea: ordered, 41 left',
      '4 spans in 1 trace',
      '  calls order',
      '    serves order',
      '      calls reserve',
      '        serves reserve',
    ],
  });
});
