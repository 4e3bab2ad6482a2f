import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RegionOptions } from '../../../../lib/files/file-region.js';
import { HeldFolder } from '../../../../lib/node/files/disk/held-folder.js';
import { openInSync } from '../../../../lib/node/files/disk/open-in.js';
import { SourceFile } from '../../../../lib/node/files/send/source-file.js';
import { descriptorsIn, untilClosed } from '../../../support/files/descriptors.js';

let folder: string;
let path: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'rxgrid-source-')));
  path = join(folder, 'file');
  writeFileSync(path, '0123456789', { mode: 0o640 });
  utimesSync(path, 1, 1.9995);
});

afterEach(async () => {
  // Whatever happens to a file, it is closed.
  await untilClosed(folder);
  rmSync(folder, { recursive: true });
});

const opened = async (options: RegionOptions = {}, file = path): Promise<SourceFile> =>
  SourceFile.open(file, file, options);
const codeOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    (value) => value,
    (error: unknown) => (error as { code?: string }).code,
  );
/** Opens the file, changes it, and checks it. The result is undefined, or the code of the error. */
async function changed(change: () => void, options: RegionOptions = {}): Promise<unknown> {
  const file = await opened(options);
  try {
    change();
    return await codeOf(file.checkUnchanged());
  } finally {
    file.close();
  }
}

describe('a file to be sent', () => {
  it('is described as of its opening', async () => {
    const file = await opened();
    const { size, offset, length, mtime, permissions } = file;
    expect({ size, offset, length, mtime, permissions }).toStrictEqual({
      size: 10,
      offset: 0,
      length: 10,
      mtime: 1_999,
      permissions: 0o640,
    });
    file.close();
  });

  it('has a valid time where its own is before the epoch', async () => {
    utimesSync(path, new Date(-5_000), new Date(-5_000));
    const file = await opened();
    expect(file.mtime).toBe(0);
    file.close();
  });

  it.each<[RegionOptions, number, number]>([
    [{ offset: 3 }, 3, 7],
    [{ offset: 3, length: 2 }, 3, 2],
    [{ length: 10 }, 0, 10],
    [{ offset: 10 }, 10, 0],
    [{ offset: 4, length: 6 }, 4, 6],
  ])('has the region %j', async (options, offset, length) => {
    const file = await opened(options);
    expect([file.offset, file.length]).toStrictEqual([offset, length]);
    file.close();
  });

  it.each([
    { offset: 11 },
    { length: 11 },
    { offset: 4, length: 7 },
    { offset: -1 },
    { length: -1 },
    { offset: 0.5 },
    { offset: NaN },
    { length: Infinity },
  ])('has no region %j', async (options) => {
    await expect(opened(options)).rejects.toThrow(/has 10 bytes, and the region .* is not within them/);
  });

  it('is a regular file: folders, FIFOs and devices are refused without waiting', async () => {
    execFileSync('mkfifo', [join(folder, 'fifo')]);
    for (const other of [folder, join(folder, 'fifo'), '/dev/null']) {
      expect(await codeOf(opened({}, other))).toBe('file-not-regular');
    }
    expect(await codeOf(opened({}, join(folder, 'none')))).toBe('file-not-found');
  });

  it('may be given as a link by the user', async () => {
    symlinkSync('file', join(folder, 'link'));
    const file = await opened({}, join(folder, 'link'));
    expect(file.size).toBe(10);
    file.close();
  });

  it('has a size: one of procfs would arrive empty', async () => {
    expect(await codeOf(opened({}, '/proc/self/status'))).toBe('file-not-regular');
    writeFileSync(path, '');
    const empty = await opened();
    expect(empty.length).toBe(0);
    empty.close();
  });
});

