import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { concat, lastValueFrom, NEVER, of, toArray } from 'rxjs';
import type { LeafConnection } from '../../../lib/endpoint/leaves/leaf.js';
import { fileBytes, readFile, writeFile } from '../../../lib/files/file-client.js';
import type { FileItem } from '../../../lib/files/file-item.js';
import { fileRoutes } from '../../../lib/files/file-routes.js';
import { consume } from '../../../lib/operators/consume.js';
import { bundleProgram } from '../../support/programs/bundle.js';
import { kindOf } from '../../support/files/file-grid.js';
import type { Answer, CopyTask } from '../../support/files/kill-program.js';
import { freePort, RealGrid } from '../../support/real-grid.js';

/*
 * Hosts and leaves with few descriptors, and on a disk that is nearly full: what cannot be done ends with an error that
 * says why, and others are served.
 */

const tooBig = 12 << 20;
const crowd = 80;
const manyFiles = 300;

let built: { readonly folder: string; readonly program: string };
let folder: string;
let grid: RealGrid;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  built = await bundleProgram('kill-program');
});

afterAll(() => {
  rmSync(built.folder, { recursive: true, force: true });
});

beforeEach(() => {
  grid = new RealGrid();
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-scarce-'));
  for (const name of ['root', 'here']) mkdirSync(join(folder, name));
});

afterEach(async () => {
  await grid.close();
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  rmSync(folder, { recursive: true, force: true });
});

async function answerOf(child: ChildProcess): Promise<Answer> {
  const [answer] = (await once(child, 'message')) as [Answer];
  return answer;
}

