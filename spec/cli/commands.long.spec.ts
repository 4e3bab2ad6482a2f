import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { CancelledError } from '../../lib/errors.js';
import { buildLib } from '../support/programs/built-lib.js';
import { endOf, hasTerminal, onTerminal, startCli, type Run } from '../support/programs/cli.js';
import { CommandHost } from '../support/programs/command-host.js';
import { freePort } from '../support/real-grid.js';

/*
 * The commands that work with one host, as processes of their own.
 */

let built: string;
let folder: string;
let host: CommandHost;

beforeAll(() => {
  built = buildLib();
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-commands-'));
});

afterAll(() => {
  rmSync(built, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  host = await CommandHost.start();
});

afterEach(async () => {
  await host.close();
});

const environment = (): Record<string, string> => ({
  RXGRID_TOKEN: 'good',
  RXGRID_HOST: host.url,
  RXGRID_CONFIG: join(folder, 'none.json'),
});
const start = (...args: string[]) => startCli(built, args, environment());
const run = (...args: string[]): Promise<Run> => endOf(start(...args));
const runWith = (input: string, ...args: string[]): Promise<Run> => {
  const child = start(...args);
  child.stdin!.end(input);
  return endOf(child);
};

describe('call', () => {
  it('sends JSON and prints the response', async () => {
    expect(await run('call', 'diskInfo', '-d', '{"disk": 2}')).toStrictEqual({
      code: 0,
      stdout: '{\n  "free": 2000\n}\n',
      stderr: '',
    });
    expect((await run('call', 'diskInfo', '-d', '{"disk": 2}', '-o', 'yaml')).stdout).toBe('free: 2000\n');
    expect((await run('call', 'diskInfo', '-d', '{"disk": 2}', '-o', 'table')).stdout).toBe(
      'KEY   VALUE\nfree  2000\n',
    );
    expect((await runWith('{"disk": 3}', 'call', 'diskInfo', '-d', '@-')).stdout).toContain('3000');
    writeFileSync(join(folder, 'request.json'), '{"disk": 4}');
    expect((await run('call', 'diskInfo', '-d', `@${join(folder, 'request.json')}`)).stdout).toContain('4000');
  });

  it('checks the request before it is sent', async () => {
    const { code, stdout, stderr } = await run('call', 'diskInfo', '-d', '{"disk": "x"}');
    expect([code, stdout]).toStrictEqual([2, '']);
    expect(stderr).toMatch(/^rxgrid: the request does not fit the route: disk: .*integer.*\n$/);
    expect((await run('call', 'diskInfo')).code).toBe(2);
    expect((await run('call', 'diskInfo', '-d', '{disk}')).stderr).toMatch(/^rxgrid: the request is not JSON: .*\n$/);
    expect((await run('call', 'slow', '-d', '1')).stderr).toBe('rxgrid: slow takes no request: leave -d out.\n');
    expect((await run('call', 'diskInfo', '-d', '@/none')).code).toBe(2);
  });

  it('reports the failure, with the code of the error', async () => {
    const { code, stdout, stderr } = await run('call', 'diskInfo', '-d', '{"disk": 13}');
    expect([code, stdout]).toStrictEqual([1, '']);
    expect(stderr).toBe('rxgrid: there is no disk 13 (no-disk)\n');
    const none = await run('call', 'none');
    expect(none.code).toBe(1);
    expect(none.stderr).toContain('serves no route "none". It serves diskInfo, odd');
    expect((await run('call', 'count')).stderr).toBe('rxgrid: count is a stream: use rxgrid stream count.\n');
    expect((await run('call', 'slow', '--timeout', '0.2')).code).toBe(1);
  });

  it('carries bytes, times and large integers in JSON, and bytes with --raw', async () => {
    const value =
      '{"a":{"$bytes":"AQI="},"b":{"$date":"2026-01-31T00:00:00.000Z"},"c":{"$bigint":"9007199254740993"},"d":1.5}';
    const { stdout } = await run('call', 'odd', '-d', value);
    expect(JSON.parse(stdout)).toStrictEqual(JSON.parse(value));
    expect((await runWith('\u0000raw', 'call', 'echo', '--raw', '-d', '@-')).stdout).toBe('\u0000raw');
  });

  it('prints no characters that a terminal acts on', async () => {
    for (const format of ['json', 'yaml', 'table']) {
      const { stdout } = await run('call', 'odd', '-q', '-o', format);
      expect(stdout).toMatch(/^[\n\u0020-\u007e]+$/);
      expect(stdout).toContain('abc');
    }
  });

  it('works with a host that does not describe itself', async () => {
    const old = await CommandHost.start({ monitored: false });
    const { code, stdout, stderr } = await run('call', 'odd', '-d', '[1]', '--host', old.url);
    expect([code, stdout]).toStrictEqual([0, '[\n  1\n]\n']);
    expect(stderr).toContain('does not describe its routes to us');
    const byId = await run('call', 'diskInfo', '--id', '9', '-d', '{"disk":1}', '--host', old.url);
    expect([byId.code, byId.stderr]).toStrictEqual([0, '']);
    const described = await run('describe', '--host', old.url);
    expect([described.code, described.stdout]).toStrictEqual([1, '']);
    expect(described.stderr).toContain('serveMonitor');
    await old.close();
  });
});

describe('exit codes', () => {
  it('3 without a host, 4 for a refused token, 2 where none is named', async () => {
    const port = String(await freePort());
    expect((await run('call', 'slow', '--host', `127.0.0.1:${port}`)).code).toBe(3);
    const refused = await endOf(startCli(built, ['ping'], { ...environment(), RXGRID_TOKEN: 'bad-secret' }));
    expect([refused.code, refused.stdout]).toStrictEqual([4, '']);
    expect(refused.stderr).not.toContain('bad-secret');
    const none = await endOf(startCli(built, ['ping'], { ...environment(), RXGRID_HOST: '' }));
    expect(none.code).toBe(2);
    expect(none.stderr).toContain('no host is named. Give --host');
  });

  it.each([
    ['call', 'slow'],
    ['stream', 'count', '-q'],
  ])('130 where %s is interrupted, which cancels it at the host', async (...args) => {
    const child = start(...args);
    const end = endOf(child);
    await host.began.promise;
    child.kill('SIGINT');
    const { code, stderr } = await end;
    expect([code, stderr]).toStrictEqual([130, 'rxgrid: interrupted.\n']);
    await host.cancelled.promise;
  });

  it('3 where the host disappears during a call', async () => {
    const end = run('call', 'slow');
    await host.began.promise;
    await host.close();
    const { code, stderr } = await end;
    expect(code).toBe(3);
    expect(stderr).toMatch(/^rxgrid: the connection to ws:.* is lost\. .*\n$/);
  });

  it('2 where the context does not exist, with the names of those that do', async () => {
    const config = join(folder, 'two-contexts.json');
    writeFileSync(config, JSON.stringify({ contexts: { 'a\u001b': { host: 'a:1' }, b: { host: host.url } } }));
    const env = { ...environment(), RXGRID_HOST: '', RXGRID_CONFIG: config };
    const none = await endOf(startCli(built, ['--context', 'prod', 'ping'], env));
    expect([none.code, none.stderr]).toStrictEqual([
      2,
      'rxgrid: there is no context "prod". Those that are configured: "a\\u001b", "b"; rxgrid context add prod --host ws://host:port adds one.\n',
    ]);
    const found = await endOf(startCli(built, ['--context', 'b', 'ping', '-c', '1'], env));
    expect(found.code).toBe(0);
  });

  it('the token may come from a command, which is not quoted when it fails', async () => {
    const env = { ...environment(), RXGRID_TOKEN: '' };
    const right = await endOf(startCli(built, ['ping', '-c', '1', '--token-command', 'echo good'], env));
    expect(right.code).toBe(0);
    const wrong = await endOf(startCli(built, ['ping', '--token-command', 'echo secret; exit 3'], env));
    expect([wrong.code, wrong.stderr]).toStrictEqual([
      2,
      'rxgrid: the command of the token failed (exit code 3). Run it by hand to see why.\n',
    ]);
  });
});

describe('stream', () => {
  it('prints lines of JSON, documents of YAML or rows', async () => {
    const data = ['-d', '{"to": 2}'];
    const text = 'x'.repeat(1000);
    expect((await run('stream', 'count', ...data)).stdout).toBe(
      `{"at":0,"text":"${text}"}\n{"at":1,"text":"${text}"}\n`,
    );
    expect((await run('stream', 'count', ...data, '-o', 'yaml')).stdout).toContain('---\nat: 1\n');
    expect((await run('stream', 'count', ...data, '-o', 'table')).stdout).toMatch(/^AT +TEXT\n0 +x+\n1 +x+\n$/);
    expect((await run('stream', 'count', '-q', '-n', '3')).stdout.split('\n')).toHaveLength(4);
  });

  it('sends lines of its input, after checking each of them', async () => {
    expect((await runWith('{"n":1}\n\n{"n":2}', 'stream', 'sum', '-i', '@-')).stdout).toBe('{"sum":1}\n{"sum":3}\n');
    const wrong = await runWith('{"n":"a"}\n', 'stream', 'sum', '-i', '@-');
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('the input does not fit the route: n:');
    expect((await runWith('{n}\n', 'stream', 'sum', '-i', '@-')).stderr).toContain('line 1 of the input is not JSON');
    expect((await run('stream', 'count', '-i', '[]')).code).toBe(2);
  });

  it('holds the host back while its output is not read', async () => {
    const child = start('stream', 'count', '-q');
    child.stdout!.pause();
    await host.began.promise;
    // The host stops where the window and the pipes are full. 40 MB would be far beyond both.
    let before = -1;
    while (before !== host.produced) {
      before = host.produced;
      await once(process.stdin, 'never', { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
    }
    expect(host.produced).toBeLessThan(40_000);
    child.kill('SIGKILL');
    await endOf(child);
  });

  it('ends silently where the reader of its output is gone, which cancels it at the host', async () => {
    const child = start('stream', 'count', '-q');
    child.stdout!.once('data', () => child.stdout!.destroy());
    let stderr = '';
    child.stderr!.on('data', (data) => (stderr += String(data)));
    const [code] = (await once(child, 'close')) as [number];
    expect([code, stderr]).toStrictEqual([141, '']);
    await host.cancelled.promise;
    expect(host.reasons).toStrictEqual([expect.any(CancelledError)]);
  });
});

describe('describe', () => {
  it('prints a table, JSON, YAML, or an AsyncAPI document', async () => {
    const { stdout, code } = await run('describe');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^ROUTE +KIND +ID +REQUEST +INPUT +OUTPUT\ndiskInfo +call +9 +\{ disk: integer \} +- +\{ free: number \}\n/,
    );
    expect(JSON.parse((await run('describe', '-o', 'json')).stdout)).toMatchObject({
      routes: [{ name: 'diskInfo' }, {}, {}, {}, {}, {}],
    });
    expect((await run('describe', 'sum', '-o', 'yaml')).stdout).toMatch(/^name: sum\nkind: duplex\n/);
    expect(JSON.parse((await run('describe', '--asyncapi')).stdout)).toMatchObject({ asyncapi: '3.0.0' });
    expect((await run('describe', 'none')).code).toBe(1);
  });

  it('fits a terminal of 20 columns', async () => {
    if (!hasTerminal()) return;
    const text = await onTerminal(built, 20, ['describe', '--host', host.url]);
    expect(text).toContain('ROUTE: diskInfo');
    for (const line of text.split('\r\n')) expect(line.length).toBeLessThanOrEqual(20);
  });
});

it('ping measures calls, and summarizes them', async () => {
  const { stdout, code } = await run('ping', '-c', '2', '--interval', '1');
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^(answer from ws:\S+: seq=\d time=[\d.]+ ms\n){2}2 sent, 2 answered, min\/mean\/max [\d./]+ ms\n$/,
  );
  const lines = (await run('ping', '-c', '1', '--json')).stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  expect(lines).toMatchObject([{ seq: 1 }, { sent: 1, answered: 1 }]);
  const old = await CommandHost.start({ monitored: false });
  expect((await run('ping', '-c', '1', '--host', old.url)).code).toBe(0);
  await old.close();
});

it('events prints the past events of the host, and new ones', async () => {
  await endOf(startCli(built, ['ping'], { ...environment(), RXGRID_TOKEN: 'bad' }));
  const kept = await run('events', '--no-follow');
  expect(kept.code).toBe(0);
  expect(kept.stdout).toMatch(/^\d{4}-\S+Z rejected .*by=local/);
  const [first] = (await run('events', '--json', '-n', '1')).stdout.split('\n');
  expect(JSON.parse(first!)).toMatchObject({ at: expect.any(String), type: 'rejected', by: 'local' });
  expect((await run('events', '--no-follow', '--type', 'limit')).stdout).toBe('');
});

describe('top', () => {
  it('--once prints the statistics, as tables or JSON', async () => {
    const { stdout, code } = await run('top', '--once');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ws:\S+ {2}http:\S+ {2}up .*\n\nno other hosts\n\nROUTE +SIDE[^]*\n\nno streams\n$/);
    expect(stdout).not.toContain('monitor/');
    // No mark of a selected row, which is for keys.
    expect(stdout).not.toMatch(/^>|^ {2}/m);
    const json = await run('top', '--once', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      info: { host: expect.any(String) },
      cluster: { hosts: [] },
      routes: expect.any(Array),
    });
    const none = await run('top');
    expect([none.code, none.stdout]).toStrictEqual([2, '']);
    expect(none.stderr).toContain('--once');
  });

  it('is a live table on a terminal, and restores the terminal', async () => {
    if (!hasTerminal()) return;
    const main = join(built, 'dist/esm/cli/main.js');
    const child = spawn('script', ['-qec', `stty cols 20 rows 10; '${process.execPath}' '${main}' top`, '/dev/null'], {
      env: { ...process.env, ...environment(), TERM: 'xterm' },
    });
    let text = '';
    const keys = [
      { seen: 'HOST', key: '2' },
      { seen: 'ROUTE', key: 'q' },
    ];
    child.stdout.on('data', (data) => {
      text += String(data);
      // Each key when what it changes has been drawn; what is sent after the end would be echoed.
      const [next] = keys;
      if (next !== undefined && text.includes(next.seen)) {
        keys.shift();
        child.stdin.write(next.key);
      }
    });
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(0);
    expect(text).toContain('\u001b[?1049h');
    expect(text.trimEnd().endsWith('\u001b[?25h\u001b[?1049l')).toBe(true);
  });
});

