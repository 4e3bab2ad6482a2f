import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packPart } from '../../../../lib/node/files/send/folder-part.js';
import { RootFolder } from '../../../../lib/node/files/folder/root-folder.js';
import { diskPace } from '../../../../lib/node/files/disk/disk-pace.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-part-'));
});

afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

it('a part of a folder opens one file at a time also on a slow disk: it has one slot', async () => {
  jest.spyOn(diskPace, 'takeQuick').mockReturnValue(false);
  const names = Array.from({ length: 20 }, (_, index) => `f${String(index)}`);
  for (const name of names) writeFileSync(join(folder, name), name);
  const root = new RootFolder(folder);
  const openFile = root.openFile.bind(root);
  let [open, most] = [0, 0];
  root.openFile = async (real, path) => {
    most = Math.max(most, ++open);
    const file = await openFile(real, path);
    const close = file.close.bind(file);
    file.close = () => {
      open--;
      close();
    };
    return file;
  };
  const part = { names, real: root.path, prefix: '', wanted: { path: '', recursive: true } };
  const { failures, packs, large } = await packPart(root, part);
  expect({ failures, large, open, most }).toStrictEqual({ failures: [], large: [], open: 0, most: 1 });
  expect(packs.flatMap(({ files }) => files.map(({ path }) => path))).toStrictEqual(names);
});
