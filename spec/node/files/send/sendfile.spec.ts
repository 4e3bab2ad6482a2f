import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { from, lastValueFrom, of, toArray } from 'rxjs';
import { fileItems } from '../../../../lib/files/file-codec.js';
import type { FileItem } from '../../../../lib/files/file-item.js';
import type { FileProgress } from '../../../../lib/files/file-region.js';
import { duplex, raw, type, unary } from '../../../../lib/index.js';
import { fileRegion, sendfile, type Manager } from '../../../../lib/node/index.js';
import { largestPart } from '../../../support/files/file-grid.js';
import { RealGrid } from '../../../support/real-grid.js';

const rawUpload = duplex({ name: 'rawUpload', input: raw, output: raw });
const upload = duplex({ name: 'upload', input: fileItems, output: type<string>() });
const download = duplex({ name: 'download', request: type<string>(), output: fileItems });
const rawDownload = duplex({ name: 'rawDownload', request: type<string>(), output: raw });

let grid: RealGrid;
let folder: string;

beforeEach(() => {
  grid = new RealGrid();
  folder = mkdtempSync(join(tmpdir(), 'sendfile-'));
});

afterEach(async () => {
  await grid.close();
  rmSync(folder, { recursive: true });
});

function file(name: string, size: number): { path: string; bytes: Buffer } {
  const path = join(folder, name);
  const bytes = randomBytes(size);
  writeFileSync(path, bytes);
  return { path, bytes };
}

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The hosts, and that which dials first. */
async function hosts(): Promise<{ dialer: Manager; acceptor: Manager }> {
  const [first, second] = await grid.pair();
  await first.connection(second.local).ready();
  return { dialer: first, acceptor: second };
}

/** A handler that tells the hash of all bytes at the end. */
async function* hashAll(_: unknown, call: { input: AsyncIterable<Uint8Array> }): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const bytes of call.input) hash.update(bytes);
  yield hash.digest();
}

describe.each(['one', 'the other'])('from %s side of a connection', (side) => {
  async function pair(): Promise<{ sender: Manager; receiver: Manager }> {
    const { dialer, acceptor } = await hosts();
    return side === 'one' ? { sender: dialer, receiver: acceptor } : { sender: acceptor, receiver: dialer };
  }

  test('a file is sent to a raw route as it is', async () => {
    const { sender, receiver } = await pair();
    receiver.handle(rawUpload, hashAll);
    const { path, bytes } = file('part.1', 5_000_001);
    const stream = sender.connection(receiver.local).open(rawUpload, undefined);
    const output = lastValueFrom(from(stream));
    const steps = await lastValueFrom(of(path).pipe(sendfile(stream), toArray()));
    expect(Buffer.from(await output).toString('hex')).toBe(hashOf(bytes));
    expect(steps.at(-1)).toMatchObject({ path, sent: 5_000_001, total: 5_000_001 });
  });

  test('a handler returns a region of a file', async () => {
    const { sender, receiver } = await pair();
    const { path, bytes } = file('part.1', 3_000_000);
    sender.handle(rawDownload, () => fileRegion(path, { offset: 1_000_003, length: 1_500_000 }));
    const parts = await lastValueFrom(receiver.connection(sender.local).stream(rawDownload, '').pipe(toArray()));
    expect(Buffer.concat(parts).equals(bytes.subarray(1_000_003, 2_500_003))).toBe(true);
  });
});

