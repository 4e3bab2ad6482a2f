import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fs, {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { from, lastValueFrom, toArray } from 'rxjs';
import { fileBytes, readFile, writeFile } from '../../../../lib/files/file-client.js';
import { FileChangedError, FileCorruptError, FilePathError } from '../../../../lib/files/file-error.js';
import type { FileItem } from '../../../../lib/files/file-item.js';
import { FileRegion } from '../../../../lib/files/file-region.js';
import { fileRoutes, type WantedFile } from '../../../../lib/files/file-routes.js';
import { maxPathBytes } from '../../../../lib/bounds.js';
import type { OpenFile } from '../../../../lib/node/files/disk/open-file.js';
import { RootFolder, type OpenFolder } from '../../../../lib/node/files/folder/root-folder.js';
import { diskPace } from '../../../../lib/node/files/disk/disk-pace.js';
import { receiveFile } from '../../../../lib/node/files/receive/receive-file.js';
import { filesOf } from '../../../../lib/node/files/send/file-source.js';
import { fileRegion } from '../../../../lib/node/files/send/file-region.js';
import { readPartSync, readPart } from '../../../../lib/node/files/send/read-part.js';
import { itemsOf, namesIn, someBytes } from '../../../support/files/file-stream.js';
import { FilesHost } from '../../../support/files/files-host.js';

let host: FilesHost;

beforeEach(async () => {
  host = await FilesHost.start({ writable: true });
});

afterEach(async () => {
  await host.close();
});

const served = (path: string): string => join(host.root, path);
const descriptors = (): number => readdirSync('/proc/self/fd').length;
const ask = (wanted: readonly WantedFile[]): Promise<FileItem[]> =>
  lastValueFrom(host.leaf.exchange(fileRoutes.read, undefined, wanted).pipe(toArray()));
/** As a caller may ask that is of a later version, or hostile. */
const unknownHash = { hash: 'nope' as 'sha256' };

async function itemsFrom(root: RootFolder, wanted: WantedFile): Promise<(FileItem | FileRegion)[]> {
  const items: (FileItem | FileRegion)[] = [];
  const one = async function* (): AsyncGenerator<WantedFile> {
    yield wanted;
  };
  for await (const item of filesOf(root, one())) items.push(item);
  return items;
}

// The pace of the disk is measured with a clock that stands still: a busy machine is not taken for a slow disk.
let clock: number;

function stopClock(): void {
  clock = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => clock);
}

/** Makes the next files go through the thread pool, as those of a slow disk do. */
function slowDisk(): void {
  diskPace.measure(() => {
    clock += 12;
  });
}

/** Leaves that state behind. */
function quickDisk(): void {
  while (!diskPace.takeQuick());
}

describe('a path that no item can carry', () => {
  const kindsOf = async (wanted: Omit<WantedFile, 'path'> & { readonly path?: string }): Promise<string[]> => {
    // The last one shows that the stream goes on.
    const items = await ask([{ path: 'a', ...wanted }, { path: 'a' }]);
    return items.map((item) => (item.kind === 'error' ? item.code : item.kind));
  };
  const last = ['header', 'data', 'end'];

  beforeEach(() => {
    mkdirSync(served('sub/empty'), { recursive: true });
    for (const path of ['a', 'large', 'sub/1', 'sub/long']) writeFileSync(served(path), someBytes(10));
    writeFileSync(served('large'), someBytes(100_000));
  });

  it.each([
    ['x'.repeat(maxPathBytes + 1), 'file-path'],
    ['x/'.repeat(129), 'file-path'],
    ['', 'file-path'],
    ['a\0', 'file-path'],
    ['../a', 'file-outside-root'],
    ['/a', 'file-outside-root'],
    ['a/', 'file-not-regular'],
  ])('fails only its file: %j', async (as, code) => {
    for (const path of ['a', 'large']) expect(await kindsOf({ path, as })).toStrictEqual([code, ...last]);
  });

  it('ends with a slash', async () => {
    for (const path of ['a/', 'large//']) expect(await kindsOf({ path })).toStrictEqual(['file-not-regular', ...last]);
    expect(await kindsOf({ path: 'a/', as: 'b' })).toStrictEqual([...last, ...last]);
  });

  it.each([{}, { hash: 'sha256' as const }])(
    'fails those files of a folder whose paths would become too long, with %j',
    async (more) => {
      // Long enough for "1", and not for "long" or "empty/".
      const as = 'x/'.repeat(100) + 'x'.repeat(maxPathBytes - 202);
      const items = await kindsOf({ path: 'sub', recursive: true, as, ...more });
      expect(items.slice(0, -3).sort()).toStrictEqual(
        ('hash' in more ? ['data', 'end', 'header'] : ['pack']).concat('file-path', 'file-path').sort(),
      );
      expect(await kindsOf({ path: 'sub', recursive: true, as: '..', ...more })).toStrictEqual([
        ...Array<string>(3).fill('file-outside-root'),
        ...last,
      ]);
      expect(await kindsOf({ path: 'sub/', recursive: true, folders: true, ...more })).toContain('end');
    },
  );
});

