import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RootFolder } from '../../../../lib/node/files/folder/root-folder.js';
import { removeTree, type RemoveOptions } from '../../../../lib/node/files/folder/remove-tree.js';
import { ownName } from '../../../../lib/node/files/disk/temporary.js';
import { kindOf } from '../../../support/files/file-grid.js';
import { namesIn } from '../../../support/files/file-stream.js';

let folder: string;
let root: RootFolder;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-remove-'));
  mkdirSync(join(folder, 'root/a/b/c'), { recursive: true });
  mkdirSync(join(folder, 'outside'));
  for (const path of ['outside/secret', 'root/a/1', 'root/a/b/2']) writeFileSync(join(folder, path), path);
  root = new RootFolder(join(folder, 'root'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function remove(path: string, options?: RemoveOptions): Promise<number> {
  let removed = 0;
  for await (const count of removeTree(root, path, options)) removed = count;
  return removed;
}

it('removes a folder with all its content, and counts the entries', async () => {
  for (let n = 0; n < 2_000; n++) writeFileSync(join(folder, `root/a/b/c/${String(n)}`), '');
  expect(await remove('a', { recursive: true })).toBe(2_005);
  expect(namesIn(root.path)).toStrictEqual([]);
});

it('removes links, but not their targets', async () => {
  symlinkSync('../../outside', join(folder, 'root/a/out'));
  await expect(remove('a/out/secret')).rejects.toMatchObject({ code: 'file-outside-root' });
  expect(await remove('a/out')).toBe(1);
  symlinkSync('../../outside', join(folder, 'root/a/out'));
  await remove('a', { recursive: true });
  expect(namesIn(join(folder, 'outside'))).toStrictEqual(['secret']);
});

it.each(['', '.', '..', '../outside', '/a', 'a/../..', 'a\0b'])('refuses %j, also with recursive', async (path) => {
  expect(await remove(path, { recursive: true }).catch(kindOf)).toMatch(/^File(OutsideRoot|Path)Error/);
  expect(existsSync(join(folder, 'root/a/b/2'))).toBe(true);
});

it('removes only an empty folder without recursive', async () => {
  expect(await remove('a/b/c')).toBe(1);
  await expect(remove('a')).rejects.toMatchObject({ code: 'file-conflict' });
  await expect(remove('none')).rejects.toMatchObject({ code: 'file-not-found' });
  expect(namesIn(join(root.path, 'a'))).toStrictEqual(['1', 'b']);
});

it('keeps a file that a running process is receiving, and its folders', async () => {
  const own = join(folder, 'root/a/b', ownName('x'));
  writeFileSync(own, 'half');
  await expect(remove('a', { recursive: true })).rejects.toMatchObject({ code: 'file-conflict' });
  expect(existsSync(own)).toBe(true);
});

it('stops when the caller cancels', async () => {
  for (let n = 0; n < 500; n++) writeFileSync(join(folder, `root/a/b/c/${String(n)}`), '');
  const abort = new AbortController();
  const steps = removeTree(root, 'a/b/c', { recursive: true, signal: abort.signal });
  await steps.next();
  abort.abort(new Error('gone'));
  await expect(steps.next()).rejects.toThrow('gone');
  expect(namesIn(join(folder, 'root/a/b/c')).length).toBeGreaterThan(300);
});
