import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EMPTY, from, lastValueFrom, of, toArray, type Observable } from 'rxjs';
import { fileBytes, listEntries, listFiles, readFile, statFile, writeFile } from '../../lib/files/file-client.js';
import { FileNotFoundError } from '../../lib/files/file-error.js';
import type { FileItem } from '../../lib/files/file-item.js';
import { fileRoutes, type FileInfo, type ListBatch, type WriteReport } from '../../lib/files/file-routes.js';
import { maxListedEntries } from '../../lib/bounds.js';
import { removeFile } from '../../lib/files/remove-file.js';
import { itemsOf, someBytes } from '../support/files/file-stream.js';
import { all, linkedPair, type Pair } from '../support/linked-managers.js';

let hosts: Pair;
/** The requests that the host has got. */
let asked: unknown[];

beforeEach(async () => {
  hosts = await linkedPair();
  asked = [];
});

afterEach(async () => {
  await hosts.grid.close();
});

const infoOf = (path: string): FileInfo => ({ path, type: 'file', size: 1, mtime: 0, mode: 0o644 });
const missing = { code: 'file-not-found', message: 'It is not there.' };
/** The values, and then the code and the path of the error, if any. */
async function outcome(source: Observable<unknown>): Promise<unknown[]> {
  const seen: unknown[] = [];
  try {
    await lastValueFrom(source.pipe(toArray()), { defaultValue: [] }).then((values) => seen.push(...values));
  } catch (error) {
    const { code, path } = error as { code?: string; path?: string };
    seen.push(path === undefined ? String(code) : `${String(code)} of ${path}`);
  }
  return seen;
}

describe('statFile', () => {
  const stat = (path = 'a'): Promise<unknown[]> => outcome(statFile(hosts.ab, path));

  it('describes a file', async () => {
    hosts.b.handle(fileRoutes.stat, (request) => {
      asked.push(request);
      return { value: { info: infoOf('') } };
    });
    expect([await stat(), asked]).toStrictEqual([[infoOf('')], [{ path: 'a' }]]);
  });

  it('errors with the failure that the host reports, about the requested path', async () => {
    hosts.b.handle(fileRoutes.stat, () => ({ failure: missing }));
    await expect(all(statFile(hosts.ab, 'a'))).rejects.toBeInstanceOf(FileNotFoundError);
    expect(await stat('b')).toStrictEqual(['file-not-found of b']);
  });

  it('errors where the host sends no answer', async () => {
    hosts.b.handle(fileRoutes.stat, () => ({ value: {} }));
    expect(await stat()).toStrictEqual(['protocol']);
  });
});

