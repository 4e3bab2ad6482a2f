import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { maxFolderNames, maxOpenFolders } from '../../../../lib/bounds.js';
import { RootFolder } from '../../../../lib/node/files/folder/root-folder.js';
import { walkChunks, type Chunk, type Unread } from '../../../../lib/node/files/folder/walk-folder.js';
import { descriptorsIn } from '../../../support/files/descriptors.js';

let folder: string;
let root: RootFolder;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'rxgrid-walk-')));
  root = new RootFolder(folder);
});

afterEach(() => {
  expect(descriptorsIn(folder)).toStrictEqual([]);
  rmSync(folder, { recursive: true });
});

const at = (path: string): string => join(folder, path);
const chunks = (chunkEntries: number): AsyncGenerator<Chunk | Unread> =>
  walkChunks(root, { real: folder, name: 'the top', recursive: true, chunkEntries });

it('a walk enters all folders of a folder with more of them than it keeps names', async () => {
  const count = maxFolderNames + 70;
  for (let n = 0; n < count; n++) mkdirSync(at(`f${String(n)}`));
  const entered = new Set<string>();
  for await (const chunk of chunks(64)) if (chunk.path !== '') entered.add(chunk.path);
  expect(entered.size).toBe(count);
});

it('nested folders with too many folders each use a bounded number of descriptors', async () => {
  const wide = (path: string): void => {
    for (let n = 0; n < maxFolderNames + 2; n++) mkdirSync(at(join(path, String(n))));
  };
  wide('');
  const open: number[] = [];
  let levels = 1;
  for await (const chunk of chunks(maxFolderNames + 1)) {
    open.push(descriptorsIn(folder).length);
    if ('failure' in chunk) {
      expect([chunk.failure.code, levels]).toStrictEqual(['file-io', maxOpenFolders + 1]);
      expect(chunk.failure.message).toContain(`more than ${String(maxOpenFolders)} nested folders`);
      break;
    }
    // The walk enters the folder that it has read last.
    wide(join(chunk.path, chunk.entries.at(-1)!.name));
    levels++;
  }
  expect(Math.max(...open)).toBe(2 * maxOpenFolders);
});
