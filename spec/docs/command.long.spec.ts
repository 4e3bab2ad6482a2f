import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildLib } from '../support/programs/built-lib.js';
import { endOf, startCli } from '../support/programs/cli.js';
import { buildDashboard } from '../../scripts/build/dashboard.mjs';
import { CommandHost } from '../support/programs/command-host.js';

/*
 * The examples of docs/guide/command.md, in their order, in a shell: what they print is what stands there.
 */

const guide = readFileSync(resolve(__dirname, '../../docs/guide/command.md'), 'utf8');
const examples = [...guide.matchAll(/^```console\n([^]*?)^```$/gm)].flatMap(([, text = '']) =>
  text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\n');
      return { line: part.slice(0, end), output: part.slice(end + 1) };
    }),
);

let built: string;
let folder: string;
let host: CommandHost;

beforeAll(async () => {
  built = buildLib();
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-guide-'));
  await buildDashboard(resolve(__dirname, '../..'), join(built, 'dist/dashboard'));
  host = await CommandHost.start();
  const main = join(built, 'dist/esm/cli/main.js');
  writeFileSync(join(folder, 'rxgrid'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  chmodSync(join(folder, 'rxgrid'), 0o755);
});

afterAll(async () => {
  await host.close();
  rmSync(built, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
});

it('has examples', () => {
  expect(examples.length).toBeGreaterThan(8);
});

it('prints the recording of the example as the page has it', async () => {
  const recording = resolve(__dirname, '../../examples/replaying-an-incident/incident.jsonl');
  for (const options of ['--route book', '--marbles']) {
    const line = `rxgrid decode incident.jsonl ${options}`;
    const from = guide.indexOf(`$ ${line}\n`) + line.length + 3;
    const printed = guide.slice(from, guide.indexOf('```', from));
    const args = ['decode', recording, ...options.split(' ')];
    expect((await endOf(startCli(built, args))).stdout).toBe(printed);
  }
});

const url = 'ws://127.0.0.1:9000';
// Times differ from run to run, and the columns of a table with the length of the URL.
const comparable = (text: string): string =>
  text
    .replaceAll(/\d+\.\d\d(?=[ /\n])/g, 'N')
    .replaceAll(/ +/g, ' ')
    .replaceAll(/:\d+\/[\w-]{22}\/$/gm, ':PORT/SECRET/');

it.each(examples)('$line', async ({ line, output }) => {
  const { RXGRID_TOKEN: _, RXGRID_HOST: __, RXGRID_CONTEXT: ___, ...others } = process.env;
  const env = { ...others, PATH: `${folder}:${process.env.PATH ?? ''}`, RXGRID_CONFIG: join(folder, 'config.json') };
  const serves = line.startsWith('rxgrid dashboard');
  const child = spawn('sh', ['-c', `{ ${line.replaceAll(url, host.url)}; } 2>&1`], { env, detached: serves });
  // It runs until Ctrl-C, which goes to all processes of a terminal.
  if (serves) child.stdout.on('data', (data) => String(data).includes('Ctrl-C') && process.kill(-child.pid!, 'SIGINT'));
  const { stdout } = await endOf(child);
  expect(comparable(stdout.replaceAll(host.url, url))).toBe(comparable(output));
});
