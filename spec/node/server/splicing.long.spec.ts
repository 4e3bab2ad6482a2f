import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom, tap } from 'rxjs';
import { partialFile } from '../../../lib/node/index.js';
import { readFile } from '../../../lib/files/index.js';
import { connect, receiveFile, serveFiles, type Manager } from '../../../lib/node/index.js';
import type { LeafConnection } from '../../../lib/index.js';
import { loadPipePool, type PipePool } from '../../../lib/node/kernel/pipe-pool.js';
import { SplicedPayload } from '../../../lib/node/kernel/spliced-payload.js';
import { SeededRandom } from '../../../lib/testing/seeded-random.js';
import { untilClosed, untilPipesClosed } from '../../support/files/descriptors.js';
import { echo, FileGrid } from '../../support/files/file-grid.js';
import { eachFrame, FrameProxy, type Passage } from '../../support/protocol/frame-proxy.js';
import { wsFrame } from '../../support/protocol/ws-frames.js';

const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('splicing from a connection that is changed on the way', () => {
  const size = 5 << 20;
  let grid: FileGrid;
  let host: Manager;
  let proxy: FrameProxy;
  let url: string;
  let pool: PipePool;
  let bytes: Buffer;
  let target: string;
  let written: jest.SpiedFunction<SplicedPayload['writeTo']>;
  const leaves: LeafConnection[] = [];

  beforeEach(async () => {
    pool = (await loadPipePool())!;
    grid = new FileGrid();
    host = await grid.host();
    serveFiles(host, { root: grid.folder });
    proxy = new FrameProxy(Number(new URL(host.local).port));
    url = await proxy.listen();
    ({ bytes } = grid.file('file', size));
    mkdirSync(join(grid.folder, 'out'));
    target = join(grid.folder, 'out', 'copy');
    written = jest.spyOn(SplicedPayload.prototype, 'writeTo');
  });

  afterEach(async () => {
    for (const leaf of leaves.splice(0)) leaf.close();
    proxy.close();
    await grid.close();
    await untilClosed(grid.folder);
    await untilPipesClosed(pool);
    jest.restoreAllMocks();
  });

  async function dial(passage: Passage): Promise<LeafConnection> {
    proxy.next = passage;
    const leaf = connect(url, { token: 'leaf' });
    leaves.push(leaf);
    await leaf.ready();
    return leaf;
  }

  const copied = (leaf: LeafConnection, path = 'file'): Promise<unknown> =>
    lastValueFrom(readFile(leaf, path).pipe(receiveFile(target, { reuse: true, fsync: false })));
  const pass = (piece: Buffer): Buffer[] => [piece];

  it('fails, and leaves nothing, wherever the connection is lost', async () => {
    const leaf = await dial({ pass });
    const begun = proxy.passed;
    await copied(leaf);
    const all = proxy.passed;
    leaf.close();
    const random = new SeededRandom(7);
    const parts = [0, 1, 2, 3, 4].map((part) => begun + part * ((960 << 10) + 23));
    const cuts = [
      ...parts.flatMap((part) => [1, 5, 9, 10, 15, 20, 22, 23, 24, 40, 4_096].map((at) => part + at)),
      ...Array.from({ length: 60 }, () => begun + random.below(all - begun - 100)),
    ];
    for (const cutAt of cuts) {
      const doomed = await dial({ pass, cutAt });
      await expect(copied(doomed)).rejects.toMatchObject({ code: 'disconnected' });
      doomed.close();
      while (pool.open > 0 || readdirSync(join(grid.folder, 'out')).some((name) => name !== 'copy')) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    expect(written.mock.calls.length).toBeGreaterThan(0);
    expect(readFileSync(target).equals(bytes)).toBe(true);
  });

  it('goes on with the part that was written, after each loss', async () => {
    let received = 0;
    for (let losses = 0; received < size; losses++) {
      const doomed = await dial({ pass, ...(losses < 6 ? { cutAt: 1_400_000 + losses * 150_001 } : {}) });
      const have = await partialFile(target);
      const source = readFile(doomed, 'file', { have });
      const options = { reuse: true, fsync: false, resume: true, offset: have?.length } as const;
      try {
        ({ received } = await lastValueFrom(source.pipe(receiveFile(target, options))));
        break;
      } catch (error) {
        expect(error).toMatchObject({ code: 'disconnected' });
      }
      doomed.close();
    }
    expect(readFileSync(target).equals(bytes)).toBe(true);
  });

  it('takes bytes that come a few at a time', async () => {
    const random = new SeededRandom(3);
    const leaf = await dial({
      pass: (piece) => {
        const pieces: Buffer[] = [];
        for (let at = 0; at < piece.length;) {
          const most = random.chance(0.05) ? 3 : random.chance(0.5) ? 1_448 : 20_000;
          const end = at + 1 + random.below(most);
          pieces.push(piece.subarray(at, end));
          at = end;
        }
        return pieces;
      },
    });
    await copied(leaf);
    expect([readFileSync(target).equals(bytes), written.mock.calls.length > 0]).toStrictEqual([true, true]);
  });

  it('leaves every other frame, and calls, as they are', async () => {
    const extra = [
      wsFrame({ first: 0x89, payload: Uint8Array.of(1, 2) }),
      wsFrame({ first: 0x81, payload: Buffer.from('text') }),
      wsFrame({ first: 0x8a, payload: new Uint8Array() }),
    ].map((frame) => Buffer.from(frame));
    let count = 0;
    const leaf = await dial({
      pass: eachFrame((frame, opcode) => {
        const other = extra[count++ % extra.length]!;
        if (opcode !== 2 || frame.length < 100_000 || count % 3 > 0) return [frame, other];
        // A message in fragments, with another frame between them.
        const payload = frame.subarray(10);
        const [first, rest] = [payload.subarray(0, 70_000), payload.subarray(70_000)];
        return [
          Buffer.from(wsFrame({ first: 0x02, payload: first })),
          extra[0]!,
          Buffer.from(wsFrame({ first: 0x80, payload: rest })),
          other,
        ];
      }),
    });
    const copies = { running: true };
    const calls = (async () => {
      let answers = 0;
      for (; copies.running; answers++) {
        const request = new Uint8Array(1 + ((answers * 37_123) % 300_000)).map((_, index) => index + answers);
        expect(Buffer.from(await lastValueFrom(leaf.request(echo, request))).equals(request)).toBe(true);
      }
      return answers;
    })();
    for (let round = 0; round < 5; round++) {
      await copied(leaf);
      expect(readFileSync(target).equals(bytes)).toBe(true);
    }
    copies.running = false;
    expect(await calls).toBeGreaterThan(5);
    expect(written.mock.calls.length).toBeGreaterThan(0);
  });

  it('takes files with holes', async () => {
    const { path } = grid.file('sparse', 100_000);
    truncateSync(path, 9 << 20);
    const leaf = await dial({ pass });
    await copied(leaf, 'sparse');
    expect(readFileSync(target).equals(readFileSync(path))).toBe(true);
  });

  it('does not begin where the target is a pipe', async () => {
    execFileSync('mkfifo', [target]);
    const leaf = await dial({ pass });
    await expect(copied(leaf)).rejects.toMatchObject({ code: 'file-not-regular' });
  });

  it('ends with the host', async () => {
    const leaf = await dial({ pass });
    let count = 0;
    const copy = readFile(leaf, 'file').pipe(
      tap(() => {
        if (++count === 3) void host.close();
      }),
      receiveFile(target, { reuse: true, fsync: false }),
    );
    // The host may send all of it before it ends.
    const outcome = await lastValueFrom(copy).then(
      () => readFileSync(target).equals(bytes),
      (error: unknown) => (error as { code: string }).code,
    );
    expect([true, 'disconnected', 'draining']).toContain(outcome);
  });

  it('loses no descriptor in 300 files', async () => {
    grid.file('small', 1_500_000);
    const leaf = await dial({ pass });
    await copied(leaf, 'small');
    while (pool.open > 0) await new Promise((resolve) => setImmediate(resolve));
    const before = readdirSync('/proc/self/fd').length;
    for (let count = 0; count < 300; count++) await copied(leaf, 'small');
    while (pool.open > 0) await new Promise((resolve) => setImmediate(resolve));
    // Sockets of the specs before may have closed meanwhile.
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before);
    expect(written.mock.calls.length).toBeGreaterThan(0);
  });
});
