import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, closeSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom, take, tap, toArray } from 'rxjs';
import { listFiles } from '../../../../lib/files/file-client.js';
import {
  FileAccessError,
  FileOutsideRootError,
  FilePathError,
  type FileError,
} from '../../../../lib/files/file-error.js';
import { fileRoutes, type FileInfo } from '../../../../lib/files/file-routes.js';
import { maxFolderNames, maxListedEntries, maxPathLevels } from '../../../../lib/bounds.js';
import { RootFolder } from '../../../../lib/node/files/folder/root-folder.js';
import { walkChunks } from '../../../../lib/node/files/folder/walk-folder.js';
import { FilesHost } from '../../../support/files/files-host.js';

let host: FilesHost;

beforeEach(async () => {
  host = await FilesHost.start();
});

afterEach(async () => {
  await host.close();
});

const touch = (path: string): void => {
  closeSync(openSync(join(host.root, path), 'w'));
};
const descriptors = (): number => readdirSync('/proc/self/fd').length;

describe('a listing', () => {
  it('is sent in batches on request, otherwise one by one', async () => {
    const names = Array.from({ length: maxListedEntries * 2 + 5 }, (_, index) => `f${index}`);
    for (const name of names) touch(name);
    const list = (batches: boolean) =>
      lastValueFrom(host.leaf.stream(fileRoutes.list, { path: '', batches }).pipe(toArray()));
    const batched = await list(true);
    const sizes = batched.map((item) => ('values' in item ? item.values.length : -1));
    expect(sizes).toStrictEqual([maxListedEntries, maxListedEntries, 5]);
    const single = await list(false);
    expect(single).toHaveLength(names.length);
    expect(single.every((item) => 'value' in item)).toBe(true);
    const infos = await lastValueFrom(listFiles(host.leaf, '').pipe(toArray()));
    expect(infos.map(({ path }) => path).sort()).toStrictEqual(names.sort());
  });

  it('is not buffered: a consumer that takes a few entries leaves nothing open', async () => {
    for (let index = 0; index < 200; index++) {
      mkdirSync(join(host.root, `d${index}`));
      touch(`d${index}/f`);
    }
    // What is loaded once is not counted.
    await lastValueFrom(listFiles(host.leaf, '').pipe(toArray()));
    const before = descriptors();
    const few = await lastValueFrom(listFiles(host.leaf, '', { recursive: true }).pipe(take(3), toArray()));
    expect(few).toHaveLength(3);
    expect(await lastValueFrom(listFiles(host.leaf, '', { recursive: true }).pipe(toArray()))).toHaveLength(400);
    expect(descriptors()).toBe(before);
  });

  it('reads a folder of many folders in parts, and each of them once', async () => {
    const count = maxFolderNames + 10;
    for (let index = 0; index < count; index++) mkdirSync(join(host.root, `d${index}`));
    const root = new RootFolder(host.root);
    const paths = new Set<string>();
    let chunks = 0;
    for await (const chunk of walkChunks(root, { real: root.path, name: '', recursive: true, chunkEntries: 64 })) {
      if ('failure' in chunk) throw chunk.failure;
      if (chunk.path !== '') {
        paths.add(chunk.path);
        chunks++;
      }
    }
    expect([paths.size, chunks]).toStrictEqual([count, count]);
  });

  it('ends at the limit of levels, including the entries above it', async () => {
    let path = host.root;
    for (let level = 0; level <= maxPathLevels; level++) {
      path += '/x';
      mkdirSync(path);
    }
    const infos: FileInfo[] = [];
    const listing = lastValueFrom(listFiles(host.leaf, '', { recursive: true }).pipe(toArray()));
    await expect(listing).rejects.toBeInstanceOf(FilePathError);
    expect(infos).toStrictEqual([]);
    // By parts: nothing deeper than the limit has a name.
    const root = new RootFolder(host.root);
    const seen: string[] = [];
    for await (const chunk of walkChunks(root, { real: root.path, name: '', recursive: true, chunkEntries: 64 })) {
      seen.push('failure' in chunk ? chunk.failure.code : chunk.path);
    }
    expect(seen.at(-1)).toBe('file-path');
    expect(Math.max(...seen.map((one) => one.split('/').length))).toBe(maxPathLevels - 1);
  });
});

