import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileAccessError } from '../../../../lib/files/file-error.js';
import type { FileHeader } from '../../../../lib/files/file-item.js';
import type { PackedFile } from '../../../../lib/files/file-pack.js';
import { destinationAt, type Destination } from '../../../../lib/node/files/disk/destination.js';
import { diskPace } from '../../../../lib/node/files/disk/disk-pace.js';
import { PackReader, writePacked } from '../../../../lib/node/files/receive/pack-reader.js';
import type { ReceiveFileOptions } from '../../../../lib/node/files/receive/receive-options.js';
import type { Reception } from '../../../../lib/node/files/receive/reception.js';
import { descriptorsIn } from '../../../support/files/descriptors.js';
import { namesIn } from '../../../support/files/file-stream.js';

let folder: string;
let log: string[];

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'rxgrid-pack-')));
  log = [];
  while (!diskPace.takeQuick());
});

afterEach(() => {
  expect(descriptorsIn(folder)).toStrictEqual([]);
  rmSync(folder, { recursive: true });
});

const bytes = Uint8Array.of(1, 2, 3);
const headerOf = (path: string, more: Partial<FileHeader> = {}): FileHeader => ({
  kind: 'header',
  path,
  size: 3,
  offset: 0,
  length: 3,
  ...more,
});

function receptionOf(
  options: ReceiveFileOptions = { fsync: false },
  destinationOf: Reception['destinationOf'] = ({ path }) => destinationAt(join(folder, path)),
): Reception {
  return {
    name: ({ path }) => `the ${path}`,
    destinationOf,
    single: false,
    options,
    progressed: ({ path }, written, more) => log.push(`progressed ${path} ${String(written)} ${String(more)}`),
    done: ({ path }, written) => log.push(`done ${path} ${String(written)}`),
    failed: ({ code, path }) => log.push(`failed ${path} ${code}`),
    ended: () => log.push('ended'),
  };
}

describe('the files of a pack', () => {
  const files: PackedFile[] = [
    { path: 'a', bytes, mtime: 5, mode: 0o640 },
    { path: 'empty', bytes: new Uint8Array(0), mode: 0o600 },
    { path: 'c', bytes, mode: 0o600 },
  ];

  it('arrive one by one, in order, each as if it had a header', () => {
    const reader = new PackReader(files, undefined);
    expect(reader.next()).toStrictEqual({ header: headerOf('a', { mtime: 5, mode: 0o640 }), bytes });
    expect(reader.next()).toStrictEqual({
      header: headerOf('empty', { size: 0, length: 0, mode: 0o600 }),
      bytes: new Uint8Array(0),
    });
    expect(reader.isEmpty).toBe(false);
    expect(reader.next().header.path).toBe('c');
    expect(reader.isEmpty).toBe(true);
    expect(new PackReader([], undefined).isEmpty).toBe(true);
  });

  it('return the credit of their pack when the caller does, and not before', () => {
    let released = 0;
    const reader = new PackReader(files, () => released++);
    for (const _ of files) reader.next();
    expect(released).toBe(0);
    reader.release();
    expect(released).toBe(1);
    // A pack without a credit of its own has none to return.
    new PackReader(files, undefined).release();
  });
});

describe('a packed file', () => {
  it('is written whole, and reported', () => {
    expect(writePacked(receptionOf(), headerOf('a', { mtime: 86_400_000, mode: 0o600 }), bytes)).toBe(true);
    expect([...readFileSync(join(folder, 'a'))]).toStrictEqual([1, 2, 3]);
    const { mode, mtimeMs } = statSync(join(folder, 'a'));
    expect([mode & 0o777, Math.floor(mtimeMs)]).toStrictEqual([0o600, 86_400_000]);
    expect(log).toStrictEqual(['progressed a 3 3', 'done a 3']);
  });

  it('gets the mode requested by the receiver', () => {
    writePacked(receptionOf({ fsync: false, mode: 0o604 }), headerOf('a', { mode: 0o777 }), bytes);
    writePacked(receptionOf({ fsync: false, preserve: true }), headerOf('b', { mode: 0o4767 }), bytes);
    expect(['a', 'b'].map((name) => statSync(join(folder, name)).mode & 0o7777)).toStrictEqual([0o604, 0o767]);
  });

  it.each<[string, ReceiveFileOptions]>([
    ['is forced to the disk', {}],
    ['is forced to the disk on request', { fsync: true }],
    ['can be continued', { fsync: false, resume: true }],
    ['is continued', { fsync: false, offset: 0 }],
    ['is verified on the disk', { fsync: false, verify: true }],
  ])('that %s needs a job, and nothing is done to it here', (_, options) => {
    expect(writePacked(receptionOf(options), headerOf('a'), bytes)).toBe(false);
    expect([log, namesIn(folder)]).toStrictEqual([[], []]);
  });

  it('needs a job while the disk is slow', () => {
    diskPace.measure(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15));
    expect(writePacked(receptionOf(), headerOf('a'), bytes)).toBe(false);
    while (!diskPace.takeQuick());
    expect(writePacked(receptionOf(), headerOf('a'), bytes)).toBe(true);
  });

  it('whose folder is resolved asynchronously needs a job, which receives the failure', async () => {
    const places: (() => Promise<Destination>)[] = [
      async () => Promise.resolve(destinationAt(join(folder, 'a'))),
      async () => Promise.reject(new Error('The job receives it.')),
    ];
    for (const place of places)
      expect(writePacked(receptionOf({ fsync: false }, place), headerOf('a'), bytes)).toBe(false);
    // An unhandled rejection would fail this test.
    await new Promise((resolve) => setImmediate(resolve));
    expect([log, namesIn(folder)]).toStrictEqual([[], []]);
  });

  it('that cannot be written is reported as a FileError, and leaves nothing', () => {
    mkdirSync(join(folder, 'taken'));
    const denied = (): Destination => {
      throw new FileAccessError('No.', 'denied');
    };
    expect(writePacked(receptionOf(), headerOf('none/a'), bytes)).toBe(true);
    expect(writePacked(receptionOf(), headerOf('taken'), bytes)).toBe(true);
    expect(writePacked(receptionOf({ fsync: false }, denied), headerOf('a'), bytes)).toBe(true);
    expect(log).toStrictEqual([
      'failed the none/a file-not-found',
      'failed the taken file-not-regular',
      'failed denied file-access',
    ]);
    expect(namesIn(folder)).toStrictEqual(['taken']);
  });
});