describe('serve', () => {
  it('runs a host with the handlers of a module and the files of a folder, until it is interrupted', async () => {
    const file = join(folder, 'handlers.mjs');
    const shape = '{ typeOnly: true }';
    writeFileSync(
      file,
      `export default (grid) => grid.handle({ kind: 'unary', name: 'hi', request: ${shape}, response: ${shape} }, (name) => 'hi ' + name);`,
    );
    const child = start('serve', file, '--root', folder, '--listen', '127.0.0.1:0');
    const end = once(child, 'close');
    const [line] = (await once(child.stdout!, 'data')) as [Buffer];
    const url = String(line).trim();
    expect((await run('call', 'hi', '-d', '"you"', '--host', url)).stdout).toBe('"hi you"\n');
    expect((await run('ls', `${url}:`)).stdout).toContain('handlers.mjs');
    const refused = await endOf(startCli(built, ['ping', '--host', url], { ...environment(), RXGRID_TOKEN: 'bad' }));
    expect(refused.code).toBe(4);
    child.kill('SIGINT');
    expect(await end).toStrictEqual([130, null]);
  });

  it('finishes running calls after the first signal, and refuses new ones', async () => {
    const file = join(folder, 'gated.mjs');
    const route = (name: string): string =>
      `{ kind: 'unary', name: '${name}', request: { typeOnly: true }, response: { typeOnly: true } }`;
    writeFileSync(
      file,
      `let open; const gate = new Promise((resolve) => (open = resolve));
      export default (grid) => {
        grid.handle(${route('wait')}, () => { process.stdout.write('began\\n'); return gate; });
        grid.draining$.subscribe(() => setTimeout(() => open('done'), 300));
      };`,
    );
    const child = start('serve', file, '--listen', '127.0.0.1:0', '--drain', '20');
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    const { value: url } = (await lines.next()) as { value: string };
    const end = endOf(child);
    const waiting = run('call', 'wait', '-q', '--host', url);
    expect(await lines.next()).toMatchObject({ value: 'began' });
    child.kill('SIGTERM');
    expect(await waiting).toMatchObject({ code: 0, stdout: '"done"\n' });
    const { code, stderr } = await end;
    expect([code, stderr]).toStrictEqual([
      143,
      'rxgrid: draining: no new calls are taken. A second signal ends at once.\n',
    ]);
  });

  it('ends at once at the second signal', async () => {
    const child = start('serve', '--root', folder, '--listen', '127.0.0.1:0', '--drain', '1000', '--echo');
    const [line] = (await once(child.stdout!, 'data')) as [Buffer];
    // A stream of the monitor goes on: the drain waits for it.
    const events = startCli(built, ['events', '-q', '--host', String(line).trim()], environment());
    const ended = endOf(events);
    await endOf(startCli(built, ['ping', '-c', '1', '--host', String(line).trim()], environment()));
    const end = once(child, 'close');
    child.kill('SIGTERM');
    await once(child.stderr!, 'data');
    child.kill('SIGTERM');
    expect([
      [null, 'SIGTERM'],
      [143, null],
    ]).toContainEqual(await end);
    events.kill('SIGKILL');
    await ended;
  });

  it('reports modules and folders that it cannot serve', async () => {
    expect((await run('serve')).code).toBe(2);
    expect((await run('serve', join(folder, 'none.mjs'))).stderr).toMatch(/^rxgrid: the module ".*" cannot be loaded/);
    expect((await run('serve', '--root', folder, '--listen', 'x')).code).toBe(2);
    const used = await run('serve', '--root', folder, '--listen', host.url.replace('ws://', ''));
    expect([used.code, used.stderr]).toStrictEqual([
      3,
      expect.stringMatching(/EADDRINUSE.*give another port with --listen/),
    ]);
    const alone = await run('serve', '--root', folder, '--removable');
    expect([alone.code, alone.stderr]).toStrictEqual([2, 'rxgrid: --removable needs --writable, too.\n']);
    const missing = await run('serve', '--root', join(folder, 'none'));
    expect([missing.code, missing.stderr]).toStrictEqual([
      2,
      expect.stringMatching(/^rxgrid: --root: .*Make it first/),
    ]);
    writeFileSync(join(folder, 'syntax.mjs'), 'const a = 1;\nexport default (\n');
    expect((await run('serve', join(folder, 'syntax.mjs'))).stderr).toMatch(
      /syntax\.mjs" cannot be loaded: SyntaxError: .* \(line 3\)\n$/,
    );
  });
});