// Nobody is denied anything as root: then the host is somebody else meanwhile.
const asRoot = process.geteuid?.() === 0 ? describe : describe.skip;

asRoot('A folder within that cannot be listed', () => {
  beforeEach(() => {
    chmodSync(host.folder, 0o755);
    for (const folder of ['a', 'closed', 'closed/deep', 'z', 'z/closed']) mkdirSync(join(host.root, folder));
    for (const file of ['a/1', 'closed/2', 'z/3', 'z/closed/4']) touch(file);
    for (const folder of ['closed', 'z/closed']) chmodSync(join(host.root, folder), 0);
    process.seteuid!(65_534);
  });

  afterEach(() => {
    process.seteuid!(0);
  });

  const all = ['a', 'a/1', 'closed', 'z', 'z/3', 'z/closed'];
  /** The paths, and the path of the error at the end. */
  async function list(unreadable?: (error: FileError) => void): Promise<{ paths: string[]; failed?: string }> {
    const paths: string[] = [];
    const listing = listFiles(host.leaf, '', { recursive: true, ...(unreadable && { unreadable }) });
    try {
      await lastValueFrom(listing.pipe(tap(({ path }) => paths.push(path))));
      return { paths: paths.sort() };
    } catch (error) {
      expect(error).toBeInstanceOf(FileAccessError);
      return { paths: paths.sort(), failed: (error as FileError).path };
    }
  }

  it('does not end the listing, and is its error at the end', async () => {
    const { paths, failed } = await list();
    expect(paths).toStrictEqual(all);
    expect(['closed', 'z/closed']).toContain(failed);
  });

  it('is reported on request, and the listing completes', async () => {
    const errors: FileError[] = [];
    expect(await list((error) => errors.push(error))).toStrictEqual({ paths: all });
    expect(errors.map(({ path, code }) => `${path} ${code}`).sort()).toStrictEqual([
      'closed file-access',
      'z/closed file-access',
    ]);
  });

  it('ends the listing for a caller without support for such answers', async () => {
    const items = await lastValueFrom(
      host.leaf.stream(fileRoutes.list, { path: '', recursive: true, batches: true }).pipe(toArray()),
    );
    expect(items.at(-1)).toMatchObject({ failure: { code: 'file-access' } });
    expect(items.every((item) => !('failures' in item))).toBe(true);
  });

  it('is an error at once where it is the requested folder', async () => {
    await expect(lastValueFrom(listFiles(host.leaf, 'closed', { unreadable: fail }))).rejects.toMatchObject({
      code: 'file-access',
      path: 'closed',
    });
  });
});

function fail(error: FileError): void {
  throw error;
}

it('a failure from the host about a folder outside the listing is rejected', async () => {
  const hostile = host.grid.manager('http://127.0.0.1:1', []);
  await hostile.start();
  hostile.handle(fileRoutes.list, () => [
    { values: [], failures: [{ path: '../x', code: 'file-access', message: 'no' }] },
  ]);
  const listing = listFiles(hostile.connection(hostile.local), '', { unreadable: fail });
  await expect(lastValueFrom(listing)).rejects.toBeInstanceOf(FileOutsideRootError);
});

it.each(['../x', '/etc/passwd', 'a/../../x', '..'])('an entry %j from the host is rejected', async (path) => {
  const hostile = host.grid.manager('http://127.0.0.1:1', []);
  await hostile.start();
  hostile.handle(fileRoutes.list, () => [
    { values: [{ path, type: 'folder' as const, size: 0, mtime: 0, mode: 0o755 }] },
  ]);
  const listing = listFiles(hostile.connection(hostile.local), '').pipe(toArray());
  await expect(lastValueFrom(listing)).rejects.toBeInstanceOf(FileOutsideRootError);
});
