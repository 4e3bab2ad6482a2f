import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { concat, concatMap, firstValueFrom, from, lastValueFrom, NEVER, of, tap, toArray } from 'rxjs';
import { ConfigurationError, RefusedError } from '../../../../lib/errors.js';
import { fileBytes, listFiles, readFile, statFile, writeFile } from '../../../../lib/files/file-client.js';
import {
  FileAccessError,
  FileConflictError,
  FileCorruptError,
  FileError,
  FileNotFoundError,
  FileOutsideRootError,
  FilePathError,
  FilesReadOnlyError,
  NotRegularFileError,
} from '../../../../lib/files/file-error.js';
import { FileKind, type FileItem } from '../../../../lib/files/file-item.js';
import { encodePack } from '../../../../lib/files/file-pack.js';
import { fileRoutes, type WriteReport } from '../../../../lib/files/file-routes.js';
import { maxOpenFiles, maxPackedFiles } from '../../../../lib/bounds.js';
import { receiveFile } from '../../../../lib/node/files/receive/receive-file.js';
import { receiveFiles } from '../../../../lib/node/files/receive/receive-files.js';
import type { ReceiveFilesOptions } from '../../../../lib/node/files/receive/receive-options.js';
import { FolderReception } from '../../../../lib/node/files/folder/folder-reception.js';
import { RootFolder } from '../../../../lib/node/files/folder/root-folder.js';
import { serveFiles } from '../../../../lib/node/files/serve/serve-files.js';
import { partialFile } from '../../../../lib/node/files/disk/temporary.js';
import { itemsOf, namesIn, someBytes } from '../../../support/files/file-stream.js';
import { FilesHost } from '../../../support/files/files-host.js';

let host: FilesHost;
const bytes = someBytes(3_000_000);

beforeEach(async () => {
  host = await FilesHost.start({ writable: true });
});

afterEach(async () => {
  await host.close();
});

const served = (path: string): string => join(host.root, path);
const here = (path: string): string => join(host.local, path);
const read = async (path: string): Promise<Uint8Array> => {
  const parts = await lastValueFrom(
    readFile(host.leaf, path).pipe(
      fileBytes(),
      // They are views into received messages.
      concatMap((part) => of(part.slice())),
      toArray(),
    ),
  );
  return new Uint8Array(Buffer.concat(parts));
};
const write = (items: readonly FileItem[], request: { path: string; folder?: boolean; resume?: boolean }) =>
  lastValueFrom(host.leaf.exchange(fileRoutes.write, request, items).pipe(toArray()));
const codes = (reports: readonly WriteReport[]): string[] =>
  reports.flatMap((report) => (report.kind === 'failure' ? [report.code] : []));