it('completion is a script that its shell accepts, with the routes of the host', async () => {
  const { stdout } = await run('completion', 'bash');
  const script = join(folder, 'completion.bash');
  writeFileSync(script, stdout);
  const words = ['COMP_WORDS=(rxgrid st)', 'COMP_CWORD=1', '_rxgrid', 'echo "${COMPREPLY[@]}"'];
  const found = await endOf(spawn('bash', ['-c', `source '${script}'; ${words.join('; ')}`]));
  expect([found.stdout, found.stderr]).toStrictEqual(['stream stat\n', '']);
  for (const shell of ['zsh', 'fish']) expect((await run('completion', shell)).stdout).toContain('complete-routes');
  const env = { ...environment(), XDG_CACHE_HOME: folder };
  const routes = await endOf(startCli(built, ['complete-routes'], env));
  expect(routes.stdout).toBe('diskInfo\nodd\nslow\necho\ncount\nsum\n');
  await host.close();
  // From the cache.
  expect((await endOf(startCli(built, ['complete-routes'], env))).stdout).toBe(routes.stdout);
});

it('the manual page has all commands, each with the text of its --help', async () => {
  const { stdout, code } = await run('man');
  expect(code).toBe(0);
  for (const name of ['describe', 'call', 'stream', 'top', 'serve', 'cp', 'ls', 'context add'])
    expect(stdout).toContain(`.SS ${name}\n`);
  expect(stdout).toContain('Exit codes: 0 done');
  expect(stdout).not.toContain('complete\\-routes');
  expect((await run('--help')).stdout).not.toContain('complete-routes');
});

