import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyIn } from '../../../lib/cli/copy/copy-in.js';
import { copyOut } from '../../../lib/cli/copy/copy-out.js';
import type { CopyOptions } from '../../../lib/cli/copy/copy.js';
import { pathMatcher } from '../../../lib/cli/paths/glob.js';
import { expandRemote } from '../../../lib/cli/paths/remote-glob.js';
import { Throttle } from '../../../lib/cli/copy/throttle.js';
import { systemRuntime } from '../../../lib/runtime.js';
import { copyContext } from '../../support/files/copy-context.js';
import { someBytes } from '../../support/files/file-stream.js';
import { FilesHost } from '../../support/files/files-host.js';
import { ownNameOfKilled } from '../../support/files/killed-owner.js';

let host: FilesHost;
let lines: string[];

beforeEach(async () => {
  host = await FilesHost.start({ writable: true, removable: true });
  lines = [];
});

afterEach(async () => {
  await host.close();
});

const served = (path: string): string => join(host.root, path);
const here = (path: string): string => join(host.local, path);
const contextOf = (options: Partial<CopyOptions>) => copyContext(host.leaf, options, lines);
const treeOf = (folder: string): string[] => (readdirSync(folder, { recursive: true }) as string[]).sort();

describe('--preserve', () => {
  const time = new Date(1_000_000_000_000);

  /** A tree whose modes no umask leaves as they are. */
  function makeTree(folder: string): void {
    mkdirSync(join(folder, 'sub/empty'), { recursive: true });
    writeFileSync(join(folder, 'sub/a'), 'a');
    chmodSync(join(folder, 'sub/a'), 0o666);
    for (const path of ['sub/empty', 'sub', '.']) {
      chmodSync(join(folder, path), path === 'sub/empty' ? 0o555 : 0o777);
      utimesSync(join(folder, path), time, time);
    }
    utimesSync(join(folder, 'sub/a'), time, time);
  }

  const stateOf = (folder: string): unknown =>
    ['.', 'sub', 'sub/a', 'sub/empty'].map((path) => {
      const { mode, mtimeMs } = statSync(join(folder, path));
      return [path, (mode & 0o777).toString(8), Math.floor(mtimeMs)];
    });

  const preserved = [
    ['.', '777', time.getTime()],
    ['sub', '777', time.getTime()],
    ['sub/a', '666', time.getTime()],
    ['sub/empty', '555', time.getTime()],
  ];

  it.each([
    ['as a whole', {}],
    ['file by file', { parallel: 2 }],
  ])('keeps the modes and times of files and folders, %s, in both directions', async (_, options) => {
    makeTree(served('a'));
    await copyIn(contextOf({ preserve: true, ...options }), 'a', here('a'));
    expect(stateOf(here('a'))).toStrictEqual(preserved);
    await copyOut(contextOf({ preserve: true, ...options }), here('a'), 'b');
    expect(stateOf(served('b'))).toStrictEqual(preserved);
  });

  it('is off by default: the umask applies, and folders get default modes', async () => {
    makeTree(served('a'));
    await copyIn(contextOf({}), 'a', here('a'));
    writeFileSync(here('new'), '');
    expect(statSync(here('a/sub/a')).mode).toBe(statSync(here('new')).mode);
    expect(statSync(here('a/sub')).mtimeMs).toBeGreaterThan(time.getTime());
  });
});

describe('--delete', () => {
  function makeTrees(source: string, target: string): void {
    mkdirSync(join(source, 'sub'), { recursive: true });
    mkdirSync(join(target, 'sub/gone'), { recursive: true });
    for (const path of ['1', 'sub/2']) writeFileSync(join(source, path), path);
    for (const path of ['old', 'keep.log', 'sub/gone/x', 'sub/2']) writeFileSync(join(target, path), 'old');
  }
  const options = { delete: true, resume: true, excludes: pathMatcher(['*.log']) };

  it('removes local files that the host does not have, and keeps excluded ones', async () => {
    makeTrees(served('a'), here('a'));
    await copyIn(contextOf(options), 'a', here('a'));
    expect(treeOf(here('a'))).toStrictEqual(['1', 'keep.log', 'sub', 'sub/2']);
    expect(readFileSync(here('a/sub/2'), 'utf8')).toBe('sub/2');
  });

  it('removes files of the host that are missing locally, and keeps excluded ones', async () => {
    makeTrees(here('a'), served('a'));
    await copyOut(contextOf(options), here('a'), 'a');
    expect(treeOf(served('a'))).toStrictEqual(['1', 'keep.log', 'sub', 'sub/2']);
  });

  it('removes nothing where a file could not be copied', async () => {
    makeTrees(served('a'), here('a'));
    mkdirSync(here('a/1'));
    const context = contextOf(options);
    await copyIn(context, 'a', here('a'));
    expect(context.report.failures).toBe(1);
    expect(treeOf(here('a'))).toContain('old');
    expect(lines.join('\n')).toContain('nothing is deleted, because some files could not be copied');
  });
});

