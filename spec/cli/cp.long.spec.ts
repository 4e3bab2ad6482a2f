import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { buildLib } from '../support/programs/built-lib.js';
import { namesIn, someBytes } from '../support/files/file-stream.js';
import { FilesHost } from '../support/files/files-host.js';
import { ownNameOfKilled } from '../support/files/killed-owner.js';

/*
 * The command as a process of its own, against a host in this one.
 */

let built: string;
let host: FilesHost;
let base: string;
const bytes = someBytes(2_000_000);

beforeAll(() => {
  built = buildLib();
});

afterAll(() => {
  rmSync(built, { recursive: true, force: true });
});

beforeEach(async () => {
  host = await FilesHost.start({
    writable: true,
    leaves: {
      authenticate: (token) => {
        if (token !== 'good') throw new Error('unknown token');
        return 'tool';
      },
    },
    token: 'good',
  });
  base = host.name.replace('http:', 'ws:');
});

afterEach(async () => {
  await host.close();
});

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: readonly string[], env: Record<string, string> = { RXGRID_TOKEN: 'good' }): ChildProcess {
  const { RXGRID_TOKEN: _, ...rest } = process.env;
  return spawn(process.execPath, [join(built, 'dist/esm/cli/main.js'), ...args], { env: { ...rest, ...env } });
}

