import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { serveFiles } from '../../lib/node/files/serve/serve-files.js';
import { buildLib } from '../support/programs/built-lib.js';
import { endOf, hasTerminal, onTerminal, startCli, type Run } from '../support/programs/cli.js';
import { namesIn } from '../support/files/file-stream.js';
import { FilesHost } from '../support/files/files-host.js';
import { freePort } from '../support/real-grid.js';

/*
 * `rxgrid ls`, `stat` and `rm`, and small promises of `cp`, as processes of their own.
 */

let built: string;
let host: FilesHost;
let base: string;

beforeAll(() => {
  built = buildLib();
});

afterAll(() => {
  rmSync(built, { recursive: true, force: true });
});

beforeEach(async () => {
  host = await FilesHost.start({ writable: true, removable: true, token: 'good' });
  base = host.name.replace('http:', 'ws:');
  mkdirSync(join(host.root, 'a/b'), { recursive: true });
  writeFileSync(join(host.root, 'a/1.txt'), 'one');
  writeFileSync(join(host.root, 'a/b/2.txt'), 'two2');
  chmodSync(join(host.root, 'a/1.txt'), 0o640);
  utimesSync(join(host.root, 'a/1.txt'), 1_000_000_000, 1_000_000_000);
});

afterEach(async () => {
  await host.close();
});

const run = (...args: string[]): Promise<Run> => endOf(startCli(built, args));
const linesOf = ({ stdout }: Run): string[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .sort();

describe('contexts', () => {
  it('provide the token of their host, and can replace its name', async () => {
    const config = join(host.root, 'config.json');
    const context = { host: base, tokenCommand: 'echo good' };
    const other = { host: 'ws://127.0.0.1:1', tokenCommand: 'echo bad' };
    const env = { RXGRID_CONFIG: config };
    writeFileSync(config, JSON.stringify({ current: 'here', contexts: { here: context, other } }));
    const runWith = (...args: string[]): Promise<Run> => endOf(startCli(built, args, env));
    expect(linesOf(await runWith('ls', 'here:a'))).toStrictEqual(['1.txt', 'b/']);
    expect(linesOf(await runWith('ls', `${base}:a`))).toStrictEqual(['1.txt', 'b/']);
    expect((await runWith('stat', 'here:a/1.txt')).stdout).toContain('0640');
    expect((await runWith('cp', '-q', 'here:a/1.txt', join(host.root, 'copied'))).code).toBe(0);
    expect((await runWith('rm', 'here:copied')).code).toBe(0);
    // The token of another host does not go to this one.
    const none = await runWith('ls', '--context', 'other', `${base}:a`);
    expect([none.code, none.stderr]).toStrictEqual([2, expect.stringContaining('a token is needed')]);
    const argument = await runWith('ls', '--token', 'good', `${base}:a`);
    expect([argument.code, argument.stderr]).toStrictEqual([2, expect.stringContaining('list of processes')]);
    writeFileSync(config, JSON.stringify({ contexts: { here: { ...context, via: 'http://b' } } }));
    expect((await runWith('ls', 'here:')).stderr).toContain('direct connections only');
  });
});

it('cp without a source and a target prints its usage', async () => {
  for (const args of [[], ['a'], ['-r']]) {
    const { code, stderr } = await run('cp', ...args);
    expect([code, stderr]).toStrictEqual([
      2,
      'rxgrid: a source and a target are needed: rxgrid cp <source...> <target>.\n',
    ]);
  }
});

describe('ls', () => {
  it.each([
    ['a folder', 'ls', 'a'],
    ['a glob', 'stat', 'a/*'],
  ])('lists no more entries of %s than --max-entries allows', async (_, command, path) => {
    const bounded = await run(command, '--max-entries', '1', `${base}:${path}`);
    expect(bounded).toMatchObject({ code: 1 });
    expect(bounded.stderr).toContain('Raise --max-entries');
    expect(await run(command, '--max-entries', '2', `${base}:${path}`)).toMatchObject({ code: 0, stderr: '' });
  });

  it('lists a folder, and with -R the folders below', async () => {
    expect(linesOf(await run('ls', `${base}:a`))).toStrictEqual(['1.txt', 'b/']);
    expect(linesOf(await run('ls', '-R', `${base}:`))).toStrictEqual(['a/', 'a/1.txt', 'a/b/', 'a/b/2.txt']);
    expect(linesOf(await run('ls', `${base}:a/*.txt`))).toStrictEqual(['a/1.txt']);
  });

  it('has a long form and lines of JSON', async () => {
    const { stdout, code } = await run('ls', '-l', `${base}:a/1.txt`);
    expect([stdout, code]).toStrictEqual(['- 0640              3 2001-09-09T01:46:40 a/1.txt\n', 0]);
    const [line] = linesOf(await run('ls', '--json', `${base}:a/1.txt`));
    expect(JSON.parse(line!)).toStrictEqual({ path: 'a/1.txt', type: 'file', size: 3, mtime: 1e12, mode: 0o640 });
  });

  it('shows no control characters of names', async () => {
    writeFileSync(join(host.root, 'a/\u001b[31mred'), '');
    expect((await run('ls', `${base}:a`)).stdout).toContain('\\u001b[31mred');
    if (!hasTerminal()) return;
    expect(await onTerminal(built, 40, ['ls', `${base}:a`])).toContain('\\u001b[31mred');
  });

  it('names a path that fails, lists the others, and exits 5', async () => {
    const { code, stdout, stderr } = await run('ls', `${base}:none`, `${base}:a/1.txt`);
    expect([code, stdout]).toStrictEqual([5, 'a/1.txt\n']);
    expect(stderr).toContain('"none" does not exist');
    expect((await run('ls', `${base}:none`)).code).toBe(1);
    expect((await run('ls', 'here')).code).toBe(2);
  });
});

it('stat describes files and folders', async () => {
  const { stdout, code } = await run('stat', `${base}:a/1.txt`, `${base}:a`);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^- 0640 +3 2001-09-09T01:46:40 a\/1\.txt\nd 0\d{3} +0 \S+ a\/\n$/);
});