describe('listFiles', () => {
  let batches: readonly (ListBatch | { readonly value: FileInfo } | { readonly failure: typeof missing })[];

  beforeEach(() => {
    hosts.b.handle(fileRoutes.list, (request) => {
      asked.push(request);
      return batches;
    });
  });

  const pathsOf = async (listed: Observable<FileInfo>): Promise<unknown[]> =>
    (await outcome(listed)).map((one) => (typeof one === 'string' ? one : (one as FileInfo).path));
  const list = (options?: Parameters<typeof listFiles>[2]): Promise<unknown[]> =>
    pathsOf(listFiles(hosts.ab, 'top', options));
  const lockedFolder = { path: 'locked', code: 'file-access', message: 'Denied.' };

  it('sends one request per subscription, in batches', async () => {
    batches = [{ values: [infoOf('a'), infoOf('b')] }, { values: [infoOf('c/d')] }];
    expect(await list()).toStrictEqual(['a', 'b', 'c/d']);
    await list({ recursive: true });
    expect(asked).toStrictEqual(
      [false, true].map((recursive) => ({ path: 'top', recursive, batches: true, failures: true })),
    );
  });

  it('accepts the single entries of an earlier version', async () => {
    batches = [{ value: infoOf('a') }, { value: infoOf('b') }, { failure: missing }];
    expect(await list()).toStrictEqual(['file-not-found of top']);
    batches = batches.slice(0, 2);
    expect(await list()).toStrictEqual(['a', 'b']);
  });

  it('continues after a folder that cannot be listed, and errors at the end with the first failure', async () => {
    batches = [
      { values: [infoOf('a')], failures: [lockedFolder] },
      { values: [infoOf('b')], failures: [{ ...lockedFolder, path: 'other' }] },
    ];
    const seen: string[] = [];
    const listed = listFiles(hosts.ab, 'top');
    for (let subscription = 0; subscription < 2; subscription++) {
      await new Promise<void>((resolve) => {
        listed.subscribe({
          next: ({ path }) => seen.push(path),
          error: (error: unknown) => {
            const { code, path } = error as { code: string; path: string };
            seen.push(`${code} of ${path}`);
            resolve();
          },
        });
      });
    }
    expect(seen).toStrictEqual(['a', 'b', 'file-access of locked', 'a', 'b', 'file-access of locked']);
  });

  it('emits each of these failures on request, and completes', async () => {
    batches = [{ values: [], failures: [lockedFolder, { ...lockedFolder, path: 'other' }] }, { values: [infoOf('b')] }];
    const failed: string[] = [];
    expect(await list({ unreadable: ({ code, path }) => failed.push(`${code} ${path}`) })).toStrictEqual(['b']);
    expect(failed).toStrictEqual(['file-access locked', 'file-access other']);
  });

  it.each(['../x', '/x', '', '.', 'a/../../x', 'a\0', 'x'.repeat(4_097), '.a.rxgrid-part'])(
    'refuses the entry %j, and a failure with that name',
    async (path) => {
      for (const batch of [{ values: [infoOf(path)] }, { values: [], failures: [{ ...lockedFolder, path }] }]) {
        batches = [{ values: [infoOf('a')] }, batch, { values: [infoOf('z')] }];
        const [error] = await list();
        expect(error).toMatch(/^file-(outside-root|path)/);
      }
    },
  );

  it('refuses a batch that exceeds its bound', async () => {
    batches = [{ values: Array.from({ length: maxListedEntries }, (_, n) => infoOf(String(n))) }];
    expect(await list()).toHaveLength(maxListedEntries);
    batches = [{ values: Array.from({ length: maxListedEntries + 1 }, (_, n) => infoOf(String(n))) }];
    expect(await list()).toHaveLength(1);
  });

  it('accepts a bounded number of entries, failures included, and stops a host that sends more', async () => {
    batches = [{ values: [infoOf('a')], failures: [lockedFolder] }];
    expect((await outcome(listEntries(hosts.ab, 'top', { maxEntries: 2 }))).length).toBe(2);
    batches = [...batches, { values: [infoOf('c')] }];
    expect(await outcome(listEntries(hosts.ab, 'top', { maxEntries: 2 }))).toStrictEqual(['file-io of top']);
    let yielded = 0;
    let stopped = false;
    hosts.b.handle({ ...fileRoutes.list, subroute: 'endless' }, async function* () {
      try {
        for (;;) {
          yielded++;
          yield await Promise.resolve({ values: [infoOf('a')] });
        }
      } finally {
        stopped = true;
      }
    });
    const endless = Object.create(hosts.ab, {
      stream: {
        value: (_: unknown, ...rest: unknown[]) =>
          (hosts.ab.stream as (...all: unknown[]) => unknown).call(
            hosts.ab,
            { ...fileRoutes.list, subroute: 'endless' },
            ...rest,
          ),
      },
    }) as typeof hosts.ab;
    expect(await pathsOf(listFiles(endless, 'top', { maxEntries: 100 }))).toStrictEqual(['file-io of top']);
    await hosts.grid.settle();
    expect([stopped, yielded < 1_000]).toStrictEqual([true, true]);
  });

  it('refuses a limit of zero entries at once', async () => {
    batches = [];
    expect(await list({ maxEntries: 0 })).toStrictEqual(['configuration']);
    expect(await list({ maxEntries: 1 })).toStrictEqual([]);
  });
});

