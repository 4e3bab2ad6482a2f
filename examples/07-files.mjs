// A folder that other hosts read and write. `node examples/07-files.mjs`
import { fileBytes, listFiles, readFile, writeFile } from 'rxgrid/files';
import { receiveFile, serveFiles } from 'rxgrid/node';
import { mkdtemp, readFile as readLocal, rm, writeFile as writeLocal } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastValueFrom, map, reduce, toArray } from 'rxjs';
import { twoHosts } from './two-hosts.mjs';

const folder = await mkdtemp(join(tmpdir(), 'rxgrid-example-'));
const root = await mkdtemp(join(tmpdir(), 'rxgrid-example-'));
await writeLocal(join(root, 'hello.txt'), 'hello');

const { connection, close } = await twoHosts(7913, (host) => {
  // #region serve
  serveFiles(host, { root, writable: true }); // nothing outside of root
  // #endregion
});

// #region use
const names = await lastValueFrom(
  listFiles(connection, '').pipe(
    map(({ path }) => path),
    toArray(),
  ),
);
const count = reduce((sum, bytes) => sum + bytes.length, 0);
const length = await lastValueFrom(readFile(connection, 'hello.txt').pipe(fileBytes(), count));
// Into a file: under a temporary name first, renamed when it is complete.
await lastValueFrom(readFile(connection, 'hello.txt').pipe(receiveFile(join(folder, 'copy.txt'))));
await lastValueFrom(writeFile(connection, 'new.txt', new Blob(['from here'])));
// #endregion
console.log(names, length);
console.log(await readLocal(join(folder, 'copy.txt'), 'utf8'), await readLocal(join(root, 'new.txt'), 'utf8'));
await close();
await Promise.all([folder, root].map((each) => rm(each, { recursive: true })));

/* prints
[ 'hello.txt' ] 5
hello from here
*/
