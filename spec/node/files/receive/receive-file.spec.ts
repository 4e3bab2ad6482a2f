import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { concat, lastValueFrom, of, Subject, tap, throwError, toArray, type Observable, type Subscription } from 'rxjs';
import { ConfigurationError, ProtocolError } from '../../../../lib/errors.js';
import {
  FileAccessError,
  FileConflictError,
  FileCorruptError,
  FileNotFoundError,
  FileSpaceError,
  NotRegularFileError,
} from '../../../../lib/files/file-error.js';
import { encodeFileData, encodeFileEnd, encodeFileHeader, type FileItem } from '../../../../lib/files/file-item.js';
import { redeliver } from '../../../../lib/flow/redeliver.js';
import { receiveFile, type ReceiveProgress } from '../../../../lib/node/files/receive/receive-file.js';
import type { ReceiveFileOptions } from '../../../../lib/node/files/receive/receive-options.js';
import { partialFile } from '../../../../lib/node/files/disk/temporary.js';
import { messageMemoryHooks, takeMessageMemory } from '../../../../lib/transport/message-memory.js';
import { maxHeadBytes, writeHead } from '../../../../lib/wire/encode.js';
import { Op } from '../../../../lib/wire/ops.js';
import { itemsOf, namesIn, someBytes } from '../../../support/files/file-stream.js';

let folder: string;
let target: string;
const bytes = someBytes(300_000);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-receive-'));
  target = join(folder, 'target');
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('a missing folder is named, with the remedy', async () => {
  const path = join(folder, 'none', 'target');
  const message = `The folder "${join(folder, 'none')}" does not exist here. Make it first.`;
  await expect(lastValueFrom(of(...itemsOf(bytes)).pipe(receiveFile(path)))).rejects.toMatchObject({
    code: 'file-not-found',
    message,
  });
});

function receive(
  items: Iterable<FileItem | Uint8Array> | Observable<FileItem | Uint8Array>,
  options?: ReceiveFileOptions,
): Promise<ReceiveProgress[]> {
  const source = Symbol.iterator in items ? of(...items) : items;
  return lastValueFrom(source.pipe(receiveFile(target, options), toArray()));
}

const stored = (): Uint8Array => new Uint8Array(readFileSync(target));

/** Waits until the folder has these names: clean-up after an unsubscription tells nobody. */
async function untilNames(names: string[]): Promise<void> {
  while (JSON.stringify(namesIn(folder)) !== JSON.stringify(names))
    await new Promise((resolve) => setImmediate(resolve));
}

