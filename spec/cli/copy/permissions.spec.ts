import { afterEach, expect, it } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { checkRemovable, checkWritable } from '../../../lib/cli/copy/permissions.js';
import { copyContext } from '../../support/files/copy-context.js';
import { FilesHost } from '../../support/files/files-host.js';

let host: FilesHost;

afterEach(async () => {
  await host.close();
});

it('permissions for writing and removing are checked without a change', async () => {
  host = await FilesHost.start({ writable: true, removable: true });
  const context = copyContext(host.leaf);
  await checkWritable(context, 'a');
  await checkRemovable(context, 'a');
  expect(readdirSync(host.root)).toStrictEqual([]);
});

it('a host that permits neither says so', async () => {
  host = await FilesHost.start();
  const context = copyContext(host.leaf);
  const refused = { code: 'files-read-only', path: 'a', message: expect.stringContaining('"a" cannot be') };
  await expect(checkWritable(context, 'a')).rejects.toMatchObject(refused);
  await expect(checkRemovable(context, 'a')).rejects.toMatchObject(refused);
});
