import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { writeFile } from '../../../../lib/files/index.js';
import type { FileProgress } from '../../../../lib/index.js';
import { connect, fileRegion } from '../../../../lib/node/index.js';
import { kindOf } from '../../../support/files/file-grid.js';
import { FilesHost } from '../../../support/files/files-host.js';

/*
 * A file of this side, written at a host that serves files.
 */

const bytes = randomBytes(3 * 2 ** 20 + 5);
let host: FilesHost;
let path: string;

beforeAll(async () => {
  host = await FilesHost.start({ writable: true });
  path = join(host.local, 'mine');
  writeFileSync(path, bytes);
});

afterAll(() => host.close());

it.each([
  [true, 'kernel'],
  [false, 'pooled'],
])('writeFile sends a region by sendfile: zeroMask %s, in %s mode', async (zeroMask, mode) => {
  const leaf = connect(host.name, { token: 'tool', zeroMask });
  host.grid.closeLater(() => {
    leaf.close();
  });
  let last: FileProgress | undefined;
  const region = fileRegion(path, { progress: (step) => (last = step) });
  // The name at the other host is the one that is asked for, not that of the file here.
  const { written } = await lastValueFrom(writeFile(leaf, `${mode}.bin`, region, { fsync: false }));
  expect({ written, mode: last?.mode }).toStrictEqual({ written: bytes.length, mode });
  expect(readFileSync(join(host.root, `${mode}.bin`)).equals(bytes)).toBe(true);
});

it('a missing file is an error, and nothing is written', async () => {
  const writing = firstValueFrom(writeFile(host.leaf, 'none', fileRegion(join(host.local, 'none'))));
  expect(await writing.catch(kindOf)).toBe('FileNotFoundError file-not-found');
  expect(existsSync(join(host.root, 'none'))).toBe(false);
});