describe('receiveFile', () => {
  it.each([0, 1, 4_096, 65_536, 65_537, 300_000])('writes a file of %d bytes', async (length) => {
    const progress = await receive(itemsOf(bytes.subarray(0, length), { piece: 10_000, via: 'kernel' }));
    expect(stored()).toStrictEqual(bytes.slice(0, length));
    expect(namesIn(folder)).toStrictEqual(['target']);
    const { path, received, total, mode } = progress.at(-1)!;
    expect({ path, received, total, mode }).toStrictEqual({
      path: target,
      received: length,
      total: length,
      mode: 'kernel',
    });
    const steps = progress.map((step) => step.received);
    expect(steps).toStrictEqual([...steps].sort((a, b) => a - b));
    expect(steps.filter((step) => step === length)).toHaveLength(1);
  });

  it('releases the memory of the bytes with reuse, once they are written', async () => {
    const piece = 150_000;
    const given: number[] = [];
    const { onFree } = messageMemoryHooks;
    messageMemoryHooks.onFree = (memory) => {
      given.push(memory.length);
      onFree?.(memory);
    };
    const inMessages = itemsOf(bytes, { piece }).map((item) => {
      if (item.kind !== 'data') return item;
      const head = new Uint8Array(maxHeadBytes);
      const headBytes = writeHead(head, 0, 1, Op.MuxServerMsg, 0, item.bytes.length);
      const message = takeMessageMemory(headBytes + item.bytes.length, (size) => new Uint8Array(size));
      message.set(head.subarray(0, headBytes));
      message.set(item.bytes, headBytes);
      return { ...item, bytes: message.subarray(headBytes) };
    });
    try {
      await receive(inMessages, { fsync: false });
      expect(given).toStrictEqual([]);
      await receive(inMessages, { fsync: false, reuse: true });
    } finally {
      messageMemoryHooks.onFree = onFree;
    }
    expect(given).toHaveLength(bytes.length / piece);
    // The difference of so many bytes would take jest minutes to print.
    expect(Buffer.compare(stored(), bytes)).toBe(0);
  });

  it('accepts encoded items, as from a raw route', async () => {
    await receive([
      encodeFileHeader({ path: 'x', size: 3, offset: 0, length: 3 }),
      encodeFileData(Uint8Array.of(1, 2, 3)),
      encodeFileEnd({ length: 3 }),
    ]);
    expect(stored()).toStrictEqual(Uint8Array.of(1, 2, 3));
  });

  it('keeps the existing file until the new one is complete, and then replaces it', async () => {
    writeFileSync(target, 'before');
    const source = new Subject<FileItem>();
    const done = receive(source);
    const items = itemsOf(bytes);
    for (const item of items.slice(0, -1)) source.next(item);
    expect(readFileSync(target, 'utf8')).toBe('before');
    source.next(items.at(-1)!);
    source.complete();
    await done;
    expect(stored()).toStrictEqual(bytes);
  });

  it('replaces a symbolic link, and does not follow it', async () => {
    const other = join(folder, 'other');
    writeFileSync(other, 'other');
    symlinkSync(other, target);
    await receive(itemsOf(bytes));
    expect(readFileSync(other, 'utf8')).toBe('other');
    expect(stored()).toStrictEqual(bytes);
  });

  it('keeps the time, and the permissions allowed by the umask', async () => {
    const mtime = 1_600_000_000_123;
    await receive(itemsOf(bytes, { mtime, mode: 0o750 }));
    const stats = statSync(target);
    // Whatever the umask is: a file that the system makes has it.
    const plain = join(folder, 'plain');
    writeFileSync(plain, '', { mode: 0o750 });
    expect(Math.floor(stats.mtimeMs)).toBe(mtime);
    expect(stats.mode).toBe(statSync(plain).mode);
    await receive(itemsOf(bytes, { mode: 0o4755 }), { mode: 0o622 });
    expect(statSync(target).mode & 0o7777).toBe(0o622);
  });

  it('never sets more than permission bits', async () => {
    await receive(itemsOf(bytes, { mode: 0o6755 }));
    expect(statSync(target).mode & 0o7000).toBe(0);
  });

  it('returns the credit of bytes when they are written, and not before', async () => {
    const source = new Subject<FileItem>();
    const released: number[] = [];
    const done = receive(source);
    const items = itemsOf(bytes, { piece: 50_000 });
    const origin = {};
    items.forEach((item, index) => {
      redeliver(origin, source, item, () => released.push(index));
    });
    // Header and end need nothing of the disk; no bytes have been written within this turn.
    expect(released).toStrictEqual([0, items.length - 1]);
    source.complete();
    await done;
    expect(released.sort((a, b) => a - b)).toStrictEqual(items.map((_, index) => index));
  });

  describe('leaves nothing', () => {
    const [header, ...rest] = itemsOf(bytes, { piece: 100_000 });
    it.each<[string, readonly (FileItem | Uint8Array)[], new (...args: never[]) => Error]>([
      ['of a stream without an end', [header!, ...rest.slice(0, -1)], FileCorruptError],
      ['of an end that comes too early', [header!, rest[0]!, rest.at(-1)!], FileCorruptError],
      ['of an end that lies', [header!, ...rest.slice(0, -1), { kind: 'end', length: 1 }], FileCorruptError],
      ['of bytes beyond the length', [header!, ...rest.slice(0, -1), rest[0]!, rest.at(-1)!], FileCorruptError],
      ['of bytes without a header', rest, FileCorruptError],
      ['of an end without a header', [rest.at(-1)!], FileCorruptError],
      ['of two headers', [header!, header!], FileCorruptError],
      ['of two files', [header!, ...rest, header!, ...rest], FileCorruptError],
      ['of a part of a file', itemsOf(bytes, { size: 400_000 }), FileConflictError],
      ['of the rest of a file', itemsOf(bytes, { offset: 10, size: 300_010 }), FileConflictError],
      [
        'of an error of the sender',
        [header!, rest[0]!, { kind: 'error', code: 'file-not-found', message: '' }],
        FileNotFoundError,
      ],
      ['of an error alone', [{ kind: 'error', code: 'file-access', message: '' }], FileAccessError],
      ['of a folder', [{ kind: 'header', path: 'd/', size: 0, offset: 0, length: 0 }], NotRegularFileError],
      ['of no file', [], FileConflictError],
      ['of bytes that are no item', [Uint8Array.of(9)], ProtocolError],
    ])('%s', async (_, items, error) => {
      // After two files the first one may be whole: it is the stream that is wrong.
      await expect(receive(items)).rejects.toBeInstanceOf(error);
      expect(namesIn(folder).filter((name) => name !== 'target')).toStrictEqual([]);
      if (items.filter((item) => item === header).length !== 2) expect(namesIn(folder)).toStrictEqual([]);
    });

    it('of a source that fails', async () => {
      const cause = new Error('lost');
      await expect(
        receive(
          concat(
            of(header!, rest[0]!),
            throwError(() => cause),
          ),
        ),
      ).rejects.toBe(cause);
      expect(namesIn(folder)).toStrictEqual([]);
    });

    it('after an unsubscription', async () => {
      const source = new Subject<FileItem>();
      const written = new Promise<Subscription>((resolve) => {
        const subscription = source.pipe(receiveFile(target)).subscribe(() => {
          resolve(subscription);
        });
      });
      source.next(header!);
      source.next(rest[0]!);
      const subscription = await written;
      expect(namesIn(folder)).toHaveLength(1);
      subscription.unsubscribe();
      await untilNames([]);
      expect(source.observed).toBe(false);
    });
  });

  describe('with a hash', () => {
    const good = itemsOf(bytes, { hash: 'sha256', piece: 100_000 });
    const flip = (items: FileItem[]): FileItem[] =>
      items.map((item) => {
        if (item.kind !== 'data') return item;
        const changed = item.bytes.slice();
        changed[17]! ^= 1;
        return { kind: 'data', bytes: changed };
      });

    it('accepts matching bytes', async () => {
      await receive(good, { verify: true });
      expect(stored()).toStrictEqual(bytes);
    });

    it.each([undefined, true])('refuses other bytes before they get the name, verify %p', async (verify) => {
      writeFileSync(target, 'before');
      const options = verify === undefined ? {} : { verify };
      await expect(receive(flip(good), options)).rejects.toBeInstanceOf(FileCorruptError);
      // Nor is it kept for who continues: the wrong byte would stay.
      await expect(receive(flip(good), { ...options, resume: true })).rejects.toBeInstanceOf(FileCorruptError);
      expect(namesIn(folder)).toStrictEqual(['target']);
      expect(readFileSync(target, 'utf8')).toBe('before');
    });

    it('ignores it where verification is disabled', async () => {
      await receive(flip(good), { verify: false });
      expect(stored()).not.toStrictEqual(bytes);
    });

    it('refuses a file without one where verification is required', async () => {
      await expect(receive(itemsOf(bytes), { verify: true })).rejects.toBeInstanceOf(FileCorruptError);
      const [header, ...rest] = itemsOf(bytes);
      const unknown = { ...header!, hash: 'crc1' } as FileItem;
      await expect(receive([unknown, ...rest], { verify: true })).rejects.toBeInstanceOf(FileCorruptError);
      const announced = { ...header!, hash: 'sha256' } as FileItem;
      await expect(receive([announced, ...rest])).rejects.toBeInstanceOf(FileCorruptError);
      expect(namesIn(folder)).toStrictEqual([]);
    });
  });

  describe('resumes', () => {
    const half = 150_000;
    /** A transfer that is lost when half of the file is written. */
    const broken = async (): Promise<void> => {
      const source = new Subject<FileItem>();
      const cause = new Error('lost');
      const lost = lastValueFrom(
        source.pipe(
          receiveFile(target, { resume: true }),
          tap(() => {
            source.error(cause);
          }),
        ),
      );
      for (const item of itemsOf(bytes, { piece: half }).slice(0, 2)) source.next(item);
      await expect(lost).rejects.toBe(cause);
    };

    it('from the kept bytes', async () => {
      await broken();
      expect(namesIn(folder)).toStrictEqual(['.target.rxgrid-part']);
      const have = (await partialFile(target))!;
      expect(have.length).toBe(half);
      const progress = await receive(itemsOf(bytes.subarray(half), { offset: half }), { offset: half });
      expect(stored()).toStrictEqual(bytes);
      expect(namesIn(folder)).toStrictEqual(['target']);
      expect(progress.at(-1)).toMatchObject({ received: 300_000, total: 300_000 });
    });

    it('from before the end of the kept bytes, and from the start', async () => {
      await broken();
      await receive(itemsOf(bytes.subarray(1_000), { offset: 1_000 }), { offset: half });
      expect(stored()).toStrictEqual(bytes);
      await broken();
      await receive(itemsOf(bytes.subarray(0, 10)), { offset: half });
      expect(stored()).toStrictEqual(bytes.slice(0, 10));
    });

    it('only where the new bytes begin at most at the end of the kept ones', async () => {
      await broken();
      await expect(receive(itemsOf(bytes, { offset: half + 1 }), { offset: half })).rejects.toBeInstanceOf(
        FileConflictError,
      );
      rmSync(join(folder, '.target.rxgrid-part'));
      await expect(receive(itemsOf(bytes, { offset: half }), { offset: half })).rejects.toBeInstanceOf(
        FileConflictError,
      );
      expect(namesIn(folder)).toStrictEqual([]);
    });

    it('with one writer at a time: the newest', async () => {
      const source = new Subject<FileItem>();
      const first = receive(source, { resume: true });
      const [header, data] = itemsOf(bytes, { piece: half });
      source.next(header!);
      source.next(data!);
      const second = receive(itemsOf(bytes), { resume: true });
      await expect(first).rejects.toBeInstanceOf(FileConflictError);
      await second;
      expect(source.observed).toBe(false);
      expect(stored()).toStrictEqual(bytes);
      expect(namesIn(folder)).toStrictEqual(['target']);
    });

    it('with one writer at a time, out of many', async () => {
      const all = await Promise.allSettled(
        Array.from({ length: 5 }, () => receive(itemsOf(bytes, { piece: 10_000 }), { resume: true })),
      );
      expect(all.map(({ status }) => status)).toStrictEqual([
        ...Array.from({ length: 4 }, () => 'rejected'),
        'fulfilled',
      ]);
      expect(stored()).toStrictEqual(bytes);
    });

    it('without following a link in the place of the kept bytes', async () => {
      writeFileSync(join(folder, 'secret'), 'secret');
      symlinkSync(join(folder, 'secret'), join(folder, '.target.rxgrid-part'));
      await expect(receive(itemsOf(bytes), { resume: true })).rejects.toBeInstanceOf(NotRegularFileError);
      expect(readFileSync(join(folder, 'secret'), 'utf8')).toBe('secret');
      expect(await partialFile(target)).toBeUndefined();
    });
  });

  describe('fails', () => {
    it.each([10, 300_000])('where the target is a folder, for %d bytes', async (length) => {
      mkdirSync(target);
      await expect(receive(itemsOf(bytes.subarray(0, length)))).rejects.toBeInstanceOf(NotRegularFileError);
      await expect(receive(itemsOf(bytes.subarray(0, length)), { fsync: false })).rejects.toBeInstanceOf(
        NotRegularFileError,
      );
      expect(namesIn(folder)).toStrictEqual(['target']);
    });

    it('where the folder is missing', async () => {
      target = join(folder, 'missing/target');
      await expect(receive(itemsOf(bytes))).rejects.toBeInstanceOf(FileNotFoundError);
    });

    it('where the system denies access', async () => {
      chmodSync(folder, 0o555);
      // The superuser may write everywhere.
      const superuser = process.geteuid?.() === 0;
      if (superuser) process.seteuid!(65_534);
      try {
        await expect(receive(itemsOf(bytes))).rejects.toBeInstanceOf(FileAccessError);
      } finally {
        if (superuser) process.seteuid!(0);
        chmodSync(folder, 0o755);
      }
      expect(namesIn(folder)).toStrictEqual([]);
    });

    it('where the disk is full, and can be resumed when there is room', async () => {
      const mount = (size: string): void => {
        execFileSync('mount', ['-t', 'tmpfs', '-o', size, 'rxgrid', folder], { stdio: 'ignore' });
      };
      try {
        mount('size=256k');
      } catch {
        console.log('Skipped: mounting a small file system is not permitted here.');
        return;
      }
      try {
        await expect(receive(itemsOf(bytes, { piece: 50_000 }))).rejects.toBeInstanceOf(FileSpaceError);
        expect(namesIn(folder)).toStrictEqual([]);
        await expect(receive(itemsOf(bytes, { piece: 50_000 }), { resume: true })).rejects.toBeInstanceOf(
          FileSpaceError,
        );
        expect(namesIn(folder)).toStrictEqual(['.target.rxgrid-part']);
        mount('remount,size=1m');
        const { length } = (await partialFile(target))!;
        expect(length).toBeGreaterThan(100_000);
        await receive(itemsOf(bytes.subarray(length), { offset: length }), { offset: length });
        expect(stored()).toStrictEqual(bytes);
      } finally {
        execFileSync('umount', [folder]);
      }
    });

    it.each([{ resum: true }, { verify: 'yes' }, { offset: -1 }, { offset: 1.5 }, { mode: 0o1000 }, { mode: -1 }])(
      'for %p',
      (options) => {
        expect(() => receiveFile(target, options as object)).toThrow(ConfigurationError);
      },
    );
  });

  it('writes at offsets above 2^32', async () => {
    const offset = 2 ** 32 + 7;
    const part = join(folder, '.target.rxgrid-part');
    writeFileSync(part, '');
    execFileSync('truncate', ['-s', String(offset), part]);
    const [tail] = [bytes.subarray(0, 1_000)];
    await receive(itemsOf(tail, { offset, piece: 300 }), { offset, fsync: false });
    expect(statSync(target).size).toBe(offset + 1_000);
    const end = execFileSync('tail', ['-c', '1000', target]);
    expect(new Uint8Array(end)).toStrictEqual(tail.slice());
  });
});