describe('serveFiles', () => {
  it.each([0, 1, 65_536, 65_537, 3_000_000])('round-trips %d bytes', async (length) => {
    const some = bytes.subarray(0, length);
    await lastValueFrom(writeFile(host.leaf, 'a/b/c.bin', some));
    expect(new Uint8Array(readFileSync(served('a/b/c.bin')))).toStrictEqual(some.slice());
    const target = here('c.bin');
    const progress = await lastValueFrom(
      readFile(host.leaf, 'a/b/c.bin', { hash: 'sha256' }).pipe(receiveFile(target, { verify: true }), toArray()),
    );
    expect(progress.at(-1)).toMatchObject({ path: target, received: length, total: length });
    expect(new Uint8Array(readFileSync(target))).toStrictEqual(some.slice());
    expect(await read('a/b/c.bin')).toStrictEqual(some.slice());
    expect(namesIn(served('a/b'))).toStrictEqual(['c.bin']);
  });

  it('reads from a Blob, and a part of it', async () => {
    await lastValueFrom(writeFile(host.leaf, 'blob', new Blob([bytes as Uint8Array<ArrayBuffer>])));
    expect(statSync(served('blob')).size).toBe(bytes.length);
    for (const [offset, length] of [
      [10, 20],
      [2_000_000, 900_000],
      [3_000_000, 0],
    ] as const) {
      const parts = await lastValueFrom(readFile(host.leaf, 'blob', { offset, length }).pipe(fileBytes(), toArray()));
      expect(Buffer.concat(parts).equals(bytes.subarray(offset, offset + length))).toBe(true);
    }
    await expect(lastValueFrom(readFile(host.leaf, 'blob', { offset: 1, length: 3_000_000 }))).rejects.toBeInstanceOf(
      FileConflictError,
    );
  });

  it.each(['with space', 'ünï ☃', 'new\nline', "quote'", '-r', 'a:b', '~', '%2e%2e'])(
    'accepts the name %j',
    async (name) => {
      await lastValueFrom(writeFile(host.leaf, `f/${name}`, bytes.subarray(0, 100)));
      expect(readFileSync(served(`f/${name}`))).toHaveLength(100);
      expect(await read(`f/${name}`)).toHaveLength(100);
      expect((await lastValueFrom(listFiles(host.leaf, 'f').pipe(toArray()))).map(({ path }) => path)).toStrictEqual([
        name,
      ]);
    },
  );

  it('lists and stats files', async () => {
    mkdirSync(served('d/e'), { recursive: true });
    writeFileSync(served('d/one'), 'one', { mode: 0o640 });
    writeFileSync(served('d/e/two'), 'two!');
    symlinkSync('/etc/passwd', served('d/link'));
    writeFileSync(served('d/.half.rxgrid-part'), 'half');
    const sorted = async (recursive: boolean): Promise<string[]> =>
      (await lastValueFrom(listFiles(host.leaf, 'd', { recursive }).pipe(toArray())))
        .map(({ path, type, size }) => `${path} ${type} ${String(size)}`)
        .sort();
    expect(await sorted(false)).toStrictEqual(['e folder 0', 'link other 0', 'one file 3']);
    expect(await sorted(true)).toStrictEqual(['e folder 0', 'e/two file 4', 'link other 0', 'one file 3']);
    const { mtime, ...info } = await lastValueFrom(statFile(host.leaf, 'd/one'));
    expect(info).toStrictEqual({ path: '', type: 'file', size: 3, mode: 0o640 });
    expect(mtime).toBe(Math.floor(statSync(served('d/one')).mtimeMs));
    expect((await lastValueFrom(statFile(host.leaf, ''))).type).toBe('folder');
    await expect(lastValueFrom(listFiles(host.leaf, 'd/one'))).rejects.toBeInstanceOf(NotRegularFileError);
    await expect(lastValueFrom(statFile(host.leaf, 'd/none'))).rejects.toBeInstanceOf(FileNotFoundError);
    await expect(lastValueFrom(listFiles(host.leaf, 'none'))).rejects.toBeInstanceOf(FileNotFoundError);
  });
});