describe('files left by a killed run in the target', () => {
  const left = ownNameOfKilled('a').replace('rxgrid-own', 'rxgrid-tmp');

  it.each<[string, Partial<CopyOptions>]>([
    ['as a whole', { preserve: true }],
    ['file by file', { preserve: true, parallel: 2 }],
    ['with --resume', { preserve: true, resume: true }],
  ])('are removed by the next copy, %s, which preserves the times of folders', async (_, options) => {
    mkdirSync(served('a/sub'), { recursive: true });
    writeFileSync(served('a/sub/file'), '');
    utimesSync(served('a/sub'), 1_000, 1_000);
    mkdirSync(here('a/sub'), { recursive: true });
    writeFileSync(here(`a/sub/${left}`), 'half');
    // With --resume the target is the copy itself, else the source goes into it.
    const target = options.resume === true ? here('a') : here('.');
    await copyIn(contextOf(options), 'a', target);
    expect(treeOf(here('a'))).toStrictEqual(['sub', 'sub/file']);
    expect(statSync(here('a/sub')).mtimeMs).toBe(1_000_000);
  });
});

it('--parallel copies and counts every file once', async () => {
  for (let n = 0; n < 20; n++) {
    mkdirSync(served(`a/${String(n % 4)}`), { recursive: true });
    writeFileSync(served(`a/${String(n % 4)}/${String(n)}`), someBytes(n * 1_000));
  }
  const [down, up] = [contextOf({ parallel: 4 }), contextOf({ parallel: 4 })];
  await copyIn(down, 'a', here('a'));
  await copyOut(up, here('a'), 'b');
  down.report.end(true);
  up.report.end(true);
  expect(treeOf(served('b'))).toStrictEqual(treeOf(served('a')));
  expect(lines.filter((line) => line.startsWith('20 files, 185.5 KiB'))).toHaveLength(2);
});

it('--resume does not copy a single file again whose size and time match', async () => {
  writeFileSync(served('a'), 'abc');
  for (let run = 0; run < 2; run++) await copyIn(contextOf({ resume: true, recursive: false }), 'a', here('a'));
  const down = contextOf({ resume: true });
  await copyIn(down, 'a', here('a'));
  down.report.end(true);
  const up = contextOf({ resume: true });
  await copyOut(up, here('a'), 'a');
  up.report.end(true);
  expect(lines.filter((line) => /^0 files, 0 B, .*1 file present already$/.test(line))).toHaveLength(2);
});

it('a listing with too many entries fails, naming the option', async () => {
  mkdirSync(served('a'));
  for (const name of ['1', '2', '3']) writeFileSync(served(`a/${name}`), name);
  const context = contextOf({ maxEntries: 2, parallel: 2 });
  await copyIn(context, 'a', here('a'));
  expect(context.report.failures).toBe(1);
  expect(lines.join('\n')).toMatch(/lists more than 2 entries .*Raise --max-entries/);
});

it('a glob whose folder has too many entries is refused before anything is copied', async () => {
  for (const name of ['1', '2', '3']) writeFileSync(served(name), name);
  const remote = { connection: host.leaf, signal: new AbortController().signal, options: { maxEntries: 2 } };
  await expect(expandRemote(remote, '*')).rejects.toThrow(/more than 2 entries .*--max-entries/);
  await expect(expandRemote({ ...remote, options: { maxEntries: 3 } }, '*')).resolves.toHaveLength(3);
});

it.each(['in', 'out'])('--limit-rate slows a copy %s to the rate', async (direction) => {
  const bytes = someBytes(300_000);
  writeFileSync(direction === 'in' ? served('a') : here('a'), bytes);
  // A clock of its own: each wait passes at once, and its time is counted.
  let now = 0;
  const throttle = new Throttle(100_000, {
    now: () => now,
    schedule: (task, ms) =>
      systemRuntime.schedule(() => {
        now += ms;
        task();
      }, 0),
  });
  const context = { ...contextOf({ recursive: false }), throttle };
  if (direction === 'in') await copyIn(context, 'a', here('b'));
  else await copyOut(context, here('a'), 'b');
  expect(readFileSync(direction === 'in' ? here('b') : served('b')).equals(bytes)).toBe(true);
  // What was moved last is not waited for.
  expect(now).toBeGreaterThan(2_000);
});
