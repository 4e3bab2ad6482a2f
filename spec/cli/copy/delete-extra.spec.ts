import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, readdirSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CopyContext, CopyOptions } from '../../../lib/cli/copy/copy.js';
import { deleteExtraHere, deleteExtraThere } from '../../../lib/cli/copy/delete-extra.js';
import { pathMatcher } from '../../../lib/cli/paths/glob.js';
import { FileIoError } from '../../../lib/files/file-error.js';
import { RootFolder } from '../../../lib/node/files/folder/root-folder.js';
import { ownName } from '../../../lib/node/files/disk/temporary.js';
import { copyContext } from '../../support/files/copy-context.js';
import { FilesHost } from '../../support/files/files-host.js';

let host: FilesHost;
let lines: string[];

beforeEach(async () => {
  host = await FilesHost.start({ writable: true, removable: true });
  lines = [];
});

afterEach(async () => {
  await host.close();
});

function files(folder: string, ...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), '');
  }
}
const contextOf = (options: Partial<CopyOptions>): CopyContext =>
  copyContext(host.leaf, { delete: true, ...options }, lines);
const treeOf = (folder: string): string[] => (readdirSync(folder, { recursive: true }) as string[]).sort();

/** The two directions: the folders of the target and of the source, and the removal. */
const directions = {
  here: {
    target: () => join(host.local, 'b'),
    source: () => join(host.root, 'b'),
    remove: async (context: CopyContext) => {
      const sources = new Set(treeOf(join(host.root, 'b')));
      await deleteExtraHere(context, new RootFolder(join(host.local, 'b')), sources);
    },
  },
  'at the host': {
    target: () => join(host.root, 'b'),
    source: () => join(host.local, 'b'),
    remove: async (context: CopyContext) => {
      const path = join(host.local, 'b');
      await deleteExtraThere(context, { path, stats: statSync(path) }, 'b');
    },
  },
};

describe.each(Object.entries(directions))('a removal %s', (_, { target, source, remove }) => {
  beforeEach(() => {
    for (const folder of [target(), source()]) mkdirSync(folder);
  });

  it('removes paths that the source does not have, a folder as one', async () => {
    files(source(), 'a', 'sub/b');
    files(target(), 'a', 'sub/b', 'sub/c', 'gone/1', 'gone/deep/2', 'gone-too', 'gonest');
    mkdirSync(join(target(), 'empty'));
    const context = contextOf({});
    await remove(context);
    expect(treeOf(target())).toStrictEqual(['a', 'sub', 'sub/b']);
    expect(lines.filter((line) => line.includes('is removed')).sort()).toStrictEqual(
      ['empty', 'gone', 'gone-too', 'gonest', 'sub/c'].map((path) => `rxgrid: "${path}" is removed.`),
    );
  });

  it('does nothing unless requested, or where something has failed', async () => {
    files(target(), 'a');
    await remove(contextOf({ delete: false }));
    const context = contextOf({});
    context.report.failed(new FileIoError('Unreadable.', 'x'));
    await remove(context);
    expect(treeOf(target())).toStrictEqual(['a']);
    expect(lines.at(-1)).toContain('nothing is deleted, because some files could not be copied');
  });

  it('keeps excluded paths, and the surplus folders that contain them', async () => {
    files(source(), 'a');
    files(target(), 'a', 'b', 'x.log', 'gone/1', 'gone/deep/2', 'half/1', 'half/deep/y.log', 'half/deep/z');
    files(target(), 'half/node_modules/p/q');
    const context = contextOf({ excludes: pathMatcher(['*.log', 'node_modules']) });
    await remove(context);
    expect(treeOf(target())).toStrictEqual([
      'a',
      'half',
      'half/deep',
      'half/deep/y.log',
      'half/node_modules',
      'half/node_modules/p',
      'half/node_modules/p/q',
      'x.log',
    ]);
    expect(context.report.failures).toBe(0);
  });

  it('in a dry run names what it would remove, and removes nothing', async () => {
    files(source(), 'a');
    files(target(), 'a', 'b', 'gone/1', 'gone/deep/2');
    const before = treeOf(target());
    await remove(contextOf({ dryRun: true }));
    expect(lines.sort()).toStrictEqual(['deleting b', 'deleting gone']);
    lines.length = 0;
    files(target(), 'gone/x.log', 'else/node_modules/p');
    await remove(contextOf({ dryRun: true, excludes: pathMatcher(['*.log', 'node_modules']) }));
    expect(lines.sort()).toStrictEqual(['b', 'gone/1', 'gone/deep', 'gone/deep/2'].map((path) => `deleting ${path}`));
    expect(treeOf(target())).toStrictEqual(
      [...before, 'else', 'else/node_modules', 'else/node_modules/p', 'gone/x.log'].sort(),
    );
  });

  it('removes links, but not their targets', async () => {
    files(host.folder, 'outside/secret');
    symlinkSync(join(host.folder, 'outside'), join(target(), 'out'));
    symlinkSync('none', join(target(), 'dangling'));
    await remove(contextOf({}));
    expect([treeOf(target()), existsSync(join(host.folder, 'outside/secret'))]).toStrictEqual([[], true]);
  });

  it('continues after a path that cannot be removed, and reports it', async () => {
    files(target(), `busy/${ownName('x')}`, 'a', 'z');
    const context = contextOf({});
    await remove(context);
    expect(treeOf(target()).filter((path) => !path.includes('rxgrid'))).toStrictEqual(['busy']);
    expect([context.report.failures, context.report.notCopied, lines.join('\n')]).toStrictEqual([
      1,
      0,
      expect.stringContaining('a file in it is being received'),
    ]);
  });

  it('stops when the caller does', async () => {
    files(target(), 'a', 'b');
    await expect(remove({ ...contextOf({}), signal: AbortSignal.abort(new Error('Ctrl-C')) })).rejects.toThrow();
    expect(treeOf(target())).toStrictEqual(['a', 'b']);
  });
});

