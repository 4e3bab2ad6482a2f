import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  appendFileSync,
  closeSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { firstValueFrom, from, lastValueFrom, of, Subject, take, takeUntil, toArray } from 'rxjs';
import type { FileItem } from '../../../../lib/files/file-item.js';
import type { FileProgress } from '../../../../lib/files/file-region.js';
import type { Delivery, LeafConnection } from '../../../../lib/index.js';
import { fileRegion, sendfile, type Manager, type SocketOptions } from '../../../../lib/node/index.js';
import {
  download,
  echo,
  FileGrid,
  hashOf,
  kindOf,
  largestPart,
  rawDownload,
  rawUpload,
  upload,
} from '../../../support/files/file-grid.js';

const mebibyte = 1 << 20;

let grid: FileGrid;
let host: Manager;
let leaf: LeafConnection;

beforeEach(() => {
  grid = new FileGrid();
});

afterEach(async () => {
  await grid.close();
});

async function start(options: SocketOptions): Promise<void> {
  host = await grid.host(options);
  leaf = await grid.leaf(host);
}

/** The connection still works. */
async function expectAlive(): Promise<void> {
  const answer = await firstValueFrom(leaf.request(echo, Uint8Array.of(1, 2, 3)));
  expect([...answer]).toStrictEqual([1, 2, 3]);
}

/** Items of a download that stands still after the first four, until `go`. */
interface HeldDownload {
  readonly items: FileItem[];
  readonly held: Promise<void>;
  readonly end: Promise<void>;
  go(): void;
}

function heldDownload(name = ''): HeldDownload {
  const items: FileItem[] = [];
  const waiting: Delivery<FileItem>[] = [];
  const full = new Subject<void>();
  let going = false;
  const end = new Promise<void>((resolve, reject) => {
    leaf.stream(download, name).deliveries.subscribe({
      next: (delivery) => {
        const { value } = delivery;
        items.push(value.kind === 'data' ? { kind: 'data', bytes: value.bytes.slice() } : value);
        if (going) delivery.release();
        else if (waiting.push(delivery) === 4) full.next();
      },
      error: reject,
      complete: resolve,
    });
  });
  return {
    items,
    held: firstValueFrom(full),
    end,
    go: () => {
      going = true;
      for (const delivery of waiting) delivery.release();
    },
  };
}

function bytesOf(items: readonly FileItem[]): Uint8Array[] {
  return items.flatMap((item) => (item.kind === 'data' ? [item.bytes] : []));
}