describe('a change of the file', () => {
  it('is not reported where nothing was written', async () => {
    const untouched = (): void => undefined;
    expect(await changed(untouched)).toBeUndefined();
    // The file that is sent is still whole where another one has got its name.
    writeFileSync(`${path}.new`, 'new');
    expect(await changed(() => renameSync(`${path}.new`, path))).toBeUndefined();
  });

  it('is detected where only the time of the inode has changed, whose cause is unknown', async () => {
    expect(await changed(() => chmodSync(path, 0o600))).toBe('file-changed');
    expect(await changed(() => renameSync(path, `${path}.moved`))).toBe('file-changed');
  });

  it.each<[string, () => void]>([
    ['it grows', () => appendFileSync(path, 'x')],
    ['it shrinks', () => truncateSync(path, 9)],
    ['it is rewritten', () => writeFileSync(path, 'abcdefghij')],
    [
      'it is rewritten, and its time set back',
      () => {
        writeFileSync(path, 'abcdefghij');
        utimesSync(path, 1, 1.9995);
      },
    ],
  ])('is detected where %s', async (_, change) => {
    expect(await changed(change)).toBe('file-changed');
    writeFileSync(path, '0123456789');
    expect(await changed(change, { offset: 2, length: 3 })).toBe('file-changed');
  });

  it('is no error for a file that may grow, unless the region is cut off', async () => {
    const growing = { growing: true, length: 5 };
    expect(await changed(() => appendFileSync(path, 'x'), growing)).toBeUndefined();
    expect(await changed(() => truncateSync(path, 5), growing)).toBeUndefined();
    expect(await changed(() => truncateSync(path, 4), growing)).toBe('file-changed');
    writeFileSync(path, '0123456789');
    expect(await changed(() => truncateSync(path, 9), { ...growing, offset: 5 })).toBe('file-changed');
  });

  it('is detected at once where the region is cut off', async () => {
    const file = await opened({ offset: 2, length: 6 });
    file.checkLength();
    truncateSync(path, 8);
    file.checkLength();
    truncateSync(path, 7);
    expect(() => file.checkLength()).toThrow('was truncated while it was sent');
    file.close();
  });

  it('counts from the opening for a peer, not from the creation of the region', async () => {
    const held = new HeldFolder(folder);
    const handle = openInSync(held, 'file', 'file');
    held.close();
    appendFileSync(path, 'x');
    const file = await SourceFile.open(handle, path, {});
    expect(file.size).toBe(10);
    expect(await codeOf(file.checkUnchanged())).toBe('file-changed');
    file.close();
    handle.close();
  });
});

describe('a handle of the caller', () => {
  it('stays open when the file was sent, and when it cannot be', async () => {
    const handle = await open(path, 'r');
    const file = await SourceFile.open(handle, path, {});
    expect(file.fd).toBe(handle.fd);
    file.close();
    expect(await codeOf(SourceFile.open(handle, path, { offset: 11 }))).toBe('file-io');
    expect((await handle.read(Buffer.alloc(4), 0, 4, 0)).bytesRead).toBe(4);
    await handle.close();
  });

  it('is retained once and released once, on success and failure', async () => {
    const fd = openSync(path, 'r');
    let [retained, released] = [0, 0];
    const handle = { fd, retain: () => retained++, release: () => released++ };
    const file = await SourceFile.open(handle, path, {});
    expect([retained, released]).toStrictEqual([1, 0]);
    file.close();
    expect([retained, released]).toStrictEqual([1, 1]);
    await codeOf(SourceFile.open(handle, path, { offset: 11 }));
    expect([retained, released]).toStrictEqual([2, 2]);
    closeSync(fd);
  });

  it('is not read once closed: its number may be that of another file', async () => {
    const handle = await open(path, 'r');
    const file = await SourceFile.open(handle, path, {});
    await handle.close();
    const other = openSync('/dev/null', 'r');
    expect(() => file.fd).toThrow('was closed while the file was sent');
    expect(() => file.checkLength()).toThrow('was closed while the file was sent');
    closeSync(other);
    expect(await codeOf(SourceFile.open(handle, path, {}))).toBe('file-io');
  });

  it('is refused for a folder, and not closed', async () => {
    mkdirSync(join(folder, 'sub'));
    const handle = await open(join(folder, 'sub'), 'r');
    expect(await codeOf(SourceFile.open(handle, 'sub', {}))).toBe('file-not-regular');
    expect(descriptorsIn(folder)).toStrictEqual([join(folder, 'sub')]);
    await handle.close();
  });
});