describe('rm', () => {
  it('removes files, links and with -r folders', async () => {
    symlinkSync('1.txt', join(host.root, 'a/link'));
    expect((await run('rm', `${base}:a/link`)).code).toBe(0);
    expect(namesIn(join(host.root, 'a'))).toStrictEqual(['1.txt', 'b']);
    const refused = await run('rm', `${base}:a`);
    expect([refused.code, refused.stderr]).toStrictEqual([
      1,
      'rxgrid: "a" is a folder that is not empty. Give -r to remove it with all that is in it.\n',
    ]);
    expect((await run('rm', '-r', `${base}:a`)).code).toBe(0);
    expect(namesIn(host.root)).toStrictEqual([]);
  });

  it('fails for a path that does not exist, but not with -f', async () => {
    expect((await run('rm', `${base}:none`)).code).toBe(1);
    expect((await run('rm', '-f', `${base}:none`)).code).toBe(0);
  });

  it('does not remove the served folder', async () => {
    const { code, stderr } = await run('rm', '-r', `${base}:`);
    expect([code, stderr]).toStrictEqual([1, expect.stringContaining('the served folder itself cannot be removed')]);
    expect(existsSync(join(host.root, 'a/b/2.txt'))).toBe(true);
  });

  it('is refused unless the host allows it', async () => {
    const other = await FilesHost.start({ writable: true });
    writeFileSync(join(other.root, 'a'), 'a');
    const { code, stderr } = await run('rm', `${other.name.replace('http:', 'ws:')}:a`);
    expect([code, namesIn(other.root)]).toStrictEqual([1, ['a']]);
    expect(stderr).toContain('Its serveFiles needs removable: true');
    await other.close();
  });
});

describe('cp', () => {
  it('refuses an empty target, and names the served folder', async () => {
    const empty = await run('cp', `${base}:a/1.txt`, '');
    expect([empty.code, empty.stderr]).toStrictEqual([2, 'rxgrid: a path is empty. Write . for the working folder.\n']);
    const folder = await run('cp', `${base}:`, host.local);
    expect([folder.code, folder.stderr]).toStrictEqual([
      2,
      'rxgrid: the served folder is a folder. Give -r to copy it with all that is in it.\n',
    ]);
  });

  it.each(['cp', 'ls', 'stat', 'rm'])('%s --help shows no default that is false', async (command) => {
    const { stdout, code } = await run(command, '--help');
    expect(code).toBe(0);
    expect(stdout).not.toContain('false');
    expect(stdout).toContain('Exit codes: 0 done');
  });

  it('refuses conflicting options', async () => {
    for (const option of [
      '--delete',
      '--parallel=2',
      '--limit-rate=5',
      '--parallel=99',
      '--max-entries=0',
      `--max-entries=${2 ** 53 - 1}`,
    ]) {
      expect((await run('cp', option, `${base}:a/1.txt`, host.local)).code).toBe(2);
    }
  });
});

it('a self-signed certificate is refused with a hint at --ca, and --ca trusts it', async () => {
  const read = (name: string): Uint8Array => readFileSync(`spec/support/tls/${name}.pem`);
  const local = `https://127.0.0.1:${String(await freePort())}`;
  const manager = host.grid.manager(local, [], {
    leaves: { authenticate: () => 'tool' },
    tls: { cert: read('cert'), key: read('key') },
  });
  serveFiles(manager, { root: host.root });
  await manager.listen({ address: '127.0.0.1' });
  const address = local.replace('https:', 'wss:');
  const refused = await run('ls', `${address}:a`);
  expect(refused.code).toBe(3);
  expect(refused.stderr).toContain('--ca FILE');
  const trusted = await run('ls', '--ca', 'spec/support/tls/cert.pem', `${address}:a`);
  expect([linesOf(trusted), trusted.code]).toStrictEqual([['1.txt', 'b/'], 0]);
});
