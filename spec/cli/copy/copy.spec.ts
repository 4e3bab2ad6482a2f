import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative as pathFrom } from 'node:path';
import { copyIn } from '../../../lib/cli/copy/copy-in.js';
import { copyOut } from '../../../lib/cli/copy/copy-out.js';
import type { CopyContext, CopyOptions } from '../../../lib/cli/copy/copy.js';
import { pathMatcher } from '../../../lib/cli/paths/glob.js';
import { ProgressBar, type Progress } from '../../../lib/cli/output/progress-bar.js';
import type { FileItem } from '../../../lib/files/file-item.js';
import type { WantedFile } from '../../../lib/files/file-routes.js';
import type { Connection } from '../../../lib/contract/connection.js';
import { copyContext } from '../../support/files/copy-context.js';
import { namesIn, someBytes } from '../../support/files/file-stream.js';
import { FilesHost } from '../../support/files/files-host.js';

let host: FilesHost;

beforeEach(async () => {
  host = await FilesHost.start({ writable: true, removable: true });
});

afterEach(async () => {
  await host.close();
});

const served = (path: string): string => join(host.root, path);
const here = (path: string): string => join(host.local, path);

async function* noted(
  input: AsyncIterable<FileItem | WantedFile> | Iterable<FileItem | WantedFile>,
  seen: unknown[],
): AsyncGenerator<FileItem | WantedFile> {
  for await (const item of input) {
    seen.push('kind' in item ? item.kind : item);
    yield item;
  }
}

interface Noted extends CopyContext {
  /** What was asked for, and the kinds of the items that were sent. */
  readonly seen: unknown[];
  readonly lines: string[];
  readonly totals: Set<number | undefined>;
}