describe.each([
  ['kernel', {}],
  ['pooled', { kernelSendfile: false }],
] as const)('in %s mode', (mode, options) => {
  let steps: FileProgress[];

  beforeEach(async () => {
    await start(options);
    steps = [];
  });

  function serve(path: string, region: object = {}): void {
    host.handle(download, () => fileRegion(path, { ...region, progress: (step) => steps.push(step) }));
  }

  test('a truncated file ends with an error at both ends, and the connection survives', async () => {
    const { path } = grid.file('a', 6 * mebibyte);
    serve(path);
    const { items, held, go, end } = heldDownload();
    await held;
    truncateSync(path, mebibyte);
    go();
    await end;
    expect(items.at(-1)).toStrictEqual({
      kind: 'error',
      code: 'file-changed',
      message: '"a" was truncated while it was sent. Send it again; replace files by renaming, not in place.',
    });
    expect(steps.at(-1)).toMatchObject({ mode, sent: 3 * largestPart });
    await expectAlive();
  });

  test('a file that grows, or is written in place, ends with an error', async () => {
    const { path } = grid.file('a', 5 * mebibyte);
    serve(path);
    for (const change of [() => appendFileSync(path, 'more'), () => utimesSync(path, 1, 1)]) {
      const { items, held, go, end } = heldDownload();
      await held;
      change();
      go();
      await end;
      expect(items.at(-1)).toMatchObject({ kind: 'error', code: 'file-changed' });
    }
    await expectAlive();
  });

  test.each<[string, (path: string) => void]>([
    [
      'rewritten in place and appended to',
      (path) => {
        const fd = openSync(path, 'r+');
        writeSync(fd, Buffer.alloc(5 * mebibyte, 'B'), 0);
        writeSync(fd, Buffer.alloc(10, 'B'), 0, 10, 5 * mebibyte);
        closeSync(fd);
      },
    ],
    [
      'rewritten in place, with its old time',
      (path) => {
        const { atime, mtime } = statSync(path);
        const fd = openSync(path, 'r+');
        writeSync(fd, Buffer.alloc(mebibyte, 'B'), 0);
        closeSync(fd);
        utimesSync(path, atime, mtime);
      },
    ],
  ])('a region of known length of a file that is %s is not delivered as whole', async (_, rewrite) => {
    const { path } = grid.file('a', 5 * mebibyte);
    utimesSync(path, 1_600_000_000, 1_600_000_000);
    serve(path, { length: 5 * mebibyte });
    const { items, held, go, end } = heldDownload();
    await held;
    rewrite(path);
    go();
    await end;
    expect(items.at(-1)).toMatchObject({ kind: 'error', code: 'file-changed' });
  });

  test('a region of a growing file is allowed with the option for it', async () => {
    const { path, bytes } = grid.file('a', 5 * mebibyte);
    serve(path, { length: 5 * mebibyte, growing: true });
    const { items, held, go, end } = heldDownload();
    await held;
    appendFileSync(path, 'more');
    go();
    await end;
    expect(items.at(-1)).toStrictEqual({ kind: 'end', length: 5 * mebibyte });
    expect(hashOf(...bytesOf(items))).toBe(hashOf(bytes));
  });

  test.each(['replaced', 'deleted'])('a file that is %s is sent in its original state', async (how) => {
    const { path, bytes } = grid.file('a', 5 * mebibyte);
    serve(path);
    const { items, held, go, end } = heldDownload();
    await held;
    if (how === 'deleted') rmSync(path);
    else renameSync(grid.file('b', 10).path, path);
    go();
    await end;
    expect(items.at(-1)).toStrictEqual({ kind: 'end', length: 5 * mebibyte });
    expect(hashOf(...bytesOf(items))).toBe(hashOf(bytes));
  });

  test('offsets above 2^32, in a sparse file', async () => {
    const path = join(grid.folder, 'sparse');
    const at = 2 ** 32 + 12_345;
    const mark = Buffer.from('here');
    const handle = await open(path, 'w');
    await handle.write(mark, 0, mark.length, at);
    await handle.truncate(5 * 2 ** 30);
    await handle.close();
    const region = { offset: 2 ** 32 - mebibyte, length: 3 * mebibyte };
    serve(path, region);
    const items = await lastValueFrom(leaf.stream(download, '').pipe(toArray()));
    expect(items[0]).toMatchObject({ size: 5 * 2 ** 30, ...region });
    const bytes = Buffer.concat(bytesOf(items));
    expect(bytes.indexOf(mark)).toBe(at - region.offset);
    expect(bytes.length).toBe(region.length);
    expect(steps.at(-1)).toMatchObject({ mode, sent: region.length });
  });

  test('a cancel between frames leaves the connection unchanged', async () => {
    const { path, bytes } = grid.file('a', 20 * mebibyte);
    serve(path);
    host.handle(rawDownload, () => fileRegion(path));
    const descriptors = readdirSync('/proc/self/fd').length;
    for (let count = 1; count <= 4; count++) {
      const parts = await lastValueFrom(leaf.stream(rawDownload, '').pipe(take(count), toArray()));
      const got = Buffer.concat(parts);
      expect(bytes.subarray(0, got.length).equals(got)).toBe(true);
    }
    const items = await lastValueFrom(leaf.stream(download, '').pipe(toArray()));
    expect(hashOf(...bytesOf(items))).toBe(hashOf(bytes));
    await expectAlive();
    await untilDescriptors(descriptors);
  });

  test('calls run during a transfer, and neither corrupts the other', async () => {
    const { path, bytes } = grid.file('a', 30 * mebibyte);
    serve(path);
    let coming = true as boolean;
    const items = lastValueFrom(leaf.stream(download, '').pipe(toArray())).finally(() => (coming = false));
    let calls = 0;
    while (coming) {
      await expectAlive();
      calls++;
    }
    expect(hashOf(...bytesOf(await items))).toBe(hashOf(bytes));
    expect(calls).toBeGreaterThan(0);
    // Beside others the frames are smaller.
    expect((await items).length).toBeGreaterThan(32);
  });

  test('a peer killed at any byte: the sender releases everything, and the next connection works', async () => {
    const { path, bytes } = grid.file('a', 8 * mebibyte);
    serve(path);
    await lastValueFrom(leaf.stream(download, ''));
    const descriptors = readdirSync('/proc/self/fd').length;
    for (let count = 0; count < 12; count++) {
      const doomed = await grid.doomedLeaf(host);
      let left = Math.floor((count * bytes.length) / 12);
      const error = await new Promise((resolve) => {
        doomed.leaf.stream(download, '').subscribe({
          next: (item) => {
            if (item.kind === 'data') left -= item.bytes.length;
            // In the middle of what is on its way.
            if (left <= 0) doomed.kill();
          },
          error: resolve,
        });
      });
      expect(kindOf(error)).toBe('DisconnectedError disconnected');
      doomed.leaf.close();
    }
    const items = await lastValueFrom(leaf.stream(download, '').pipe(toArray()));
    expect(hashOf(...bytesOf(items))).toBe(hashOf(bytes));
    await untilDescriptors(descriptors);
  });

  test('stalled receivers use little memory, and no threads', async () => {
    const { path } = grid.file('a', 40 * mebibyte);
    host.handle(rawDownload, () => fileRegion(path, { progress: (step) => steps.push(step) }));
    const before = process.memoryUsage().arrayBuffers;
    const stops = new Subject<void>();
    const full = Array.from({ length: 8 }, () => {
      let held = 0;
      return new Promise<void>((resolve) => {
        const { deliveries } = leaf.stream(rawDownload, '');
        // Nothing is released.
        deliveries.pipe(takeUntil(stops)).subscribe(() => {
          if (++held === 4) resolve();
        });
      });
    });
    await Promise.all(full);
    // The threads of the pool are free.
    await Promise.all(Array.from({ length: 8 }, () => stat(path)));
    await expectAlive();
    // What the receivers hold is theirs, in this process too: four items each.
    const grown = process.memoryUsage().arrayBuffers - before - 8 * 4 * mebibyte;
    expect(grown).toBeLessThan(32 * mebibyte);
    stops.next();
  });

  test('a handle may be closed while its file is sent', async () => {
    const { path } = grid.file('a', 8 * mebibyte);
    const handle = await open(path);
    host.handle(download, () => fileRegion(handle));
    const { items, held, go, end } = heldDownload();
    await held;
    await handle.close();
    go();
    await end;
    expect(items.at(-1)).toMatchObject({ kind: 'error', code: 'file-io' });
    await expectAlive();
  });
});

