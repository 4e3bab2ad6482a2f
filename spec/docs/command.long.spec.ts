import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { firstValueFrom, map, NEVER, timer } from 'rxjs';
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildPage } from '../support/browser/dashboard-page.js';
import { buildLib } from '../support/programs/built-lib.js';
import { endOf, startCli } from '../support/programs/cli.js';
import { staticToken } from '../../lib/endpoint/accept/auth.js';
import { whoDials } from '../../lib/endpoint/peers/who-dials.js';
import { createChecksum } from '../../lib/wire/checksum.js';
import { CommandHost } from '../support/programs/command-host.js';
import { freePort, RealGrid } from '../support/real-grid.js';
import { registerRecordedHandlers } from '../support/replay/recorded-handlers.js';

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
  await buildPage(join(built, 'dist'));
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

it('contains examples', () => {
  expect(examples.length).toBeGreaterThan(8);
});

it('shows the recording of the example as printed', async () => {
  const recording = resolve(__dirname, '../../examples/replaying-an-incident/incident.jsonl');
  for (const options of ['--route book', '--marbles']) {
    const line = `rxgrid decode incident.jsonl ${options}`;
    const from = guide.indexOf(`$ ${line}\n`) + line.length + 3;
    const printed = guide.slice(from, guide.indexOf('```', from));
    const args = ['decode', recording, ...options.split(' ')];
    expect((await endOf(startCli(built, args))).stdout).toBe(printed);
  }
});

it('replays the recordings of the wire protocol as shown, and says where another token is needed', async () => {
  const [line, ...printed] = /^\$ (rxgrid conformance [^]*?)^```$/m.exec(guide)![1]!.trimEnd().split('\n');
  const grid = new RealGrid();
  const name = `http://127.0.0.1:${String(await freePort())}`;
  const { hash64 } = await createChecksum();
  const dialer = [1, 2, 3, 4, 5, 6]
    .map((port) => `http://127.0.0.1:${String(port)}`)
    .find((each) => whoDials(each, name, hash64))!;
  const manager = grid.manager(name, [name, dialer], { dial: () => NEVER, auth: staticToken('debug') });
  registerRecordedHandlers(
    manager,
    async (ms) => firstValueFrom(timer(ms).pipe(map(() => undefined))),
    () => undefined,
  );
  await manager.listen({ address: '127.0.0.1' });
  const vectors = resolve(__dirname, '../vectors');
  const args = line!
    .replace(/^rxgrid /, '')
    .replace(/ --token-command .*/, '')
    .split(' ');
  const replaced = args.map((arg) =>
    arg
      .replace('ws://127.0.0.1:9001', name.replace('http:', 'ws:'))
      .replace('spec/vectors', vectors)
      .replace('http://127.0.0.1:1', dialer),
  );
  const played = await endOf(startCli(built, replaced, { RXGRID_TOKEN: 'debug' }));
  expect(played).toStrictEqual({ code: 0, stdout: `${printed.join('\n')}\n`, stderr: '' });
  const refused = await endOf(startCli(built, replaced, { RXGRID_TOKEN: 'other' }));
  expect([refused.code, refused.stdout]).toStrictEqual([4, '']);
  const shown = await endOf(startCli(built, [...replaced, '--token', 'debug']));
  expect([shown.code, shown.stderr]).toStrictEqual([2, expect.stringContaining('shows the token to all users')]);
  await grid.close();
  const gone = await endOf(startCli(built, replaced, { RXGRID_TOKEN: 'debug' }));
  expect([gone.code, gone.stderr]).toStrictEqual([3, expect.stringContaining('Is a host running')]);
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
