import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildLibWithExamples } from '../support/programs/built-lib.js';

/*
 * The numbered examples: each is short, has a line in examples/README.md, and prints what its last comment says.
 */

const examples = resolve(__dirname, '../../examples');
const names = readdirSync(examples).filter((name) => /^\d\d-.*\.mjs$/.test(name));
let folder: string;

beforeAll(() => {
  folder = buildLibWithExamples();
  // The certificate of the examples.
  cpSync(resolve(examples, '../spec/support/tls'), join(folder, 'spec/support/tls'), { recursive: true });
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function run(name: string): Promise<string> {
  const args = [`examples/${name}`];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], timeout: 12_000 });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => (text += part));
  }
  await new Promise((done) => child.on('close', done));
  return text;
}

it('there are numbered examples', () => {
  expect(names.length).toBeGreaterThan(8);
});

describe.each(names)('%s', (name) => {
  const text = readFileSync(join(examples, name), 'utf8');

  it('is short, and in the list', () => {
    expect(text.split('\n').length).toBeLessThan(80);
    expect(text.split('\n')[0]).toContain(`\`node examples/${name}\``);
    expect(readFileSync(join(examples, 'README.md'), 'utf8')).toContain(`](${name})`);
  });

  it('prints the stated output', async () => {
    const [, expected] = /^\/\* prints\n([^]*?)\*\/\n$/m.exec(text) ?? [];
    expect(await run(name)).toBe(expected);
  });
});
