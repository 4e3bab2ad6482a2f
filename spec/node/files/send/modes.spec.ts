import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstValueFrom, from, lastValueFrom, of, take, toArray } from 'rxjs';
import type { FileProgress } from '../../../../lib/files/file-region.js';
import type { LeafConnection } from '../../../../lib/index.js';
import { fileRegion, sendfile, type Manager, type SocketOptions, type TlsOptions } from '../../../../lib/node/index.js';
import {
  echo,
  FileGrid,
  hashOf,
  kindOf,
  largestPart,
  rawDownload,
  rawUpload,
} from '../../../support/files/file-grid.js';

const size = 3_000_000;

let grid: FileGrid;
let path: string;
let bytes: Buffer;

beforeEach(() => {
  grid = new FileGrid();
  ({ path, bytes } = grid.file('a', size));
});

afterEach(async () => {
  await grid.close();
});

function pem(name: string): string {
  return readFileSync(join(__dirname, '../../../support/tls', name), 'utf8');
}

async function down(host: Manager, leaf: LeafConnection, region: object = {}): Promise<FileProgress> {
  let last: FileProgress | undefined;
  host.handle(rawDownload, () => fileRegion(path, { ...region, progress: (step) => (last = step) }));
  const parts = await lastValueFrom(leaf.stream(rawDownload, '').pipe(toArray()));
  expect(hashOf(...parts)).toBe(hashOf(bytes));
  return last!;
}

async function up(host: Manager, leaf: LeafConnection): Promise<FileProgress> {
  const parts: Uint8Array[] = [];
  host.handle(rawUpload, async function* (_, { input }) {
    for await (const part of input) parts.push(part.slice());
    yield Uint8Array.of(1);
  });
  const stream = leaf.open(rawUpload, undefined);
  stream.ignoreOutput();
  const last = await lastValueFrom(of(path).pipe(sendfile(stream)));
  await stream.ended;
  expect(hashOf(...parts)).toBe(hashOf(bytes));
  return last;
}

const all = { path: expect.any(String), sent: size, total: size, rate: expect.any(Number) };
const tls: TlsOptions = { key: pem('key.pem'), cert: pem('cert.pem'), ca: pem('cert.pem') };

describe('the mode of a transfer', () => {
  test('is kernel at the acceptor of the connection', async () => {
    const host = await grid.host();
    const last = await down(host, await grid.leaf(host));
    expect(last).toStrictEqual({ ...all, mode: 'kernel', reason: undefined, copied: expect.any(Number) });
    expect(last.copied).toBeLessThan(size / 4);
  });

  test('is kernel at a dialer with a mask of zeros', async () => {
    const host = await grid.host();
    const last = await up(host, await grid.leaf(host, { zeroMask: true }));
    expect(last).toStrictEqual({ ...all, mode: 'kernel', reason: undefined, copied: expect.any(Number) });
  });

  const pooled: [string, RegExp, (host: SocketOptions) => Promise<FileProgress>, SocketOptions][] = [
    ['from who dialed', /masks/, async () => grid.host().then(async (host) => up(host, await grid.leaf(host))), {}],
    [
      'where the host is told so',
      /kernelSendfile/,
      async (options) => grid.host(options).then(async (host) => down(host, await grid.leaf(host))),
      { kernelSendfile: false },
    ],
    [
      'over TLS, down',
      /TLS/,
      async (options) => grid.host(options).then(async (host) => down(host, await grid.leaf(host, { tls }))),
      { tls },
    ],
    [
      'over TLS, up, whatever the mask',
      /TLS/,
      async (options) =>
        grid.host(options).then(async (host) => up(host, await grid.leaf(host, { tls, zeroMask: true }))),
      { tls },
    ],
    [
      'with a hash',
      /hash/,
      async () => grid.host().then(async (host) => down(host, await grid.leaf(host), { hash: 'sha256' })),
      {},
    ],
  ];
  test.each(pooled)('is pooled, %s, with the reason', async (_, reason, run, options) => {
    const last = await run(options);
    expect(last).toStrictEqual({ ...all, mode: 'pooled', reason: expect.stringMatching(reason), copied: size });
  });
});

describe('at the dialer', () => {
  test.each([
    ['masked', {}],
    ['with a mask of zeros', { zeroMask: true }],
  ])('%s: a handler that ends early ends the sending with an error', async (_, options) => {
    const host = await grid.host();
    let left = 0;
    host.handle(rawUpload, async function* (_request, { input }) {
      for await (const part of input) {
        left -= part.length;
        if (left <= 0) break;
      }
      // The handler ends in the middle of what it is sent.
      yield* [];
    });
    const leaf = await grid.leaf(host, options);
    for (left of [1, 1_500_000, 2_999_999]) {
      const stream = leaf.open(rawUpload, undefined);
      stream.ignoreOutput();
      const big = grid.file('big', 12 << 20).path;
      expect(await lastValueFrom(of(big).pipe(sendfile(stream))).catch(kindOf)).toBe('CancelledError cancelled');
    }
    const answer = await firstValueFrom(leaf.request(echo, Uint8Array.of(5)));
    expect([...answer]).toStrictEqual([5]);
  });

  test.each([
    ['masked', {}],
    ['with a mask of zeros', { zeroMask: true }],
  ])('%s: unsubscribing cancels between frames', async (_, options) => {
    const host = await grid.host();
    const ended = new Promise<string>((resolve) => {
      host.handle(rawUpload, async function* (_request, { input }) {
        try {
          for await (const part of input) expect(part.length).toBe(largestPart);
        } catch (error) {
          resolve(kindOf(error));
        }
        yield* [];
      });
    });
    const leaf = await grid.leaf(host, options);
    const stream = leaf.open(rawUpload, undefined);
    stream.ignoreOutput();
    const big = grid.file('big', 12 << 20).path;
    const steps = await lastValueFrom(from([big]).pipe(sendfile(stream), take(2), toArray()));
    expect(steps.map(({ sent }) => sent)).toStrictEqual([largestPart, 2 * largestPart]);
    expect(await ended).toBe('CancelledError cancelled');
    const answer = await firstValueFrom(leaf.request(echo, Uint8Array.of(5)));
    expect([...answer]).toStrictEqual([5]);
  });
});