async function finish(child: ChildProcess): Promise<Run> {
  let [stdout, stderr] = ['', ''];
  child.stdout!.on('data', (data) => (stdout += String(data)));
  child.stderr!.on('data', (data) => (stderr += String(data)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

const run = (args: readonly string[], env?: Record<string, string>): Promise<Run> => finish(start(args, env));
/** Nothing but the summary. */
const done = {
  code: 0,
  stdout: '',
  stderr: expect.stringMatching(/^\d+ files?, [\d.]+ \w+, [\d.]+ s.*\n$/) as unknown as string,
};
const served = (path: string): string => join(host.root, path);
const here = (path: string): string => join(host.local, path);
const same = (one: string, other: string): boolean => readFileSync(one).equals(readFileSync(other));

/** A file without bytes on the disk but at its end. */
function sparse(path: string, size: number): void {
  const fd = openSync(path, 'w');
  ftruncateSync(fd, size);
  writeSync(fd, 'the end', size - 7);
  closeSync(fd);
}

describe('rxgrid cp', () => {
  it('copies a file in both directions', async () => {
    writeFileSync(here('a b\nc'), bytes);
    expect(await run(['cp', here('a b\nc'), `${base}:in/`])).toStrictEqual(done);
    expect(same(here('a b\nc'), served('in/a b\nc'))).toBe(true);
    expect(await run(['cp', '--verify', '--fsync', `${base}:in/a b\nc`, here('back')])).toStrictEqual(done);
    expect(same(here('a b\nc'), here('back'))).toBe(true);
    // Into a folder that is there, in which a killed run has left something.
    mkdirSync(here('folder'));
    writeFileSync(join(here('folder'), ownNameOfKilled('a').replace('rxgrid-own', 'rxgrid-tmp')), '');
    expect(await run(['cp', `${base.replace('ws://', '')}:in/a b\nc`, here('folder')])).toStrictEqual(done);
    expect(namesIn(here('folder'))).toStrictEqual(['a b\nc']);
  }, 30_000);

  it('copies folders in both directions, and only missing files with --resume', async () => {
    mkdirSync(here('all/deep/empty'), { recursive: true });
    writeFileSync(here('all/one'), 'one');
    writeFileSync(here('all/zero'), '');
    writeFileSync(here('all/deep/large'), bytes);
    symlinkSync('one', here('all/link'));
    expect(await run(['cp', here('all'), `${base}:x`])).toMatchObject({ code: 2 });
    expect(await run(['cp', '-r', here('all'), `${base}:x`])).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^rxgrid: "link" is a symbolic link.*\n3 files, 1.9 MiB, .*1 left out\n$/),
    });
    expect(namesIn(served('x'))).toStrictEqual(['deep', 'one', 'zero']);
    expect(namesIn(served('x/deep'))).toStrictEqual(['empty', 'large']);
    expect(await run(['cp', '-r', '--verify', `${base}:x`, here('back')])).toStrictEqual(done);
    expect(same(here('back/deep/large'), here('all/deep/large'))).toBe(true);
    // It is there already, by size and time: its other bytes stay.
    const { mtimeMs } = statSync(here('back/one'));
    rmSync(here('back/deep/large'));
    const inode = statSync(here('back/one')).ino;
    expect(await run(['cp', '-r', '--resume', `${base}:x`, here('back')])).toStrictEqual(done);
    expect(namesIn(here('back'))).toStrictEqual(['deep', 'one', 'zero']);
    expect(same(here('back/deep/large'), here('all/deep/large'))).toBe(true);
    expect(statSync(here('back/one'))).toMatchObject({ ino: inode, mtimeMs });
  }, 30_000);

  it.each<[string, () => string[], Record<string, string>, number, RegExp]>([
    ['no token', () => ['cp', `${base}:a`, here('a')], {}, 2, /--token|RXGRID_TOKEN/],
    [
      'a wrong token',
      () => ['cp', `${base}:a`, here('a')],
      { RXGRID_TOKEN: 'bad' },
      4,
      /refused the connection: .*--token/,
    ],
    ['a token in the list of processes', () => ['cp', '--token', 'good', `${base}:a`, '.'], {}, 2, /list of processes/],
    ['two local paths', () => ['cp', 'a', 'b'], {}, 2, /host:port:path/],
    ['no such file', () => ['cp', `${base}:none`, here('a')], { RXGRID_TOKEN: 'good' }, 1, /"none" does not exist/],
    ['no such local file', () => ['cp', here('none'), `${base}:a`], { RXGRID_TOKEN: 'good' }, 1, /does not exist/],
    ['a way out', () => ['cp', `${base}:../a`, here('a')], { RXGRID_TOKEN: 'good' }, 1, /leads out/],
    ['no host', () => ['cp', 'ws://127.0.0.1:1:a', here('a')], { RXGRID_TOKEN: 'good' }, 3, /Is a host running/],
    [
      'no folder here',
      () => ['cp', `${base}:a`, here('b/a')],
      { RXGRID_TOKEN: 'good' },
      1,
      /the folder .* does not exist here.*mkdir -p/,
    ],
    ['a link to nothing', () => ['cp', `${base}:a`, here('link')], { RXGRID_TOKEN: 'good' }, 1, /link to nothing/],
    ['no number', () => ['cp', '--timeout', 'NaN', `${base}:a`, here('a')], {}, 2, /duration such as/],
    ['a negative time', () => ['cp', '--timeout', '-5', `${base}:a`, here('a')], {}, 2, /duration such as/],
    ['a time without end', () => ['cp', '--timeout', '1e9', `${base}:a`, here('a')], {}, 2, /1h at most/],
    ['a user', () => ['cp', 'ws://user:pw@127.0.0.1:a', here('a')], { RXGRID_TOKEN: 'good' }, 2, /no user/],
    ['one path', () => ['cp', `${base}:a`], { RXGRID_TOKEN: 'good' }, 2, /a source and a target/],
    ['no match', () => ['cp', `${base}:*.txt`, here('a')], { RXGRID_TOKEN: 'good' }, 1, /nothing at the host matches/],
    [
      'no such token',
      () => ['cp', '--token-file', here('t'), `${base}:a`, here('a')],
      {},
      2,
      /the token cannot be read/,
    ],
    [
      '--ca for ws',
      () => ['cp', '--ca', here('t'), `${base}:a`, here('a')],
      { RXGRID_TOKEN: 'good' },
      2,
      /--ca is for wss/,
    ],
    ['a pipe with -r', () => ['cp', '-r', '-', `${base}:a`], { RXGRID_TOKEN: 'good' }, 2, /cannot be combined with -r/],
    ['an unknown option', () => ['cp', '--fast', 'a', 'b'], {}, 2, /unknown option/],
  ])('says how to resolve %s', async (_, args, env, code, text) => {
    writeFileSync(served('a'), 'a');
    symlinkSync(here('nothing'), here('link'));
    const result = await run(args(), env);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toMatch(text);
    expect(namesIn(host.local)).toStrictEqual(['link']);
  });

  it('reports files that are not copied, and copies the others', async () => {
    mkdirSync(served('x'));
    writeFileSync(served('x/good'), 'good');
    writeFileSync(served('x/bad'), 'bad');
    mkdirSync(here('to/x/bad'), { recursive: true });
    const { code, stderr } = await run(['cp', '-r', `${base}:x`, here('to')]);
    expect(code).toBe(5);
    expect(stderr).toMatch(/^rxgrid: "bad" exists and is not a regular file.*\n1 file, 4 B, .*, 1 not copied\n$/);
    expect(namesIn(here('to/x'))).toStrictEqual(['bad', 'good']);
  });

  it('has help and a version', async () => {
    const help = await run(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toMatch(/^  cp +Copies files/m);
    expect((await run(['cp', '--help'])).stdout).toMatch(/--resume.*--verify.*RXGRID_TOKEN/s);
    expect((await run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await run([])).code).toBe(2);
  }, 30_000);
});

describe('an interrupted copy', () => {
  const size = 128 << 20;

  /** Ends the command when at least so many bytes are there; false where it had ended before. */
  async function endAt(
    child: ChildProcess,
    file: () => string | undefined,
    least: number,
    signal: NodeJS.Signals,
  ): Promise<Run> {
    const result = finish(child);
    for (;;) {
      const path = file();
      if (
        child.exitCode !== null ||
        (path !== undefined && (statSync(path, { throwIfNoEntry: false })?.size ?? 0) >= least)
      )
        break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    child.kill(signal);
    return result;
  }
  const partOf = (folder: string) => (): string | undefined => {
    const name = namesIn(folder).find((one) => one.startsWith('.big.'));
    return name === undefined ? undefined : join(folder, name);
  };

  it('leaves nothing after Ctrl-C', async () => {
    sparse(served('big'), size);
    const { code, stderr } = await endAt(
      start(['cp', `${base}:big`, here('big')]),
      partOf(host.local),
      1 << 20,
      'SIGINT',
    );
    expect({ code, stderr }).toStrictEqual({
      code: 130,
      stderr: 'rxgrid: interrupted. No incomplete file has its final name.\n',
    });
    expect(namesIn(host.local)).toStrictEqual([]);
  }, 30_000);

  it('leaves no final name without a chance to clean up, and can be resumed', async () => {
    sparse(served('big'), size);
    const copy = ['cp', '--resume', '--verify', `${base}:big`, here('big')];
    for (const share of [0.001, 0.1, 0.3]) {
      await endAt(start(copy), partOf(host.local), size * share, 'SIGKILL');
      expect(existsSync(here('big'))).toBe(false);
      // Of a process that was killed: the next one finds it.
      expect(namesIn(host.local)).toStrictEqual([expect.stringMatching(/^\.big\..*rxgrid-own$/)]);
    }
    expect(await run(copy)).toStrictEqual(done);
    expect(namesIn(host.local)).toStrictEqual(['big']);
    expect(same(here('big'), served('big'))).toBe(true);
  }, 60_000);

  it('leaves no final name at the host when the sender dies, and can be resumed', async () => {
    sparse(here('big'), size);
    const copy = ['cp', '--resume', here('big'), `${base}:big`];
    for (const share of [0.001, 0.1, 0.3]) {
      await endAt(start(copy), partOf(host.root), size * share, 'SIGKILL');
      expect(existsSync(served('big'))).toBe(false);
    }
    expect(await run(copy)).toStrictEqual(done);
    expect(namesIn(host.root)).toStrictEqual(['big']);
    expect(same(here('big'), served('big'))).toBe(true);
  }, 60_000);
});