describe('readFile', () => {
  const bytes = someBytes(1_000);
  let items: readonly FileItem[];

  beforeEach(() => {
    hosts.b.handle(fileRoutes.read, async function* (_, call) {
      for await (const wanted of call.input) asked.push(wanted);
      yield* items;
    });
  });

  it('requests one file, with the given options and nothing else', async () => {
    items = itemsOf(bytes, { piece: 300 });
    const read = await all(readFile(hosts.ab, 'a', { timeout: 1_000 }).pipe(fileBytes()));
    expect([Buffer.concat(read).equals(bytes), read.length]).toStrictEqual([true, 4]);
    const have = { length: 3, sha256: new Uint8Array(32) };
    await all(readFile(hosts.ab, 'a', { offset: 0, length: 5, have, hash: 'sha256' }));
    expect(asked).toStrictEqual([{ path: 'a' }, { path: 'a', offset: 0, length: 5, have, hash: 'sha256' }]);
  });

  it('errors with the failure of the file', async () => {
    items = [{ kind: 'error', ...missing }];
    expect(await outcome(readFile(hosts.ab, 'a'))).toStrictEqual(['file-not-found of a']);
  });
});

describe('writeFile', () => {
  let received: FileItem[];
  let reports: readonly WriteReport[];

  beforeEach(() => {
    received = [];
    reports = [{ kind: 'progress', files: 1, bytes: 3 }];
    hosts.b.handle(fileRoutes.write, async function* (request, call) {
      asked.push(request);
      for await (const item of call.input) received.push(structuredClone(item));
      yield* reports;
    });
  });

  const header = { kind: 'header', path: 'a', size: 3, offset: 0, length: 3 };
  const abc = [header, { kind: 'data', bytes: Uint8Array.of(1, 2, 3) }, { kind: 'end', length: 3 }];

  it.each<[string, Parameters<typeof writeFile>[2]]>([
    ['bytes', Uint8Array.of(1, 2, 3)],
    ['a Blob', new Blob([Uint8Array.of(1, 2, 3)])],
    ['items', itemsOf(Uint8Array.of(1, 2, 3))],
    ['a function', () => itemsOf(Uint8Array.of(1, 2, 3))],
    ['an Observable', from(itemsOf(Uint8Array.of(1, 2, 3)))],
  ])('sends %s', async (_, source) => {
    expect(await outcome(writeFile(hosts.ab, 'b/a', source))).toStrictEqual([{ path: 'b/a', written: 3 }]);
    expect(received).toStrictEqual(abc);
    expect(asked).toStrictEqual([{ path: 'b/a', resume: false, fsync: true }]);
  });

  it('sends large bytes and Blobs in pieces, and empty ones as no data', async () => {
    const large = someBytes(600_000);
    for (const source of [large, new Blob([Uint8Array.from(large)])]) {
      received = [];
      await outcome(writeFile(hosts.ab, 'a', source));
      const pieces = received.flatMap((item) => (item.kind === 'data' ? [item.bytes] : []));
      expect(pieces.map(({ length }) => length)).toStrictEqual([262_144, 262_144, 75_712]);
      expect(Buffer.concat(pieces).equals(large)).toBe(true);
    }
    received = [];
    await outcome(writeFile(hosts.ab, 'a', new Uint8Array(0)));
    expect(received.map(({ kind }) => kind)).toStrictEqual(['header', 'end']);
  });

  it('derives the name in the stream from the end of the path', async () => {
    for (const path of ['x/y/z', 'z', 'x/']) await outcome(writeFile(hosts.ab, path, new Uint8Array(0)));
    expect(received.flatMap((item) => (item.kind === 'header' ? [item.path] : []))).toStrictEqual(['z', 'z', 'x/']);
  });

  it('sends its options to the host, but not those of the call', async () => {
    const options = { resume: true, fsync: false, preserve: true, timeout: 1_000 };
    await outcome(writeFile(hosts.ab, 'a', new Uint8Array(0), options));
    expect(asked).toStrictEqual([{ path: 'a', resume: true, fsync: false, preserve: true }]);
  });

  it('errors with the failure that the host reports, after its progress', async () => {
    reports = [
      { kind: 'progress', files: 0, bytes: 2 },
      { kind: 'failure', path: '', code: 'file-space', message: 'The disk is full.' },
    ];
    const seen: unknown[] = [];
    await writeFile(hosts.ab, 'a', Uint8Array.of(1))
      .forEach((one) => seen.push(one))
      .catch((error: unknown) => {
        const { code, path } = error as { code: string; path: string };
        seen.push([code, path]);
      });
    expect(seen).toStrictEqual([{ path: 'a', written: 2 }, ['file-space', 'a']]);
  });

  it.each([
    ['a text', 'configuration'],
    [5, 'configuration'],
    [{ bytes: 1 }, 'configuration'],
    [undefined, 'configuration'],
    [[{ kind: 'odd' }], 'codec'],
    [[{ kind: 'data', bytes: 'abc' }], 'codec'],
    [[null], 'codec'],
  ])('refuses %j, which is not a source', async (source, code) => {
    const ended = outcome(writeFile(hosts.ab, 'a', source as never));
    // A failure is reported in a turn of its own.
    await hosts.grid.advance(1);
    expect(await ended).toStrictEqual([code]);
  });
});