describe('the root', () => {
  beforeEach(() => {
    writeFileSync(join(host.folder, 'secret'), 'secret');
    mkdirSync(join(host.folder, 'outside'));
    symlinkSync(join(host.folder, 'secret'), served('link'));
    symlinkSync(join(host.folder, 'outside'), served('way'));
    symlinkSync('..', served('up'));
    mkdirSync(served('in'));
    writeFileSync(served('in/file'), 'inside');
    symlinkSync('in', served('alias'));
  });

  const ways = [
    '../secret',
    'in/../../secret',
    '/etc/passwd',
    '//etc/passwd',
    '..',
    'link',
    'up/secret',
    'way/../secret',
  ];
  it.each(ways)('is not escaped by reading %j', async (path) => {
    await expect(read(path)).rejects.toBeInstanceOf(FileOutsideRootError);
    await expect(lastValueFrom(statFile(host.leaf, path))).rejects.toBeInstanceOf(FileOutsideRootError);
    await expect(lastValueFrom(listFiles(host.leaf, path))).rejects.toBeInstanceOf(FileOutsideRootError);
  });

  it.each(['../new', 'in/../../new', '/new', 'way/new', 'up/new', 'way/deep/new'])(
    'is not escaped by writing %j',
    async (path) => {
      await expect(lastValueFrom(writeFile(host.leaf, path, bytes.subarray(0, 10)))).rejects.toBeInstanceOf(
        FileOutsideRootError,
      );
      const folder = await write(itemsOf(bytes.subarray(0, 10), { path }), { path: '', folder: true });
      expect(codes(folder)).toStrictEqual(['file-outside-root']);
      expect(namesIn(host.folder)).toStrictEqual(['local', 'outside', 'root', 'secret']);
      expect(namesIn(join(host.folder, 'outside'))).toStrictEqual([]);
    },
  );

  it('is not escaped by a NUL, and hides names of temporary files', async () => {
    await expect(read('in/file\0')).rejects.toBeInstanceOf(FilePathError);
    for (const path of ['in/.file.rxgrid-part', 'in/.x.rxgrid-tmp', 'in/.x.rxgrid-own']) {
      await expect(read(path)).rejects.toBeInstanceOf(FilePathError);
      await expect(lastValueFrom(writeFile(host.leaf, path, new Uint8Array(1)))).rejects.toBeInstanceOf(FilePathError);
    }
  });

  it('refuses a path of too many levels or bytes before any work', async () => {
    const root = new RootFolder(host.root);
    // Never ends in time where each level costs a look, or a frame of the stack.
    for (const path of ['a/'.repeat(2_000_000) + 'x', 'a/'.repeat(200) + 'x', 'é'.repeat(2_100)]) {
      await expect(root.makeFolder(path)).rejects.toBeInstanceOf(FilePathError);
      await expect(root.stat(path)).rejects.toBeInstanceOf(FilePathError);
      await expect(root.part(path)).rejects.toBeInstanceOf(FilePathError);
    }
    const path = 'a/'.repeat(20_000) + 'x';
    await expect(read(path)).rejects.toBeInstanceOf(FilePathError);
    await expect(lastValueFrom(statFile(host.leaf, path))).rejects.toBeInstanceOf(FilePathError);
    await expect(lastValueFrom(listFiles(host.leaf, path))).rejects.toBeInstanceOf(FilePathError);
    await expect(lastValueFrom(writeFile(host.leaf, path, bytes))).rejects.toBeInstanceOf(FilePathError);
    expect(namesIn(host.root)).toStrictEqual(['alias', 'in', 'link', 'up', 'way']);
  });

  it('gives the same error for a link that leads out, whatever its target', async () => {
    symlinkSync(join(host.folder, 'nothing'), served('dangling'));
    symlinkSync('missing', served('inside'));
    symlinkSync('loop', served('loop'));
    for (const path of ['link', 'dangling', 'way/any', 'up/secret', 'up/nothing', 'link/any']) {
      await expect(lastValueFrom(statFile(host.leaf, path))).rejects.toMatchObject({
        code: 'file-outside-root',
        message: `"${path}" leads out of the served folder through a symbolic link.`,
      });
    }
    await expect(lastValueFrom(statFile(host.leaf, 'inside'))).rejects.toBeInstanceOf(FileNotFoundError);
    await expect(lastValueFrom(statFile(host.leaf, 'loop'))).rejects.toBeInstanceOf(NotRegularFileError);
  });

  it('is not escaped by requesting a part', async () => {
    writeFileSync(join(host.folder, 'outside/.big.rxgrid-part'), 'secret');
    symlinkSync(join(host.folder, 'outside/.big.rxgrid-part'), served('in/.big.rxgrid-part'));
    writeFileSync(served('in/.half.rxgrid-part'), 'half');
    const partOf = (path: string) => lastValueFrom(host.leaf.request(fileRoutes.stat, { path, partial: true }));
    expect(await partOf('way/big')).toMatchObject({ failure: { code: 'file-outside-root' } });
    expect(await partOf('in/big')).toStrictEqual({ value: {} });
    expect(await partOf('none/big')).toStrictEqual({ value: {} });
    expect(await partOf('alias/half')).toMatchObject({ value: { part: { length: 4 } } });
  });

  it('holds where a link replaces the folder that is written to', async () => {
    const root = new RootFolder(host.root);
    const sub = await root.sub('in/deep');
    renameSync(served('in'), served('moved'));
    mkdirSync(join(host.folder, 'outside/deep'));
    symlinkSync(join(host.folder, 'outside'), served('in'));
    const reception = new FolderReception(sub);
    const header = (path: string) => ({ kind: 'header', path, size: 0, offset: 0, length: 0 }) as const;
    await expect((async () => reception.makeFolder(header('more/')))()).rejects.toBeInstanceOf(FileOutsideRootError);
    const place = await reception.destinationOf(header('file'));
    expect(() => place.open()).toThrow(FileOutsideRootError);
    expect(() => place.hold()).toThrow(FileOutsideRootError);
    expect(namesIn(join(host.folder, 'outside/deep'))).toStrictEqual([]);
  });

  it('may contain links that stay within', async () => {
    expect(Buffer.from(await read('alias/file')).toString()).toBe('inside');
    await lastValueFrom(writeFile(host.leaf, 'alias/new', bytes.subarray(0, 5)));
    expect(readFileSync(served('in/new'))).toHaveLength(5);
  });

  it('holds where a link replaces a folder between the check and the open', async () => {
    mkdirSync(served('deep'));
    writeFileSync(served('deep/secret'), 'inside');
    const root = new RootFolder(host.root);
    const real = await root.resolve('deep/secret');
    rmSync(served('deep'), { recursive: true });
    symlinkSync(host.folder, served('deep'));
    expect(() => root.openFileSync(real, 'deep/secret')).toThrow(FileOutsideRootError);
    await expect(root.openFile(real, 'deep/secret')).rejects.toBeInstanceOf(FileOutsideRootError);
    expect(() => root.openFolder(join(host.root, 'deep'), 'deep')).toThrow(FileError);
  });

  it('holds where a link replaces a folder on the path, or a file, when many are read', async () => {
    mkdirSync(served('route/deep'), { recursive: true });
    writeFileSync(served('route/deep/secret'), 'inside');
    const root = new RootFolder(host.root);
    const real = join(host.root, 'route/deep');
    const open = root.openFolder(real, 'route/deep');
    renameSync(served('route'), served('gone'));
    mkdirSync(join(host.folder, 'deep'));
    writeFileSync(join(host.folder, 'deep/secret'), 'outside');
    symlinkSync(host.folder, served('route'));
    expect(() => root.openFolder(real, 'route/deep')).toThrow(FileOutsideRootError);
    // The folder that was looked at is the one that is read.
    const file = open.open('secret', 'route/deep/secret');
    expect(readFileSync(file.fd, 'utf8')).toBe('inside');
    file.close();
    symlinkSync(join(host.folder, 'secret'), served('gone/deep/link'));
    expect(() => open.open('link', 'link')).toThrow(FileError);
    open.close();
  });

  it('replaces a link that is written to, and keeps its target', async () => {
    await lastValueFrom(writeFile(host.leaf, 'link', bytes.subarray(0, 5)));
    expect(readFileSync(join(host.folder, 'secret'), 'utf8')).toBe('secret');
    expect(statSync(served('link')).size).toBe(5);
  });

  it('serves no FIFO, device, socket or folder as a file, and does not wait for one', async () => {
    execFileSync('mkfifo', [served('fifo')]);
    for (const path of ['fifo', 'in']) {
      await expect(read(path)).rejects.toBeInstanceOf(NotRegularFileError);
      await expect(lastValueFrom(writeFile(host.leaf, path, new Uint8Array(1)))).rejects.toBeInstanceOf(
        NotRegularFileError,
      );
    }
    const all = await lastValueFrom(
      host.leaf.exchange(fileRoutes.read, undefined, [{ path: '', recursive: true }]).pipe(toArray()),
    );
    const paths = all.flatMap((item) => (item.kind === 'pack' ? item.files.map(({ path }) => path) : [item.kind]));
    expect(paths).toStrictEqual(['in/file']);
  });

  it('must be a folder', () => {
    for (const root of [join(host.folder, 'none'), join(host.folder, 'secret')]) {
      expect(() => {
        serveFiles(host.manager, { root });
      }).toThrow(ConfigurationError);
    }
  });
});

