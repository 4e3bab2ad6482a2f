import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { endOf, type Run } from '../support/cli.js';

/*
 * The command of the packed package, in an empty folder: what the guide prints works there.
 */

const project = resolve(__dirname, '../..');
let folder: string;
let user: string;
let host: ChildProcess;
let env: NodeJS.ProcessEnv;

function npmEnv(): NodeJS.ProcessEnv {
  // npm passes its own settings on to what it runs: a nested npm must not see them.
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|rxgrid_)/i.test(name)));
}

function run(command: string, args: readonly string[], cwd: string): void {
  execFileSync(command, args, { cwd, env: npmEnv(), stdio: 'pipe' });
}

/** Packs a copy of the project, and lays the package out as `npm install` would, without a network. */
function install(): void {
  const source = join(folder, 'source');
  mkdirSync(source);
  const configs = readdirSync(project).filter((name) => /^tsconfig.*\.json$/.test(name));
  for (const name of ['package.json', 'lib', 'scripts', 'README.md', 'LICENSE', ...configs]) {
    cpSync(join(project, name), join(source, name), { recursive: true });
  }
  symlinkSync(join(project, 'node_modules'), join(source, 'node_modules'), 'dir');
  run(process.execPath, ['scripts/build.mjs'], source);
  run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], source);
  const modules = join(user, 'node_modules');
  mkdirSync(modules, { recursive: true });
  run(
    'tar',
    [
      '-xzf',
      join(
        folder,
        readdirSync(folder).find((name) => name.endsWith('.tgz'))!,
      ),
      '-C',
      modules,
    ],
    folder,
  );
  cpSync(join(modules, 'package'), join(modules, 'rxgrid'), { recursive: true });
  rmSync(join(modules, 'package'), { recursive: true });
  linkDependencies(modules, 'rxgrid', new Set());
}

/** Copies what the packed manifest asks for, and what that asks for in turn: nothing else is there. */
function linkDependencies(modules: string, name: string, done: Set<string>): void {
  const manifest = JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')) as {
    readonly dependencies?: Record<string, string>;
  };
  for (const dependency of [...Object.keys(manifest.dependencies ?? {}), ...(name === 'rxgrid' ? ['rxjs'] : [])]) {
    const from = join(project, 'node_modules', dependency);
    if (done.has(dependency) || !existsSync(from)) continue;
    done.add(dependency);
    cpSync(from, join(modules, dependency), { recursive: true });
    linkDependencies(modules, dependency, done);
  }
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
  install();
  env = { ...npmEnv(), RXGRID_TOKEN: 'secret', RXGRID_CONFIG: join(user, 'none.json') };
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

it('shows figures once, as JSON', async () => {
  const { code, stdout } = await rxgrid('top', '--once', '--json');
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { info: { host: expect.any(String) }, cluster: { hosts: [] } }]);
});

it('copies a folder', async () => {
  expect((await rxgrid('cp', '-r', '-q', `${env.RXGRID_HOST!}:photos`, 'copied')).code).toBe(0);
  expect(readFileSync(join(user, 'copied/a.jpg'), 'utf8')).toBe('jpg');
});

it('records, and decodes what it has recorded', async () => {
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