describe('a hash unknown to the host', () => {
  it.each([
    ['a small file', 10],
    ['a large one', 300_000],
  ])('fails only %s: the stream continues, and nothing stays open', async (_, size) => {
    writeFileSync(served('a'), someBytes(size));
    await ask([{ path: 'a' }]);
    const before = descriptors();
    const wanted: WantedFile[] = Array.from({ length: 40 }, () => ({ path: 'a', ...unknownHash }));
    const items = await ask([...wanted, { path: 'a', hash: 'sha256' }]);
    expect(items.slice(0, 40)).toStrictEqual(
      wanted.map(() => ({
        kind: 'error',
        code: 'file-io',
        message: '"a": this host does not know the hash "nope". Ask for sha256, or for none.',
      })),
    );
    expect(items[40]).toMatchObject({ kind: 'header', path: 'a', hash: 'sha256' });
    expect(items.at(-1)).toMatchObject({ kind: 'end', length: size });
    // The last one is closed when the next item is asked for, and there is none.
    while (descriptors() > before) await new Promise((resolve) => setImmediate(resolve));
  });

  it('fails each file of a folder', async () => {
    for (const name of ['a', 'b']) writeFileSync(served(name), name);
    const items = await ask([{ path: '', recursive: true, ...unknownHash }, { path: 'a' }]);
    expect(items.map(({ kind }) => kind)).toStrictEqual(['error', 'error', 'header', 'data', 'end']);
  });

  it.each([{}, { verify: true }])('is refused by the receiver with %j', async (options) => {
    const [header, ...rest] = itemsOf(someBytes(100));
    const target = join(host.local, 'a');
    const lying = from([{ ...header!, hash: '__proto__' } as FileItem, ...rest]).pipe(receiveFile(target, options));
    await expect(lastValueFrom(lying)).rejects.toBeInstanceOf(FileCorruptError);
    await expect(
      lastValueFrom(writeFile(host.leaf, 'a', [{ ...header!, hash: 'x' } as FileItem, ...rest])),
    ).rejects.toThrow('the hash "x", which this host does not know');
    expect([namesIn(host.local), namesIn(host.root)]).toStrictEqual([[], []]);
  });
});

describe.each([
  ['at once', quickDisk],
  ['through the thread pool', slowDisk],
])('a file that changes while it is read %s', (_, pace) => {
  /** Each file grows when it was opened. */
  class GrowingRoot extends RootFolder {
    override openFileSync(real: string, path: string): OpenFile {
      const file = super.openFileSync(real, path);
      appendFileSync(real, 'more');
      return file;
    }

    override async openFile(real: string, path: string): Promise<OpenFile> {
      const file = await super.openFile(real, path);
      appendFileSync(real, 'more');
      return file;
    }

    override openFolder(real: string, path: string): OpenFolder {
      const folder = super.openFolder(real, path);
      return {
        open: (name, of) => {
          const file = folder.open(name, of);
          if (name === 'a') appendFileSync(join(real, name), 'more');
          return file;
        },
        close: () => {
          folder.close();
        },
      };
    }
  }

  beforeEach(() => {
    mkdirSync(served('d'));
    for (const name of ['d/a', 'd/b']) writeFileSync(served(name), 'some text');
    stopClock();
    quickDisk();
    pace();
  });

  afterEach(() => {
    quickDisk();
    jest.restoreAllMocks();
  });

  const changed = { kind: 'error', code: 'file-changed' };

  it('is an error where it is a single small file', async () => {
    expect(await itemsFrom(new GrowingRoot(host.root), { path: 'd/a' })).toMatchObject([changed]);
  });

  it('is an error in a folder that is sent in packs', async () => {
    const items = await itemsFrom(new GrowingRoot(host.root), { path: 'd', recursive: true });
    expect(items[0]).toMatchObject(changed);
    const rest = items.slice(1);
    // By the pool each one is opened by its path, and grows.
    if (pace === slowDisk) expect(rest).toMatchObject([changed]);
    else expect(rest).toMatchObject([{ kind: 'pack', files: [{ path: 'b' }] }]);
  });

  it('is no error where it may grow', async () => {
    const root = new GrowingRoot(host.root);
    const items = await itemsFrom(root, { path: 'd/a', length: 9, growing: true });
    expect(items.map((item) => (item instanceof FileRegion ? 'region' : item.kind))).toStrictEqual([
      'header',
      'data',
      'end',
    ]);
  });
});