describe('permissions', () => {
  it('forbid writes where these are not allowed', async () => {
    await host.close();
    host = await FilesHost.start();
    await expect(lastValueFrom(writeFile(host.leaf, 'a', bytes))).rejects.toBeInstanceOf(FilesReadOnlyError);
    expect(namesIn(host.root)).toStrictEqual([]);
  });

  it('limit leaves to the routes that the host lists for them', async () => {
    await host.close();
    host = await FilesHost.start({ writable: true, leaves: { routes: [fileRoutes.stat, fileRoutes.read] } });
    writeFileSync(served('a'), 'a');
    expect(await read('a')).toHaveLength(1);
    await expect(lastValueFrom(listFiles(host.leaf, ''))).rejects.toBeInstanceOf(RefusedError);
    await expect(lastValueFrom(writeFile(host.leaf, 'a', bytes))).rejects.toBeInstanceOf(RefusedError);
  });

  it('are those of the host at its system', async () => {
    writeFileSync(served('a'), 'a', { mode: 0 });
    const superuser = process.geteuid?.() === 0;
    if (superuser) process.seteuid!(65_534);
    try {
      await expect(read('a')).rejects.toBeInstanceOf(FileAccessError);
    } finally {
      if (superuser) process.seteuid!(0);
    }
  });
});

