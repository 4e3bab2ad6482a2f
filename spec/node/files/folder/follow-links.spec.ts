import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileError } from '../../../../lib/files/file-error.js';
import { maxLinksFollowed } from '../../../../lib/bounds.js';
import { followLinks, type Following } from '../../../../lib/node/files/folder/follow-links.js';
import { diskPace } from '../../../../lib/node/files/disk/disk-pace.js';

let folder: string;
let root: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'rxgrid-links-')));
  root = join(folder, 'root');
  mkdirSync(join(root, 'a/b'), { recursive: true });
  mkdirSync(join(folder, 'root-of-others'));
  for (const path of ['root/a/b/file', 'root/top', 'root-of-others/secret']) writeFileSync(join(folder, path), path);
  symlinkSync('root', join(folder, 'spelled'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const link = (target: string, name: string): void => {
  symlinkSync(target, join(root, name));
};

async function follow(path: string, options: Partial<Following> = {}): Promise<string> {
  const spellings = [root, join(folder, 'spelled')];
  try {
    const real = await followLinks({ root, spellings, parts: path.split('/'), path, ...options });
    return real.startsWith(root) ? real.slice(root.length) : `outside: ${real}`;
  } catch (error) {
    return error instanceof FileError ? error.code : `not a FileError: ${String(error)}`;
  }
}

// A disk that makes files wait has its entries read by the thread pool.
describe.each(['a quick disk', 'a slow disk'])('resolving links on %s', (disk) => {
  beforeEach(() => {
    if (disk === 'a quick disk') while (!diskPace.takeQuick());
    else diskPace.measure(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15));
  });

  afterEach(() => {
    while (!diskPace.takeQuick());
  });

  it('leaves a path without links unchanged', async () => {
    expect(await follow('a/b/file')).toBe('/a/b/file');
    expect(await follow('a/b')).toBe('/a/b');
    expect(await follow('', { parts: [] })).toBe('');
  });

  it('resolves a link relative to its own folder', async () => {
    link('b', 'a/beside');
    link('../top', 'a/up');
    link('./a//b/', 'dots');
    link('a/b/../up', 'a-and-back');
    link('a/.//./../top', 'dots-and-back');
    link('a/beside/file', 'through-another');
    expect(await follow('a/beside/file')).toBe('/a/b/file');
    expect(await follow('a/up')).toBe('/top');
    expect(await follow('dots/file')).toBe('/a/b/file');
    expect(await follow('a-and-back')).toBe('/top');
    expect(await follow('dots-and-back')).toBe('/top');
    expect(await follow('through-another')).toBe('/a/b/file');
  });

  it('resolves `..` after a link to the parent of its target', async () => {
    link('a/b', 'deep');
    link('deep/../b/file', 'over');
    expect(await follow('over')).toBe('/a/b/file');
  });

  it('keeps an absolute link within the root, in any spelling', async () => {
    link(join(root, 'a'), 'real');
    link(join(folder, 'spelled/a'), 'alias');
    link(root, 'self');
    expect(await follow('real/b')).toBe('/a/b');
    expect(await follow('alias/b')).toBe('/a/b');
    expect(await follow('self/a/b')).toBe('/a/b');
    mkdirSync(join(root, 'c'));
    link(join(root, 'a'), 'c/back');
    expect(await follow('c/back/b/file')).toBe('/a/b/file');
  });

  it.each([
    ['..'],
    ['../root-of-others/secret'],
    ['../../../../etc/passwd'],
    ['/'],
    ['/etc/passwd'],
    ['/none'],
    ['../none'],
    // What is in the root again has left it on the way.
    ['../root/top'],
  ])('reports a link to %s as outside, whether or not it exists', async (target) => {
    link(target, 'out');
    expect(await follow('out')).toBe('file-outside-root');
    expect(await follow('out/none')).toBe('file-outside-root');
    link(target, 'a/b/out');
    if (!target.startsWith('..')) expect(await follow('a/b/out')).toBe('file-outside-root');
  });

  it('treats a folder whose name begins like that of the root as outside', async () => {
    link(join(folder, 'root-of-others/secret'), 'neighbour');
    expect(await follow('neighbour')).toBe('file-outside-root');
  });

  it('follows a bounded number of links', async () => {
    link('top', 'link-1');
    for (let n = 2; n <= maxLinksFollowed + 1; n++) link(`link-${String(n - 1)}`, `link-${String(n)}`);
    expect(await follow(`link-${String(maxLinksFollowed)}`)).toBe('/top');
    expect(await follow(`link-${String(maxLinksFollowed + 1)}`)).toBe('file-not-regular');
    link('loop', 'loop');
    link('ping', 'pong');
    link('pong/x', 'ping');
    expect([await follow('loop'), await follow('ping')]).toStrictEqual(['file-not-regular', 'file-not-regular']);
  });

  it('fails for a missing path, unless it can be created', async () => {
    link('nothing', 'dangling');
    expect([await follow('none'), await follow('dangling')]).toStrictEqual(['file-not-found', 'file-not-found']);
    const made: string[] = [];
    const missing = (parent: string, name: string): void => {
      made.push(`${parent.slice(root.length)}/${name}`);
      mkdirSync(join(parent, name));
    };
    expect(await follow('a/new/newer', { missing })).toBe('/a/new/newer');
    expect(await follow('dangling/in', { missing })).toBe('/nothing/in');
    expect(made).toStrictEqual(['/a/new', '/a/new/newer', '/nothing', '/nothing/in']);
  });

  it('reports a path below a file, and a name that is too long, as FileErrors', async () => {
    expect(await follow('top/x')).toBe('file-not-found');
    expect(await follow('x'.repeat(256))).toBe('file-path');
  });
});

it('the root may be the root of the system', async () => {
  const [first = '', ...rest] = root.split('/').slice(1);
  link(root, 'absolute');
  const real = await followLinks({
    root: '/',
    spellings: ['/'],
    parts: [first, ...rest, 'absolute', 'top'],
    path: 'x',
  });
  expect(real).toBe(join(root, 'top'));
});