describe('files on a slow disk', () => {
  beforeEach(stopClock);

  afterEach(() => {
    quickDisk();
    jest.restoreAllMocks();
  });

  it('are read only by the thread pool, also empty ones', async () => {
    mkdirSync(served('d'));
    for (const [path, text] of [
      ['d/empty', ''],
      ['d/full', 'text'],
      ['empty', ''],
    ] as const)
      writeFileSync(served(path), text);
    quickDisk();
    slowDisk();
    const read = jest.spyOn(fs, 'readSync');
    const root = new RootFolder(host.root);
    const packed = (await itemsFrom(root, { path: 'd', recursive: true })).flatMap((item) =>
      'files' in item ? item.files : [],
    );
    expect(packed.map(({ path, bytes }) => `${path} ${String(bytes.length)}`).sort()).toStrictEqual([
      'empty 0',
      'full 4',
    ]);
    expect(await itemsFrom(root, { path: 'empty' })).toMatchObject([{ kind: 'header', size: 0 }, { kind: 'end' }]);
    await expect(lastValueFrom(writeFile(host.leaf, 'copy', fileRegion(served('empty'))))).resolves.toBeDefined();
    expect(read).not.toHaveBeenCalled();
  });
});

it('bytes of a file that has changed since it was opened are not passed on', async () => {
  writeFileSync(served('a'), 'some text');
  const file = new RootFolder(host.root).openFileSync(served('a'), 'a');
  const part = { path: 'a', offset: 0, length: 9, stats: file.stats };
  expect(Buffer.from(readPartSync(file.fd, part)).toString()).toBe('some text');
  const fd = openSync(served('a'), 'a');
  appendFileSync(fd, '!');
  closeSync(fd);
  expect(() => readPartSync(file.fd, part)).toThrow(FileChangedError);
  await expect(readPart(file.fd, part)).rejects.toBeInstanceOf(FileChangedError);
  file.close();
});

const procfs = existsSync('/proc/sys/kernel/random/boot_id') ? describe : describe.skip;

procfs('A file of size 0 with content', () => {
  const path = '/proc/sys/kernel/random/boot_id';
  const random = (): RootFolder => new RootFolder('/proc/sys/kernel/random');
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
  const contentOf = (items: readonly (FileItem | FileRegion)[]): string =>
    text(Buffer.concat(items.flatMap((item) => ('bytes' in item ? [item.bytes] : []))));

  beforeEach(stopClock);

  afterEach(() => {
    quickDisk();
    jest.restoreAllMocks();
  });

  it.each([
    ['at once', quickDisk],
    ['through the thread pool', slowDisk],
  ])('arrives with it, read %s', async (_, pace) => {
    quickDisk();
    pace();
    const expected = readFileSync(path, 'utf8');
    const items = await itemsFrom(random(), { path: 'boot_id', hash: 'sha256' });
    expect(items[0]).toMatchObject({ kind: 'header', size: expected.length, length: expected.length });
    expect(contentOf(items)).toBe(expected);
    const all = await itemsFrom(random(), { path: '', recursive: true });
    const packed = all.flatMap((item) => ('files' in item ? item.files : []));
    expect(text(packed.find((file) => file.path === 'boot_id')!.bytes)).toBe(expected);
  });

  it('is refused where it is long, or a region, because its length is unknown', async () => {
    const items = await itemsFrom(new RootFolder('/proc/self'), { path: 'smaps' });
    expect(items).toMatchObject([{ kind: 'error', code: 'file-io' }]);
    expect(items).toMatchObject([{ message: expect.stringContaining('has no size and more than 65536 bytes') }]);
    const sent = writeFile(host.leaf, 'copy', fileRegion(path));
    await expect(lastValueFrom(sent)).rejects.toMatchObject({ code: 'file-not-regular' });
    expect(namesIn(host.root)).toStrictEqual([]);
  });
});

it('a name that the system rejects is named in the error, with the remedy', async () => {
  const name = 'x'.repeat(300);
  expect(name.length).toBeLessThan(maxPathBytes);
  const refused = {
    code: 'file-path',
    message: expect.stringContaining('the system does not accept this name (ENAMETOOLONG)'),
  };
  await expect(lastValueFrom(readFile(host.leaf, name).pipe(fileBytes()))).rejects.toMatchObject(refused);
  for (const size of [10, 100_000]) {
    await expect(lastValueFrom(writeFile(host.leaf, name, someBytes(size)))).rejects.toBeInstanceOf(FilePathError);
  }
  await expect(lastValueFrom(readFile(host.leaf, `${name}/a`))).rejects.toBeInstanceOf(FilePathError);
  expect(namesIn(host.root)).toStrictEqual([]);
});