describe('many files in one stream', () => {
  it('arrive completely, with unreadable ones named', async () => {
    const names = Array.from({ length: 500 }, (_, index) => `d${String(index % 7)}/f${String(index)}`);
    for (const name of names) {
      mkdirSync(served(`all/${name.split('/')[0]!}`), { recursive: true });
      writeFileSync(served(`all/${name}`), name.repeat(5));
    }
    mkdirSync(served('all/empty'));
    writeFileSync(served('all/large'), bytes);
    const wanted = [{ path: 'all', recursive: true }, { path: 'none' }, { path: 'all/large', as: 'again' }];
    const progress = await lastValueFrom(
      host.leaf
        .exchange(fileRoutes.read, undefined, wanted)
        .pipe(receiveFiles(host.local, { fsync: false }), toArray()),
    );
    expect(progress.at(-1)!.files).toBe(502);
    expect(progress.flatMap(({ failure }) => (failure === undefined ? [] : [failure.code]))).toStrictEqual([
      'file-not-found',
    ]);
    for (const name of names) expect(readFileSync(here(name), 'utf8')).toBe(name.repeat(5));
    expect(Buffer.compare(readFileSync(here('again')), bytes)).toBe(0);
    expect(namesIn(here('empty'))).toStrictEqual([]);
  });

  it.each<[string, ReceiveFilesOptions]>([
    ['at once', { fsync: false }],
    ['and forced to the disk', {}],
    ['to be continued', { resume: true, fsync: false }],
  ])('are refused one by one in a pack, and the others are written %s', async (_, options) => {
    mkdirSync(here('folder'));
    const some = bytes.subarray(0, 10);
    const mtime = 1_600_000_000_123;
    const names = ['ok', '../bad', 'folder', 'sub/../../bad', 'sub/ok', 'sub/two', '/bad', 'sub/.x.rxgrid-tmp'];
    const pack = encodePack(
      FileKind.Pack,
      names.map((path) => ({ path, mode: 0o4600, mtime, bytes: some })),
    );
    const progress = await lastValueFrom(from([pack]).pipe(receiveFiles(host.local, options), toArray()));
    expect(
      progress.flatMap(({ path, failure }) => (failure === undefined ? [] : [`${path} ${failure.code}`])).sort(),
    ).toStrictEqual([
      '../bad file-outside-root',
      '/bad file-outside-root',
      'folder file-not-regular',
      'sub/../../bad file-outside-root',
      'sub/.x.rxgrid-tmp file-path',
    ]);
    expect(namesIn(host.local)).toStrictEqual(['folder', 'ok', 'sub']);
    expect(namesIn(here('sub'))).toStrictEqual(['ok', 'two']);
    for (const name of ['ok', 'sub/ok', 'sub/two']) {
      expect(new Uint8Array(readFileSync(here(name)))).toStrictEqual(some);
      const { mtimeMs, mode } = statSync(here(name));
      expect([Math.floor(mtimeMs), mode & 0o7777]).toStrictEqual([mtime, 0o600]);
    }
    expect(progress.at(-1)!.files).toBe(3);
  });

  it('are held back where they arrive in packs, so that few are open at once', async () => {
    let open = 0;
    let most = 0;
    const packs = Array.from({ length: 5 }, (_, pack) => ({
      kind: 'pack' as const,
      files: Array.from({ length: maxPackedFiles }, (_, file) => ({
        path: `f${String(pack)}-${String(file)}`,
        mode: 0o600,
        bytes: bytes.subarray(0, 10),
      })),
    }));
    const timer = setInterval(() => {
      open = namesIn(host.local).filter((name) => name.endsWith('.rxgrid-tmp')).length;
      most = Math.max(most, open);
    }, 0);
    const progress = await lastValueFrom(from(packs).pipe(receiveFiles(host.local), toArray()));
    clearInterval(timer);
    expect(progress.at(-1)!.files).toBe(5 * maxPackedFiles);
    expect(most).toBeLessThanOrEqual(maxOpenFiles);
  });

  it('are not packed for a single file, or where a hash is requested that a pack lacks', async () => {
    const pack: FileItem = { kind: 'pack', files: [{ path: 'a', mode: 0o600, bytes: bytes.subarray(0, 10) }] };
    await expect(lastValueFrom(from([pack]).pipe(receiveFile(here('a'))))).rejects.toBeInstanceOf(FileCorruptError);
    const [header] = itemsOf(bytes);
    await expect(lastValueFrom(from([header!, pack]).pipe(receiveFiles(host.local)))).rejects.toBeInstanceOf(
      FileCorruptError,
    );
    const strict = from([pack]).pipe(receiveFiles(host.local, { verify: true }), toArray());
    expect((await lastValueFrom(strict)).map(({ failure }) => failure?.code)).toStrictEqual(['file-corrupt']);
    expect(namesIn(host.local)).toStrictEqual([]);
  });

  it('are refused one by one, and the others are written', async () => {
    mkdirSync(here('folder'));
    const some = bytes.subarray(0, 10);
    const items = ['ok', '../bad', 'folder', 'sub/ok'].flatMap((path) => itemsOf(some, { path }));
    const progress = await lastValueFrom(from(items).pipe(receiveFiles(host.local), toArray()));
    expect(
      progress.flatMap(({ path, failure }) => (failure === undefined ? [] : [`${path} ${failure.code}`])),
    ).toStrictEqual(['../bad file-outside-root', 'folder file-not-regular']);
    expect(namesIn(host.local)).toStrictEqual(['folder', 'ok', 'sub']);
    expect(namesIn(here('sub'))).toStrictEqual(['ok']);
  });
});

