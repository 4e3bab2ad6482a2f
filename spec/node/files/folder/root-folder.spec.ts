import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
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

it('The root itself is no file, and the folder that it is in is not opened to find that out', async () => {
  const root = new RootFolder(folder);
  // The folder around it would be refused with FileOutsideRootError.
  await expect(root.openFile(root.path, '')).rejects.toThrow(NotRegularFileError);
  expect(() => root.openFileNow(root.path, '')).toThrow(NotRegularFileError);
});
