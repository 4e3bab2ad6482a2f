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

async function run(name: string): Promise<{ code: number | null; lines: string[] }> {
  const args = [`examples/${name}/main.mjs`];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], timeout: 12_000 });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => (text += part));
  }
  const code = await new Promise<number | null>((done) => child.on('close', done));
  return { code, lines: text.trimEnd().split('\n') };
}

it.each<[string, string[]]>([
  ['errors', ['disconnected: retryable true, sent false', 'ordered, 1 left', 'refused, 1 left', 'wrong: count']],
  [
    'interceptors',
    [
      'handler: price failed (unavailable)',
      'handler: price ok',
      'caller: price ok',
      'tea: 5',
      'handler: secret failed (permission-denied)',
      'caller: secret failed (permission-denied)',
      'permission-denied',
    ],
  ],
  ['groups', ['green', "[ 'tea' ]", 'null', 'unimplemented']],
  [
    'metadata',
    ['shop: {"tenant":"acme","language":"en"}', 'stock: {"tenant":"acme"}', 'tea for acme', 'configuration'],
  ],
])('the example of %s prints the output in the guide', async (name, lines) => {
  expect(await run(name)).toStrictEqual({ code: 0, lines });
});