describe('headers with false statements', () => {
  const some = bytes.subarray(0, 100);
  const [header, data, end] = itemsOf(some) as [FileItem, FileItem, FileItem];
  it.each<[string, FileItem[], string]>([
    ['more bytes than announced', [{ ...header, length: 99, size: 99 } as FileItem, data, end], 'file-corrupt'],
    ['fewer', [{ ...header, length: 101, size: 101 } as FileItem, data, end], 'file-corrupt'],
    ['no end', [header, data], 'file-corrupt'],
    ['an offset where nothing is', [{ ...header, offset: 50, size: 150 } as FileItem, data, end], 'file-conflict'],
    ['a part', [{ ...header, size: 2 ** 40 } as FileItem, data, end], 'file-conflict'],
    ['two files', [header, data, end, header, data, end], 'file-corrupt'],
    ['no file', [], 'file-conflict'],
  ])('about %s leave nothing', async (_, items, code) => {
    expect(codes(await write(items, { path: 'f' }))).toStrictEqual([code]);
    if (items.length < 4) expect(namesIn(host.root)).toStrictEqual([]);
    expect(codes(await write(items, { path: 'f', resume: true }))).toStrictEqual([code]);
    // The host goes on.
    expect((await lastValueFrom(statFile(host.leaf, ''))).type).toBe('folder');
  });
});