describe('fileBytes', () => {
  const [header, data, end] = itemsOf(Uint8Array.of(1, 2, 3)) as [FileItem, FileItem, FileItem];
  const bytesOf = (...items: FileItem[]): Promise<unknown[]> => outcome(of(...items).pipe(fileBytes()));

  it('returns the bytes of one whole file', async () => {
    expect(await bytesOf(header, data, end)).toStrictEqual([Uint8Array.of(1, 2, 3)]);
    const [emptyHeader, emptyEnd] = itemsOf(new Uint8Array(0)) as [FileItem, FileItem];
    expect(await bytesOf(emptyHeader, emptyEnd)).toStrictEqual([]);
  });

  it.each<[string, FileItem[]]>([
    ['nothing', []],
    ['no header', [data, end]],
    ['an end alone', [end]],
    ['no end', [header, data]],
    ['too few bytes', [header, { kind: 'data', bytes: Uint8Array.of(1, 2) }, end]],
    ['too many bytes', [header, data, data, end]],
    ['bytes after the end', [header, data, end, data]],
    ['a second end', [header, data, end, end]],
    ['a second file', [header, data, end, header, data, end]],
    ['a second header', [header, header, data, end]],
    ['a pack', [{ kind: 'pack', files: [] }]],
  ])('errors where the stream has %s', async (_, items) => {
    expect((await bytesOf(...items)).at(-1)).toMatch(/^file-corrupt/);
  });

  it('errors with the failure of the file, and with that of the source', async () => {
    expect(await bytesOf(header, { kind: 'error', code: 'file-changed', message: 'x' })).toStrictEqual([
      'file-changed of a',
    ]);
    expect(await outcome(EMPTY.pipe(fileBytes()))).toStrictEqual(['file-corrupt of ']);
  });
});

describe('options', () => {
  it.each([
    ['readFile', () => readFile(hosts.ab, 'a', { hsah: 'sha256' } as object), 'Did you mean hash?'],
    [
      'readFile',
      () => readFile(hosts.ab, 'a', { somethingElse: 1 } as object),
      /options are offset, .*, hash, timeout, /,
    ],
    ['writeFile', () => writeFile(hosts.ab, 'a', new Uint8Array(), { resum: true } as object), 'Did you mean resume?'],
    ['listFiles', () => listFiles(hosts.ab, '', { recursiv: true } as object), 'Did you mean recursive?'],
    ['removeFile', () => removeFile(hosts.ab, 'a', { recursiv: true } as object), 'Did you mean recursive?'],
  ])('of %s that are unknown are refused, listing the known ones', (name, call, hint) => {
    expect(call).toThrow(hint);
    expect(call).toThrow(`${name} has no option`);
  });

  it('of readFile reach the host, including growing', async () => {
    const wanted = { offset: 1, length: 2, growing: true, hash: 'sha256' } as const;
    hosts.b.handle(fileRoutes.read, async function* (_, { input }) {
      asked.push(await lastValueFrom(input));
      yield* itemsOf(someBytes(2));
    });
    await lastValueFrom(readFile(hosts.ab, 'a', wanted));
    expect(asked).toStrictEqual([{ path: 'a', ...wanted }]);
  });
});