it('context add, use, ls and rm', async () => {
  const env = { RXGRID_CONFIG: join(folder, 'contexts.json') };
  const context = (...args: string[]): Promise<Run> => endOf(startCli(built, ['context', ...args], env));
  expect((await context('add', 'a', '--host', host.url, '--token-command', 'echo good')).code).toBe(0);
  expect((await context('add', 'b', '--host', 'other:1')).code).toBe(0);
  expect((await endOf(startCli(built, ['ping', '-c', '1'], env))).code).toBe(0);
  expect((await context('use', 'b')).code).toBe(0);
  // Paths are those of the folder in which the context was added.
  expect((await context('add', 'c', '--host', 'c:1', '--token-file', 'token', '--ca', 'ca.pem')).code).toBe(0);
  const files = { tokenFile: resolve('token'), ca: resolve('ca.pem') };
  expect(JSON.parse(readFileSync(env.RXGRID_CONFIG, 'utf8'))).toMatchObject({ contexts: { c: files } });
  expect((await context('ls', '--json')).stdout).toContain('{"name":"b","current":true,"host":"other:1"}');
  expect((await context('use', 'none')).code).toBe(2);
  expect((await context('rm', 'b')).code).toBe(0);
  expect((await context('ls')).stdout).not.toContain('other');
});