describe('an interrupted transfer', () => {
  const hash = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

  it.each([1, 200_000, 900_000, 1_700_000, 2_900_000])(
    'is resumed after a lost connection at %d bytes, both ways',
    async (after) => {
      writeFileSync(served('big'), bytes);
      const { leaf, sockets } = host.grid.leaf(host.name);
      const target = here('big');
      await leaf.ready();
      // By pieces of 64 KiB: a region is sent in larger ones.
      const cut = tap((received: number) => {
        if (received >= after) for (const socket of sockets) socket.destroy();
      });
      const lost = readFile(leaf, 'big').pipe(
        receiveFile(target, { resume: true }),
        concatMap((step) => of(step.received).pipe(cut)),
      );
      await lastValueFrom(lost).catch(() => undefined);
      expect(existsSync(target) ? hash(target) : hash(served('big'))).toBe(hash(served('big')));
      const have = await partialFile(target);
      if (have !== undefined) {
        const headers: FileItem[] = [];
        await lastValueFrom(
          readFile(host.leaf, 'big', { have, hash: 'sha256' }).pipe(
            tap((item) => item.kind === 'header' && headers.push(item)),
            receiveFile(target, { offset: have.length, verify: true }),
          ),
        );
        expect(headers).toMatchObject([{ offset: have.length }]);
        expect(hash(target)).toBe(hash(served('big')));
        expect(namesIn(host.local)).toStrictEqual(['big']);
      }
      // The other way round.
      // Without its end: the host would finish the file, and give it its name while the next try begins.
      const unfinished = concat(itemsOf(bytes, { piece: 100_000 }).slice(0, -1), NEVER);
      const back = writeFile(leaf, 'back', unfinished, { resume: true }).pipe(
        concatMap((step) => of(step.written).pipe(cut)),
      );
      await leaf.ready();
      await lastValueFrom(back).catch(() => undefined);
      const { value } = (await lastValueFrom(host.leaf.request(fileRoutes.stat, { path: 'back', partial: true }))) as {
        value: { part?: { length: number } };
      };
      expect(existsSync(served('back')) ? hash(served('back')) : hash(served('big'))).toBe(hash(served('big')));
      const offset = value.part?.length ?? 0;
      await lastValueFrom(
        writeFile(host.leaf, 'back', itemsOf(bytes.subarray(offset), { offset, hash: 'sha256' }), { resume: true }),
      );
      expect(hash(served('back'))).toBe(hash(served('big')));
    },
  );

  it('restarts where the kept bytes are not the beginning of the file', async () => {
    writeFileSync(served('big'), bytes);
    writeFileSync(here('.big.rxgrid-part'), bytes.subarray(1, 1_000_001));
    const have = (await partialFile(here('big')))!;
    await lastValueFrom(readFile(host.leaf, 'big', { have }).pipe(receiveFile(here('big'), { offset: have.length })));
    expect(hash(here('big'))).toBe(hash(served('big')));
    // Nor where the file is shorter by now.
    writeFileSync(here('.big.rxgrid-part'), bytes);
    truncateSync(served('big'), 10);
    const more = (await partialFile(here('big')))!;
    await lastValueFrom(
      readFile(host.leaf, 'big', { have: more }).pipe(receiveFile(here('big'), { offset: more.length })),
    );
    expect(hash(here('big'))).toBe(hash(served('big')));
  });

  it('leaves nothing at the other side after a cancel', async () => {
    const cancelled = new Promise<void>((resolve) => {
      const items = itemsOf(bytes, { piece: 100_000 }).slice(0, 3);
      const subscription = host.leaf
        .exchange(fileRoutes.write, { path: 'never' }, () => from([...items]).pipe((some) => endless(some)))
        .subscribe(() => {
          subscription.unsubscribe();
          resolve();
        });
    });
    await cancelled;
    while (namesIn(host.root).length > 0) await new Promise((resolve) => setImmediate(resolve));
    expect((await firstValueFrom(host.leaf.stats$)).openOut).toBe(0);
  });

  it('does not affect other transfers of the connection', async () => {
    writeFileSync(served('big'), bytes);
    const broken = lastValueFrom(writeFile(host.leaf, 'x', itemsOf(bytes).slice(0, 2)));
    const fine = lastValueFrom(readFile(host.leaf, 'big').pipe(receiveFile(here('big'))));
    await expect(broken).rejects.toBeInstanceOf(FileCorruptError);
    await fine;
    expect(hash(here('big'))).toBe(hash(served('big')));
  });
});

