import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NotRegularFileError } from '../../../../lib/files/file-error.js';
import { RootFolder } from '../../../../lib/node/files/folder/root-folder.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-root-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

it('a root must be a folder, and the error says what is wrong', () => {
  writeFileSync(join(folder, 'a'), '');
  expect(() => new RootFolder(join(folder, 'a'))).toThrow('because it is not a folder. Give the path of a folder.');
  expect(() => new RootFolder(join(folder, 'none'))).toThrow('because there is no such folder. Make it first.');
});

it('the root itself is not a file, and its parent folder is not opened to find out', async () => {
  const root = new RootFolder(folder);
  // The folder around it would be refused with FileOutsideRootError.
  await expect(root.openFile(root.path, '')).rejects.toThrow(NotRegularFileError);
  expect(() => root.openFileSync(root.path, '')).toThrow(NotRegularFileError);
});