/** Files are closed a little later. */
async function untilDescriptors(count: number): Promise<void> {
  while (readdirSync('/proc/self/fd').length > count) await new Promise(setImmediate);
}

describe('a file that cannot be read', () => {
  beforeEach(() => start({}));

  const refused = [
    ['is not there', 'FileNotFoundError file-not-found', (folder: string) => join(folder, 'none')],
    ['is a folder', 'NotRegularFileError file-not-regular', (folder: string) => folder],
    ['is a device', 'NotRegularFileError file-not-regular', () => '/dev/zero'],
  ] as const;

  test.each(refused)('%s: sendfile fails, after the other side was informed', async (_, kind, pathIn) => {
    const received: FileItem[] = [];
    const ended = new Promise<string>((resolve) => {
      host.handle(upload, async function* (_request, { input }) {
        try {
          for await (const item of input) received.push(item);
        } catch (error) {
          resolve(kindOf(error));
        }
        yield 'done';
      });
    });
    const stream = leaf.open(upload, undefined);
    const output = lastValueFrom(from(stream)).catch(kindOf);
    const sent = lastValueFrom(of(pathIn(grid.folder)).pipe(sendfile(stream))).catch(kindOf);
    expect(await sent).toBe(kind);
    expect(await output).toBe(kind);
    expect(await ended).toBe('CancelledError cancelled');
    expect(received).toMatchObject([{ kind: 'error', code: kind.split(' ')[1] }]);
    await expectAlive();
  });

  test('does not stop the others with `failed`', async () => {
    const { path } = grid.file('a', 10);
    const kinds: string[] = [];
    host.handle(upload, async function* (_request, { input }) {
      for await (const item of input) kinds.push(item.kind);
      yield 'done';
    });
    const failures: string[] = [];
    const failed = (file: string, error: unknown): void => void failures.push(`${file}: ${kindOf(error)}`);
    const stream = leaf.open(upload, undefined);
    stream.ignoreOutput();
    await lastValueFrom(from([join(grid.folder, 'none'), path]).pipe(sendfile(stream, { failed })));
    await stream.ended;
    expect(kinds).toStrictEqual(['error', 'header', 'data', 'end']);
    expect(failures).toStrictEqual([`${join(grid.folder, 'none')}: FileNotFoundError file-not-found`]);
  });

  test('fails the stream on a raw route', async () => {
    host.handle(rawDownload, () => fileRegion(join(grid.folder, 'none')));
    const got = await lastValueFrom(leaf.stream(rawDownload, '')).catch(kindOf);
    expect(got).toBe('RemoteError internal');
    await expectAlive();
  });

  test('fails for a region beyond the file', async () => {
    const { path } = grid.file('a', 10);
    host.handle(rawUpload, (_, { input }) => input);
    for (const region of [{ offset: 11 }, { offset: 5, length: 6 }]) {
      const stream = leaf.open(rawUpload, undefined);
      const output = lastValueFrom(from(stream)).catch(kindOf);
      const sent = await lastValueFrom(of({ path, ...region }).pipe(sendfile(stream))).catch(kindOf);
      expect([sent, await output]).toStrictEqual(['FileIoError file-io', 'FileIoError file-io']);
    }
  });

  test.each([
    [{ offset: -1 }, 'fileRegion: offset must be'],
    [{ length: 0.5 }, 'fileRegion: length must be'],
    [{ ofset: 1 }, 'fileRegion has no option ofset. Did you mean offset?'],
    [{ hash: 'md5' }, "fileRegion: hash must be 'sha256'"],
  ])('refuses an invalid option when the region is created: %j', (options, text) => {
    expect(() => fileRegion('a', options as object)).toThrow(text);
    expect(() => fileRegion(new Blob(['a']), options as object)).toThrow(text);
  });

  const ifRoot = process.geteuid?.() === 0 ? test : test.skip;
  ifRoot('that the system denies', async () => {
    const { path } = grid.file('a', 10);
    writeFileSync(path, 'secret', { mode: 0o600 });
    host.handle(download, () => fileRegion(path));
    // The folder is this user's alone.
    process.seteuid!(65_534);
    try {
      const items = await lastValueFrom(leaf.stream(download, '').pipe(toArray()));
      expect(items).toMatchObject([{ kind: 'error', code: 'file-access' }]);
    } finally {
      process.seteuid!(0);
    }
  });
});