it('reads and writes at offsets above 2^32, of sparse files', async () => {
  const size = 2 ** 32 + 100_000;
  writeFileSync(served('sparse'), '');
  truncateSync(served('sparse'), size);
  const offset = size - 1_000;
  execFileSync(
    'dd',
    ['if=/dev/zero', `of=${served('sparse')}`, 'bs=1', 'count=1', `seek=${String(offset)}`, 'conv=notrunc'],
    {
      stdio: 'ignore',
    },
  );
  const tail = Buffer.from('the end of a sparse file');
  execFileSync('dd', [`of=${served('sparse')}`, 'bs=1', `seek=${String(offset)}`, 'conv=notrunc'], {
    input: tail,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const parts = await lastValueFrom(readFile(host.leaf, 'sparse', { offset }).pipe(fileBytes(), toArray()));
  const got = Buffer.concat(parts);
  expect(got).toHaveLength(1_000);
  expect(got.subarray(0, tail.length).equals(tail)).toBe(true);
  writeFileSync(served('.copy.rxgrid-part'), '');
  truncateSync(served('.copy.rxgrid-part'), offset);
  await lastValueFrom(writeFile(host.leaf, 'copy', itemsOf(got, { offset }), { resume: true, fsync: false }));
  expect(statSync(served('copy')).size).toBe(size);
  const end = execFileSync('tail', ['-c', '1000', served('copy')]);
  expect(end.equals(got)).toBe(true);
});

it('a file that is replaced while it is read is sent in its original state', async () => {
  writeFileSync(served('f'), bytes);
  writeFileSync(served('new'), 'new');
  const swapped = readFile(host.leaf, 'f').pipe(
    tap((item) => {
      if (item.kind === 'header') renameSync(served('new'), served('f'));
    }),
    receiveFile(here('f')),
  );
  await lastValueFrom(swapped);
  expect(readFileSync(here('f')).equals(bytes)).toBe(true);
});

/** The items, and then nothing more: no end either. */
function endless<T>(source: import('rxjs').Observable<T>): import('rxjs').Observable<T> {
  return source.pipe(
    concatMap((item) => of(item)),
    (items) => from([items, NEVER]).pipe(concatMap((part) => part)),
  );
}