describe('a local source', () => {
  const source = (): string => join(host.local, 'b');
  const target = (): string => join(host.root, 'b');

  beforeEach(() => {
    mkdirSync(source());
    files(target(), 'a', 'b');
  });

  it.each([
    ['that is gone', () => undefined, 'file-not-found'],
    ['that is another folder by now, as after unmounting', () => mkdirSync(source()), 'file-changed'],
  ])('%s causes no removal at the target', async (_, replace, code) => {
    files(source(), 'a', 'b');
    const stats = statSync(source());
    renameSync(source(), join(host.local, 'moved'));
    replace();
    await expect(deleteExtraThere(contextOf({}), { path: source(), stats }, 'b')).rejects.toMatchObject({ code });
    expect(treeOf(target())).toStrictEqual(['a', 'b']);
  });

  it('whose path cannot be checked causes no removal at the target', async () => {
    // A name that is too long for the system here, as one of another file system may be.
    const stats = statSync(source());
    const path = join(source(), 'x'.repeat(300));
    await expect(deleteExtraThere(contextOf({}), { path, stats }, 'b')).rejects.toMatchObject({ code: 'file-path' });
    expect(treeOf(target())).toStrictEqual(['a', 'b']);
  });

  it('includes the path of a dangling link', async () => {
    symlinkSync('none', join(source(), 'a'));
    await deleteExtraThere(contextOf({}), { path: source(), stats: statSync(source()) }, 'b');
    expect(treeOf(target())).toStrictEqual(['a']);
  });
});

it('nothing is deleted at a host that cannot list one of its folders', async () => {
  mkdirSync(join(host.local, 'b'));
  const path = join(host.local, 'b');
  await expect(deleteExtraThere(contextOf({}), { path, stats: statSync(path) }, 'none')).rejects.toMatchObject({
    code: 'file-not-found',
  });
});

describe('a host that permits no removal', () => {
  let strict: FilesHost;

  beforeEach(async () => {
    strict = await FilesHost.start({ writable: true });
    mkdirSync(join(strict.local, 'b'));
    files(join(strict.root, 'b'), 'a', 'z');
  });

  afterEach(async () => {
    await strict.close();
  });

  it.each([{}, { dryRun: true }])('ends the copy with its answer (%j)', async (options) => {
    const context = copyContext(strict.leaf, { delete: true, ...options }, lines);
    const path = join(strict.local, 'b');
    await expect(deleteExtraThere(context, { path, stats: statSync(path) }, 'b')).rejects.toMatchObject({
      code: 'files-read-only',
    });
    expect(context.report.failures).toBe(0);
    expect(treeOf(join(strict.root, 'b'))).toStrictEqual(['a', 'z']);
  });
});