/** Starts a process of the program, with so many descriptors. */
async function start(descriptors: number, ...args: string[]): Promise<ChildProcess> {
  const limited = `ulimit -n ${String(descriptors)}; exec "$0" "$@"`;
  const child = spawn('sh', ['-c', limited, process.execPath, built.program, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  children.add(child);
  await answerOf(child);
  return child;
}

async function startHost(descriptors: number, root: string): Promise<string> {
  const port = String(await freePort());
  await start(descriptors, 'host', port, root, 'kernel');
  return `http://127.0.0.1:${port}`;
}

async function leafOf(url: string, token: string): Promise<LeafConnection> {
  const { leaf } = grid.leaf(url, { token });
  await leaf.ready();
  return leaf;
}

async function bytesOf(leaf: LeafConnection, path: string): Promise<Buffer> {
  return Buffer.concat(await lastValueFrom(readFile(leaf, path).pipe(fileBytes(), toArray())));
}

const upload = (leaf: LeafConnection, path: string, bytes: Uint8Array): Promise<unknown> =>
  lastValueFrom(writeFile(leaf, path, bytes, { fsync: false }));

async function copyBy(leaf: ChildProcess, task: Omit<CopyTask, 'zeroMask' | 'kernel'>): Promise<Answer> {
  const ended = answerOf(leaf);
  leaf.send({ ...task, zeroMask: false, kernel: true } satisfies CopyTask);
  return ended;
}

const onPosix = process.platform === 'win32' ? describe.skip : describe;

onPosix('With 64 descriptors', () => {
  it('a host with all file slots in use by one peer serves another one', async () => {
    const big = randomBytes(4 << 20);
    writeFileSync(join(folder, 'root/big'), big);
    const url = await startHost(64, join(folder, 'root'));
    const greedy = await leafOf(url, 'greedy');
    const failures: string[] = [];
    const failed = (error: unknown): void => {
      failures.push(kindOf(error));
    };
    const never = new Promise<void>(() => undefined);
    const header: FileItem = { kind: 'header', path: 'x', size: 9, offset: 0, length: 9 };
    for (let index = 0; index < crowd; index++) {
      greedy
        .exchange(fileRoutes.read, undefined, [{ path: 'big' }])
        .pipe(consume(() => never))
        .subscribe({ error: failed });
      greedy
        .exchange(fileRoutes.write, { path: `up${String(index)}` }, () => concat(of(header), NEVER))
        .subscribe({ error: failed });
    }
    for (let round = 0; round < 3; round++) {
      const newcomer = await leafOf(url, `newcomer ${String(round)}`);
      expect((await bytesOf(newcomer, 'big')).equals(big)).toBe(true);
      await upload(newcomer, 'mine', big);
      expect(readFileSync(join(folder, 'root/mine')).equals(big)).toBe(true);
    }
    greedy.close();
    // What the greedy one heard until then was that it has to wait, or that it is gone.
    for (const failure of failures) expect(failure).toMatch(/^(FileBusyError|DisconnectedError) /);
    const late = await leafOf(url, 'late');
    expect((await bytesOf(late, 'big')).equals(big)).toBe(true);
  });

  it.each(['download', 'upload'] as const)('a %s of many files is complete', async (direction) => {
    const [from, to] = direction === 'download' ? ['root', 'here'] : ['here', 'root'];
    mkdirSync(join(folder, from, 'src'));
    const names = Array.from({ length: manyFiles }, (_, index) => `f${String(index)}`).sort();
    for (const [index, name] of names.entries()) {
      writeFileSync(join(folder, from, 'src', name), randomBytes(index % 10 === 0 ? 100_000 : 500));
    }
    const url = (await startHost(64, join(folder, 'root'))).replace('http:', 'ws:');
    const leaf = await start(64, 'leaf');
    const [source, target] =
      direction === 'download' ? ['src', join(folder, 'here/copy')] : [join(folder, 'here/src'), 'copy'];
    const { said } = (await copyBy(leaf, { url, direction, source, target })) as { readonly said?: string };
    expect(said).toMatch(/^300 files, [^\n]*$/m);
    expect(said).not.toMatch(/failed|not copied/);
    expect(readdirSync(join(folder, to, 'copy')).sort()).toStrictEqual(names);
    for (const name of names) {
      const bytes = readFileSync(join(folder, to, 'copy', name));
      expect(bytes.equals(readFileSync(join(folder, from, 'src', name)))).toBe(true);
    }
  });
});

/** True where this process may mount; else says so. */
function canMount(): boolean {
  const at = mkdtempSync(join(tmpdir(), 'rxgrid-mount-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', at]);
  if (status === 0) spawnSync('umount', [at]);
  else console.warn('Not run: this user may not mount a tmpfs of 8 MB.');
  rmSync(at, { recursive: true });
  return status === 0;
}

const withMount = canMount() ? describe : describe.skip;

withMount('On a disk of 8 MB', () => {
  let small: string;

  const mount = (name: string): void => {
    small = join(folder, name);
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', small]);
    expect(status).toBe(0);
  };

  afterEach(async () => {
    for (const child of children) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    children.clear();
    spawnSync('umount', [small]);
  });

  it('an upload that is too large ends with an error that says so, leaves nothing, and others proceed', async () => {
    mount('root');
    const url = await startHost(1_024, small);
    const leaf = await leafOf(url, 'x');
    const other = await leafOf(url, 'other');
    for (let round = 0; round < 2; round++) {
      const error: unknown = await upload(leaf, 'big', randomBytes(tooBig)).catch((failure: unknown) => failure);
      expect(kindOf(error)).toMatch(/^FileSpaceError /);
      expect(String(error)).toMatch(/no space is left/);
      const bytes = randomBytes(1 << 20);
      await upload(other, `small${String(round)}`, bytes);
      expect((await bytesOf(other, `small${String(round)}`)).equals(bytes)).toBe(true);
    }
    expect(readdirSync(small).sort()).toStrictEqual(['small0', 'small1']);
  });

  it('a copy that is too large ends with an error that says so, and resumes when there is room', async () => {
    mount('here');
    mkdirSync(join(folder, 'root/src'));
    const big = randomBytes(6 << 20);
    writeFileSync(join(folder, 'root/src/big'), big);
    writeFileSync(join(small, 'ballast'), randomBytes(4 << 20));
    const url = (await startHost(1_024, join(folder, 'root'))).replace('http:', 'ws:');
    const leaf = await start(1_024, 'leaf');
    const task = { url, direction: 'download', source: 'src', target: join(small, 'copy') } as const;
    expect(await copyBy(leaf, task)).toMatchObject({
      error: expect.stringMatching(/^FileSpaceError.*no space is left/) as unknown,
    });
    expect(readdirSync(join(small, 'copy'))).toStrictEqual(['.big.rxgrid-part']);
    rmSync(join(small, 'ballast'));
    expect(await copyBy(leaf, task)).toHaveProperty('said');
    expect(readdirSync(join(small, 'copy'))).toStrictEqual(['big']);
    expect(readFileSync(join(small, 'copy/big')).equals(big)).toBe(true);
  });
});