/** A context that notes everything. */
function contextOf(options: Partial<CopyOptions> = {}): Noted {
  const [seen, lines, totals]: [unknown[], string[], Set<number | undefined>] = [[], [], new Set()];
  const exchange = (...[route, request, input, callOptions]: readonly unknown[]): unknown => {
    const watched = (): unknown => noted((input as () => AsyncIterable<FileItem>)(), seen);
    return (host.leaf.exchange as (...args: readonly unknown[]) => unknown)(route, request, watched, callOptions);
  };
  const connection = new Proxy<Connection>(host.leaf, {
    get: (target, key) => {
      if (key === 'exchange') return exchange;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
  const bar = new ProgressBar('x', false);
  bar.update = ({ total }: Progress) => totals.add(total);
  const result = (line: string): void => {
    lines.push(`out: ${line}`);
  };
  const context = copyContext(connection, options, lines, { bar, result, verbose: false, now: () => 0 });
  return { ...context, seen, lines, totals };
}

it('a resumed folder contains no files of killed processes', async () => {
  mkdirSync(served('x/y'), { recursive: true });
  for (const name of ['x/a', 'x/y/b']) writeFileSync(served(name), name);
  mkdirSync(here('x/y'), { recursive: true });
  writeFileSync(here('x/a'), '');
  // Of another system, so that its age counts.
  const left = here('x/y/.b.00000000-00000000-1-1-1.rxgrid-own');
  writeFileSync(left, 'x');
  utimesSync(left, 1, 1);
  await copyIn(contextOf({ resume: true }), 'x', here('x'));
  expect(namesIn(here('x/y'))).toStrictEqual(['b']);
});

it.each([false, true])(
  'a new folder is sent in packs, and existing files are counted separately; resume: %s',
  async (resume) => {
    mkdirSync(served('x/y'), { recursive: true });
    for (const name of ['x/a', 'x/b', 'x/y/c']) writeFileSync(served(name), name);
    const target = here('x');
    const asked = contextOf({ resume });
    await copyIn(asked, 'x', target);
    expect(asked.seen).toStrictEqual([{ path: 'x', recursive: true }]);
    expect([...asked.totals].at(-1)).toBe(11);
    expect(readFileSync(join(target, 'y/c'), 'utf8')).toBe('x/y/c');
    const sent = contextOf({ resume });
    await copyOut(sent, target, 'z');
    expect(sent.seen).toStrictEqual(['pack', 'pack']);
    expect([...sent.totals].at(-1)).toBe(11);
    expect(readFileSync(served('z/y/c'), 'utf8')).toBe('x/y/c');
    if (!resume) return;
    // What is there is not asked for again.
    rmSync(join(target, 'a'));
    const rest = contextOf({ resume });
    await copyIn(rest, 'x', target);
    expect(rest.seen).toStrictEqual([{ path: 'x/a', as: 'a' }]);
  },
);

describe('with --resume', () => {
  const resume = true;

  it('continues the files of an earlier run, in both directions', async () => {
    mkdirSync(served('a'));
    mkdirSync(here('b'));
    writeFileSync(served('a/1'), '1');
    writeFileSync(here('b/1'), '1');
    for (let run = 0; run < 2; run++) {
      await copyIn(contextOf({ resume }), 'a', here('copy'));
      await copyOut(contextOf({ resume }), here('b'), 'copy');
    }
    expect(namesIn(here('copy'))).toStrictEqual(['1']);
    expect(namesIn(served('copy'))).toStrictEqual(['1']);
    // A slash says that the copy goes into it, the first time and the second time.
    for (let run = 0; run < 2; run++) {
      await copyIn(contextOf({ resume }), 'a', `${here('into')}/`);
      await copyOut(contextOf({ resume }), here('b'), 'into/');
    }
    expect(namesIn(here('into'))).toStrictEqual(['a']);
    expect(namesIn(served('into'))).toStrictEqual(['b']);
  });

  it('leaves a folder alone that is not an earlier copy', async () => {
    for (const folder of [served('a'), served('mine'), here('a'), here('mine')]) mkdirSync(folder);
    for (const file of [served('a/1'), served('mine/0'), here('a/1'), here('mine/0')]) writeFileSync(file, '1');
    await expect(copyIn(contextOf({ resume }), 'a', here('mine'))).rejects.toMatchObject({ exitCode: 2 });
    await expect(copyOut(contextOf({ resume }), here('a'), 'mine')).rejects.toMatchObject({ exitCode: 2 });
    expect(namesIn(here('mine'))).toStrictEqual(['0']);
    expect(namesIn(served('mine'))).toStrictEqual(['0']);
  });

  it('copies a folder that is new at the source, also an empty one, in packs', async () => {
    mkdirSync(here('a/old'), { recursive: true });
    writeFileSync(here('a/old/1'), '1');
    await copyOut(contextOf({ resume }), here('a'), 'a');
    mkdirSync(here('a/empty'));
    mkdirSync(here('a/new/empty'), { recursive: true });
    for (const name of ['2', '3']) writeFileSync(here(`a/new/${name}`), name);
    const sent = contextOf({ resume });
    await copyOut(sent, here('a'), 'a');
    expect(sent.seen.filter((kind) => kind === 'pack')).toHaveLength(1);
    expect(readdirSync(served('a'), { recursive: true }).sort()).toStrictEqual([
      'empty',
      'new',
      'new/2',
      'new/3',
      'new/empty',
      'old',
      'old/1',
    ]);
    const back = contextOf({ resume });
    mkdirSync(here('back/old'), { recursive: true });
    await copyIn(back, 'a', here('back'));
    expect(readdirSync(here('back'), { recursive: true })).toHaveLength(7);
  });
});

describe('an entry that is not a file', () => {
  beforeEach(() => {
    for (const root of [host.root, host.local]) {
      mkdirSync(join(root, 'a'));
      writeFileSync(join(root, 'a/file'), 'file');
      symlinkSync('file', join(root, 'a/link'));
      symlinkSync('.', join(root, 'a/loop'));
      symlinkSync('none', join(root, 'a/dangling'));
    }
  });

  it('is named and counted', async () => {
    const [down, up] = [contextOf(), contextOf()];
    await copyIn(down, 'a', here('down'));
    await copyOut(up, here('a'), 'up');
    down.report.end(true);
    up.report.end(true);
    expect(down.lines.filter((line) => /"a\/(link|loop|dangling)" is .*left out/.test(line))).toHaveLength(3);
    expect(up.lines.filter((line) => /"(link|loop|dangling)" is a symbolic link and/.test(line))).toHaveLength(3);
    expect(down.lines.at(-1)).toBe('1 file, 4 B, 0.0 s, 3 left out');
    expect(up.lines.at(-1)).toBe('1 file, 4 B, 0.0 s, 3 left out');
  });

  it('is followed to files with --links follow', async () => {
    const [down, up] = [contextOf({ links: 'follow' }), contextOf({ links: 'follow' })];
    await copyIn(down, 'a', here('down'));
    await copyOut(up, here('a'), 'up');
    for (const folder of [here('down'), served('up')]) {
      expect(namesIn(folder)).toStrictEqual(['file', 'link']);
      expect(readFileSync(join(folder, 'link'), 'utf8')).toBe('file');
    }
    expect(down.lines).toHaveLength(2);
    expect(up.lines.sort()).toStrictEqual([
      'rxgrid: "dangling" is a symbolic link to nothing and is left out.',
      'rxgrid: "loop" is a symbolic link to a folder and is left out.',
    ]);
  });
});

it('excluded paths are neither copied nor listed', async () => {
  for (const root of [host.root, host.local]) {
    mkdirSync(join(root, 'a/node_modules/x'), { recursive: true });
    for (const name of ['a/1.js', 'a/1.log', 'a/node_modules/x/2.js']) writeFileSync(join(root, name), name);
  }
  const excludes = pathMatcher(['node_modules', '*.log']);
  await copyIn(contextOf({ excludes }), 'a', here('down'));
  await copyOut(contextOf({ excludes }), here('a'), 'up');
  expect(readdirSync(here('down'), { recursive: true })).toStrictEqual(['1.js']);
  expect(readdirSync(served('up'), { recursive: true })).toStrictEqual(['1.js']);
});

it('a dry run names the files, and copies none', async () => {
  mkdirSync(served('a/b'), { recursive: true });
  mkdirSync(here('c/d'), { recursive: true });
  writeFileSync(served('a/b/1'), '1');
  writeFileSync(here('c/d/1'), '1');
  const [down, up] = [contextOf({ dryRun: true }), contextOf({ dryRun: true })];
  await copyIn(down, 'a', here('down'));
  await copyOut(up, here('c'), 'up');
  expect(down.lines).toStrictEqual(['out: a/b/1']);
  expect(up.lines).toStrictEqual([`out: ${here('c/d/1')}`]);
  const relative = contextOf({ dryRun: true });
  await copyOut(relative, `${pathFrom(process.cwd(), here('c'))}/`, 'up');
  expect(relative.lines).toStrictEqual([`out: ${pathFrom(process.cwd(), here('c/d/1'))}`]);
  for (const { report, lines } of [down, up]) {
    report.end(true);
    expect(lines.at(-1)).toMatch(/1 file, 1 B/);
  }
  expect(namesIn(host.local)).toStrictEqual(['c']);
  expect(namesIn(host.root)).toStrictEqual(['a']);
});

it('a dry run leaves a pipe alone', async () => {
  // Opening it would wait for a writer.
  execFileSync('mkfifo', [here('fifo')]);
  const context = contextOf({ dryRun: true });
  await copyOut(context, here('fifo'), 'up');
  expect(context.lines).toStrictEqual([`out: ${here('fifo')}`]);
});

it('a dry run creates no folder for a file', async () => {
  writeFileSync(served('1'), '1');
  const context = contextOf({ dryRun: true });
  await copyIn(context, '1', `${here('new')}/`);
  expect(context.lines).toStrictEqual(['out: 1']);
  expect(namesIn(host.local)).toStrictEqual([]);
});

it('a failure names the target that the user typed', async () => {
  writeFileSync(served('1'), '1');
  mkdirSync(served('a'));
  mkdirSync(here('in/1'), { recursive: true });
  writeFileSync(here('taken'), '');
  const text = `${JSON.stringify(here('in/1'))} exists and is not a regular file.`;
  const context = (): CopyContext => copyContext(host.leaf);
  await expect(copyIn(context(), '1', here('in'))).rejects.toThrow(text);
  await expect(copyIn(context(), 'a', here('taken/below'))).rejects.toMatchObject({ code: 'file-not-found' });
});

it('a dry run with --delete names the surplus of the target, and removes nothing', async () => {
  for (const path of [served('a/1'), here('down/1'), here('down/2'), here('c/1'), served('up/1'), served('up/2')]) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '1');
  }
  // With `resume` the target is the copy itself.
  const options = { dryRun: true, delete: true, resume: true };
  const [down, up, nowhere] = [contextOf(options), contextOf(options), contextOf(options)];
  await copyIn(down, 'a', here('down'));
  await copyOut(up, here('c'), 'up');
  await copyOut(nowhere, here('c'), 'none');
  expect(down.lines).toContain('out: deleting 2');
  expect(up.lines).toContain('out: deleting 2');
  expect(nowhere.lines).toStrictEqual([`out: ${here('c/1')}`]);
  expect([namesIn(here('down')), namesIn(served('up'))]).toStrictEqual([
    ['1', '2'],
    ['1', '2'],
  ]);
});

describe('links in the target', () => {
  it('are not followed out of it, neither for writing nor for reading', async () => {
    const outside = mkdtempSync(join(host.folder, 'outside-'));
    const time = new Date(1_000_000);
    mkdirSync(served('a/sub'), { recursive: true });
    writeFileSync(served('a/sub/known'), '12345');
    writeFileSync(served('a/sub/part'), someBytes(2_000_000));
    utimesSync(served('a/sub/known'), time, time);
    // What the host could learn of: the same size and time, and the part of a file.
    writeFileSync(join(outside, 'known'), '12345');
    utimesSync(join(outside, 'known'), time, time);
    writeFileSync(join(outside, '.part.rxgrid-part'), 'secret');
    mkdirSync(here('a'));
    symlinkSync(outside, here('a/sub'));
    const context = contextOf({ resume: true });
    await copyIn(context, 'a', here('a'));
    expect(context.seen).toStrictEqual([]);
    expect(context.report.failures).toBe(3);
    expect(context.lines.join('\n')).toMatch(/through a symbolic link/);
    expect(namesIn(outside)).toStrictEqual(['.part.rxgrid-part', 'known']);
  });
});
