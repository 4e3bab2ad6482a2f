import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endOf, type Run } from '../support/programs/cli.js';
import { installPackage, packPackage, withoutNpm } from '../support/programs/packed-package.js';

/*
 * The command of the packed package, in an empty folder: what the guide prints works there.
 */

let folder: string;
let user: string;
let host: ChildProcess;
let env: NodeJS.ProcessEnv;

/** Without the settings of the developer, too. */
function userEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(withoutNpm()).filter(([name]) => !/^rxgrid_/i.test(name)));
}

function start(...args: string[]): ChildProcess {
  const root = join(user, 'node_modules/rxgrid');
  const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { bin: { rxgrid: string } };
  return spawn(process.execPath, [join(root, bin.rxgrid), ...args], { cwd: user, env });
}

const rxgrid = (...args: string[]): Promise<Run> => endOf(start(...args));

const handlers = `
import { unary, duplex, type } from 'rxgrid';
const hello = unary({ name: 'hello', request: type(), response: type() });
const count = duplex({ name: 'count', request: type(), output: type() });
export default (grid) => {
  grid.handle(hello, ({ name }) => \`Hello, \${name}.\`);
  grid.handle(count, function* (to) { for (let n = 1; n <= to; n++) yield { n }; });
};
`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-packed-'));
  user = join(folder, 'user');
  installPackage(packPackage(folder), user, { optional: false });
  env = { ...userEnv(), RXGRID_TOKEN: 'secret', RXGRID_CONFIG: join(user, 'none.json') };
  writeFileSync(join(user, 'handlers.mjs'), handlers);
  mkdirSync(join(user, 'files/photos'), { recursive: true });
  writeFileSync(join(user, 'files/photos/a.jpg'), 'jpg');
  host = start('serve', 'handlers.mjs', '--root', 'files', '--listen', '127.0.0.1:0', '--record-payloads', '-q');
  const [url] = (await once(host.stdout!, 'data')) as [Buffer];
  env.RXGRID_HOST = String(url).trim();
}, 900_000);

afterAll(async () => {
  host.kill('SIGKILL');
  await once(host, 'close');
  rmSync(folder, { recursive: true, force: true });
});

it('describes, calls and streams', async () => {
  expect(await rxgrid('call', 'hello', '-d', '{"name": "you"}')).toStrictEqual({
    ...{ code: 0, stdout: '"Hello, you."\n', stderr: '' },
  });
  expect(await rxgrid('stream', 'count', '-d', '2')).toStrictEqual({
    code: 0,
    stdout: '{"n":1}\n{"n":2}\n',
    stderr: '',
  });
  const { code, stdout } = await rxgrid('describe');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ROUTE +KIND +ID +REQUEST +INPUT +OUTPUT\n/);
  expect(stdout).toMatch(/^hello +call +- +msgpack +- +msgpack$/m);
});

it('shows statistics once, as JSON', async () => {
  const { code, stdout } = await rxgrid('top', '--once', '--json');
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { info: { host: expect.any(String) }, cluster: { hosts: [] } }]);
});

it('copies a folder', async () => {
  expect((await rxgrid('cp', '-r', '-q', `${env.RXGRID_HOST!}:photos`, 'copied')).code).toBe(0);
  expect(readFileSync(join(user, 'copied/a.jpg'), 'utf8')).toBe('jpg');
});

it('records, and decodes its recordings', async () => {
  const recorder = start('record', '-', '--payloads', '-q');
  const end = endOf(recorder);
  await once(recorder.stdout!, 'data');
  await rxgrid('call', 'hello', '-d', '{"name": "me"}');
  recorder.kill('SIGINT');
  const { code, stdout } = await end;
  expect(code).toBe(0);
  writeFileSync(join(user, 'incident.jsonl'), stdout);
  const decoded = await rxgrid('decode', 'incident.jsonl');
  expect(decoded.code).toBe(0);
  expect(decoded.stdout).toMatch(/leaf → http:\S+ {2}Request \d+ hello \{"name":"me"\} Eof/);
  expect((await rxgrid('decode', '-m', 'incident.jsonl')).stdout).toContain('a: "Hello, me."');
});