test('files follow each other in a stream of files, with other items between', async () => {
  const { dialer, acceptor } = await hosts();
  const a = file('a', 2_500_000);
  const b = file('b', 0);
  const c = file('c', 10);
  acceptor.handle(download, function* () {
    yield fileRegion(a.path, { hash: 'sha256', as: 'x/a' });
    yield { kind: 'error', code: 'file-not-found', message: 'none' } as const;
    yield fileRegion(b.path);
    yield fileRegion(join(folder, 'none'));
    yield fileRegion(c.path, { offset: 4 });
  });
  const items = await lastValueFrom(dialer.connection(acceptor.local).stream(download, '').pipe(toArray()));
  const got = items.map((item: FileItem) => (item.kind === 'data' ? item.bytes.length : item));
  const common = { mtime: expect.any(Number), mode: 0o644, via: expect.stringMatching(/^(kernel|pooled)$/) };
  expect(got).toStrictEqual([
    { kind: 'header', path: 'x/a', size: 2_500_000, offset: 0, length: 2_500_000, hash: 'sha256', ...common },
    largestPart,
    largestPart,
    2_500_000 - 2 * largestPart,
    { kind: 'end', length: 2_500_000, hash: expect.any(Uint8Array) },
    { kind: 'error', code: 'file-not-found', message: 'none' },
    { kind: 'header', path: 'b', size: 0, offset: 0, length: 0, ...common },
    { kind: 'end', length: 0 },
    { kind: 'error', code: 'file-not-found', message: '"none" does not exist.' },
    { kind: 'header', path: 'c', size: 10, offset: 4, length: 6, ...common },
    6,
    { kind: 'end', length: 6 },
  ]);
  const end = items[4] as { hash: Uint8Array };
  expect(Buffer.from(end.hash).toString('hex')).toBe(hashOf(a.bytes));
});

test('sendfile accepts paths, regions, handles and Blobs, and half-closes', async () => {
  const { dialer, acceptor } = await hosts();
  const sizes: number[] = [];
  acceptor.handle(upload, async function* (_, { input }) {
    for await (const item of input) if (item.kind === 'header') sizes.push(item.length);
    yield 'done';
  });
  const { path } = file('a', 100);
  const handle = await open(path);
  const stream = dialer.connection(acceptor.local).open(upload, undefined);
  const output = lastValueFrom(from(stream).pipe(toArray()));
  const sources = [path, { path, offset: 90 }, fileRegion(path, { length: 5 }), handle, new Blob(['four'])];
  const steps: FileProgress[] = await lastValueFrom(from(sources).pipe(sendfile(stream), toArray()));
  expect(await output).toStrictEqual(['done']);
  expect(sizes).toStrictEqual([100, 10, 5, 100, 4]);
  expect(steps.map(({ sent, mode }) => [sent, mode])).toStrictEqual([
    [100, expect.any(String)],
    [10, expect.any(String)],
    [5, expect.any(String)],
    [100, expect.any(String)],
    [4, 'browser'],
  ]);
  // The handle stayed open.
  expect((await handle.stat()).size).toBe(100);
  await handle.close();
});

test('a Blob is sent with its hash', async () => {
  const { dialer, acceptor } = await hosts();
  let end: FileItem | undefined;
  acceptor.handle(upload, async function* (_, { input }) {
    for await (const item of input) if (item.kind === 'end') end = item;
    yield 'done';
  });
  const bytes = file('a', 1_500_000).bytes;
  const stream = dialer.connection(acceptor.local).open(upload, undefined);
  const output = lastValueFrom(from(stream));
  await lastValueFrom(of(fileRegion(new Blob([new Uint8Array(bytes)]), { hash: 'sha256' })).pipe(sendfile(stream)));
  await output;
  const { hash } = end as { hash: Uint8Array };
  expect(Buffer.from(hash).toString('hex')).toBe(hashOf(bytes));
});

test('a region on a route without files fails, with the remedy', async () => {
  const { dialer, acceptor } = await hosts();
  const typed = duplex({ name: 'typed', request: type<string>(), input: type<unknown>(), output: type<unknown>() });
  const one = unary({ name: 'one', request: type<string>(), response: type<unknown>() });
  const { path } = file('a', 100);
  acceptor.handle(typed, () => [fileRegion(path)]);
  acceptor.handle(one, () => fileRegion(path));
  const connection = dialer.connection(acceptor.local);
  const remedy = /output: fileItems/;
  await expect(lastValueFrom(connection.open(typed, ''))).rejects.toThrow(remedy);
  await expect(lastValueFrom(connection.request(one, ''))).rejects.toThrow(remedy);
  const stream = connection.open(typed, '');
  stream.subscribe({ error: () => undefined });
  await expect(lastValueFrom(of(path).pipe(sendfile(stream)))).rejects.toThrow(remedy);
});
