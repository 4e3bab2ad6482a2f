import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { Socket } from 'node:net';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom, tap, toArray, type Observable } from 'rxjs';
import { FileSpaceError } from '../../../lib/files/file-error.js';
import { fileItems } from '../../../lib/files/file-codec.js';
import { decodeFileItem, type FileItem } from '../../../lib/files/file-item.js';
import { readFile, writeFile, type ReadFileOptions } from '../../../lib/files/index.js';
import { fileRoutes } from '../../../lib/files/file-routes.js';
import { duplex, raw, type LeafConnection, type ObservedFrame, type Shape } from '../../../lib/index.js';
import { fileRegion, receiveFile, receiveFiles, serveFiles } from '../../../lib/node/index.js';
import { loadPipePool, type PipePool } from '../../../lib/node/kernel/pipe-pool.js';
import { SplicedPayload } from '../../../lib/node/kernel/spliced-payload.js';
import { SocketSplicer } from '../../../lib/node/server/socket-splicer.js';
import { minRegionFrameBytes, receivePipeBytes } from '../../../lib/bounds.js';
import { PipeReceiver } from '../../../lib/piped.js';
import { encodeFrame } from '../../../lib/wire/encode.js';
import type { Frame } from '../../../lib/wire/frame.js';
import { Flag, Op } from '../../../lib/wire/ops.js';
import { frameOf, fromResponder, messageOf } from '../../support/protocol/frames.js';
import { pipes, untilClosed, untilPipesClosed } from '../../support/files/descriptors.js';
import { download, echo, FileGrid } from '../../support/files/file-grid.js';

const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('a file that is received through pipes', () => {
  const size = 12 << 20;
  let grid: FileGrid;
  let leaf: LeafConnection;
  let pool: PipePool;
  let bytes: Buffer;
  let target: string;
  let before: string[];
  let written: jest.SpiedFunction<SplicedPayload['writeTo']>;
  let loaded: jest.SpiedFunction<SplicedPayload['load']>;

  beforeEach(async () => {
    pool = (await loadPipePool())!;
    before = pipes();
    grid = new FileGrid();
    const host = await grid.host();
    serveFiles(host, { root: grid.folder });
    leaf = await grid.leaf(host);
    ({ bytes } = grid.file('file', size));
    mkdirSync(join(grid.folder, 'out'));
    target = join(grid.folder, 'out', 'copy');
    written = jest.spyOn(SplicedPayload.prototype, 'writeTo');
    loaded = jest.spyOn(SplicedPayload.prototype, 'load');
  });

  afterEach(async () => {
    await grid.close();
    await untilClosed(grid.folder);
    await untilPipesClosed(pool);
    expect(pipes()).toStrictEqual(before);
    jest.restoreAllMocks();
  });

  const read = (options: ReadFileOptions = {}): Observable<FileItem> => readFile(leaf, 'file', options);
  const received = (): boolean => readFileSync(target).equals(bytes);

  it('is the file, and its bytes are not in memory', async () => {
    const steps = await lastValueFrom(read().pipe(receiveFile(target, { reuse: true, fsync: false }), toArray()));
    expect([steps.at(-1)!.received, received()]).toStrictEqual([size, true]);
    expect(written.mock.calls.length).toBeGreaterThan(0);
    expect(loaded).not.toHaveBeenCalled();
  });

  it('is written from memory without reuse, and with a hash, which needs the bytes', async () => {
    await lastValueFrom(read().pipe(receiveFile(target, { fsync: false })));
    expect(received()).toBe(true);
    await lastValueFrom(
      read({ hash: 'sha256' }).pipe(receiveFile(target, { reuse: true, fsync: false, verify: true })),
    );
    expect([received(), written.mock.calls.length]).toStrictEqual([true, 0]);
  });

  it.each<[string, Shape]>([
    ['raw', raw],
    ['of an application', { codec: 'own', encode: fileItems.encode, decode: decodeFileItem }],
  ])('is written from memory where the codec of its items is %s', async (_, output) => {
    const host = await grid.host();
    host.handle(download, () => fileRegion(join(grid.folder, 'file')));
    const other = await grid.leaf(host);
    const items = other.stream(duplex({ ...download, output }), '') as Observable<FileItem | Uint8Array>;
    await lastValueFrom(items.pipe(receiveFile(target, { reuse: true, fsync: false })));
    expect([received(), written.mock.calls.length]).toStrictEqual([true, 0]);
  });

  it('is written from memory where no pipe is free', async () => {
    const leave = pool.join();
    const taken = [];
    for (let pipe = pool.take(); pipe !== undefined; pipe = pool.take()) taken.push(pipe);
    await lastValueFrom(read().pipe(receiveFile(target, { reuse: true, fsync: false })));
    expect([received(), written.mock.calls.length]).toStrictEqual([true, 0]);
    for (const pipe of taken) pool.giveBack(pipe, true);
    leave();
  });

  it('is written from memory where the system does not splice from the socket', async () => {
    const receive = jest.spyOn(SplicedPayload.prototype, 'receive').mockReturnValue(-22);
    await lastValueFrom(read().pipe(receiveFile(target, { reuse: true, fsync: false })));
    expect([received(), written.mock.calls.length, receive.mock.calls.length]).toStrictEqual([true, 0, 1]);
  });

  it('comes whole where the socket never has more than what was read', async () => {
    const receive = jest.spyOn(SplicedPayload.prototype, 'receive').mockReturnValue(-11);
    await lastValueFrom(read().pipe(receiveFile(target, { reuse: true, fsync: false })));
    expect([received(), receive.mock.calls.length > 100]).toStrictEqual([true, true]);
    expect(written.mock.calls.length).toBeGreaterThan(0);
  });

  it('is written from memory over TLS', async () => {
    const pem = (name: string): string => readFileSync(join(__dirname, '../../support/tls', name), 'utf8');
    const tls = { key: pem('key.pem'), cert: pem('cert.pem'), ca: pem('cert.pem') };
    const host = await grid.host({ tls });
    serveFiles(host, { root: grid.folder });
    const secure = await grid.leaf(host, { tls });
    await lastValueFrom(readFile(secure, 'file').pipe(receiveFile(target, { reuse: true, fsync: false })));
    expect([received(), written.mock.calls.length]).toStrictEqual([true, 0]);
  });

  it.each([
    ['in pipes at the host, from a dialer that masks with zeros', true],
    ['in memory at the host, from a dialer that masks', false],
  ])('is %s', async (_, zeroMask) => {
    const host = await grid.host();
    serveFiles(host, { root: join(grid.folder, 'out'), writable: true });
    const dialer = await grid.leaf(host, { zeroMask });
    await lastValueFrom(writeFile(dialer, 'copy', fileRegion(join(grid.folder, 'file')), { fsync: false }));
    expect([received(), written.mock.calls.length > 0]).toStrictEqual([true, zeroMask]);
  });

  it('is there for an operator that reads the bytes on the way', async () => {
    let seen = Buffer.alloc(0);
    const look = tap((item: FileItem) => {
      if (item.kind === 'data') seen = Buffer.concat([seen, item.bytes]);
    });
    await lastValueFrom(read().pipe(look, receiveFile(target, { reuse: true, fsync: false })));
    expect([received(), seen.equals(bytes)]).toStrictEqual([true, true]);
    expect(loaded.mock.calls.length).toBeGreaterThan(0);
  });

  it('is there for an observer of frames', async () => {
    const frames: ObservedFrame[] = [];
    const observed = leaf.frames$.subscribe((frame) => frames.push(frame));
    await lastValueFrom(read().pipe(receiveFile(target, { reuse: true, fsync: false })));
    observed.unsubscribe();
    const data = frames
      .filter(({ direction, frame }) => direction === 'in' && frame.payload[0] === 2 && frame.payload.length > 1_000)
      .map(({ frame }) => frame.payload.subarray(1));
    expect([received(), Buffer.concat(data).equals(bytes), written.mock.calls.length]).toStrictEqual([true, true, 0]);
    expect(loaded.mock.calls.length).toBeGreaterThan(0);
  });

  it('counts in full in the figures', async () => {
    const steps = await lastValueFrom(read().pipe(receiveFile(target, { reuse: true, fsync: false }), toArray()));
    const sums = steps.map((step) => step.received);
    expect(sums).toStrictEqual([...sums].sort((one, other) => one - other));
    expect(sums.at(-1)).toBe(size);
  });

  it('is followed by others, of all sizes, in one stream', async () => {
    const others = [0, 1, 70_000, 3 << 20, 5, 2 << 20].map((length, index) => grid.file(`f${index}`, length));
    const wanted = others.map((_, index) => ({
      path: `f${index}`,
      ...(index === 3 ? { hash: 'sha256' as const } : {}),
    }));
    const source = leaf.exchange(fileRoutes.read, undefined, wanted);
    const steps = await lastValueFrom(
      source.pipe(receiveFiles(join(grid.folder, 'out'), { reuse: true, fsync: false }), toArray()),
    );
    expect(steps.at(-1)!.files).toBe(others.length);
    for (const [index, other] of others.entries()) {
      expect(readFileSync(join(grid.folder, 'out', `f${index}`)).equals(other.bytes)).toBe(true);
    }
  });

  it.each([1, 2, 3, 5, 9, 13, 14])('leaves nothing when it is cancelled at item %d', async (last) => {
    for (const later of [false, true]) {
      await new Promise<void>((resolve) => {
        let count = 0;
        const cancel = (): void => {
          subscription.unsubscribe();
          resolve();
        };
        const counted = tap<FileItem>(() => {
          if (++count !== last) return;
          if (later) setImmediate(cancel);
          else queueMicrotask(cancel);
        });
        const subscription = read()
          .pipe(counted, receiveFile(target, { reuse: true, fsync: false }))
          .subscribe();
      });
    }
    // The connection goes on, in the middle of a payload as well.
    expect(await lastValueFrom(leaf.request(echo, Uint8Array.of(1)))).toStrictEqual(Uint8Array.of(1));
  });

  it('fails with the connection, and leaves nothing', async () => {
    const host = await grid.host();
    serveFiles(host, { root: grid.folder });
    for (const last of [1, 2, 5, 9]) {
      const { leaf: doomed, kill } = await grid.doomedLeaf(host);
      let count = 0;
      const copy = readFile(doomed, 'file').pipe(
        tap(() => {
          if (++count === last) kill();
        }),
        receiveFile(target, { reuse: true, fsync: false }),
      );
      await expect(lastValueFrom(copy)).rejects.toMatchObject({ code: 'disconnected' });
    }
  });

  it('fails where the disk is full', async () => {
    const small = join(grid.folder, 'small');
    mkdirSync(small);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=5m', 'rxgrid', small], { stdio: 'ignore' });
    } catch {
      console.log('Skipped: mounting a small file system is not permitted here.');
      return;
    }
    try {
      const copy = read().pipe(receiveFile(join(small, 'copy'), { reuse: true, fsync: false }));
      await expect(lastValueFrom(copy)).rejects.toBeInstanceOf(FileSpaceError);
      expect(written.mock.calls.length).toBeGreaterThan(0);
      while (readdirSync(small).length > 0) await new Promise((resolve) => setImmediate(resolve));
    } finally {
      execFileSync('umount', [small]);
    }
  });
});

onLinux('the head of a message', () => {
  const item = Uint8Array.of(2, ...new Uint8Array(100_000).fill(7));
  let receiver: PipeReceiver;
  let splicer: SocketSplicer;
  let leave: () => void;

  beforeEach(async () => {
    leave = (await loadPipePool())!.join();
    receiver = new PipeReceiver(Uint8Array.of(2));
    splicer = new SocketSplicer(new Socket());
    splicer.pipe({ op: Op.MuxServerMsg, muxId: 5 }, receiver);
  });

  afterEach(() => {
    receiver.close();
    leave();
  });

  /**
   * Number of bytes of a message that stay in memory, of which `arrived` have come; undefined where all go to memory.
   */
  function headBytes(message: Uint8Array, arrived = 1_000): number | undefined {
    const payload = splicer.begin(message.subarray(0, arrived), message.length);
    payload?.drop();
    return payload?.headBytes;
  }

  const frame = (fields: Partial<Frame> = {}): Uint8Array =>
    encodeFrame({ ...frameOf(Op.MuxServerMsg, 5, { seq: 70_000, payload: item }), ...fields });

  it('shows where the payload begins, as soon as a byte of it has come', () => {
    const from = frame().length - item.length;
    expect([headBytes(frame()), headBytes(frame(), from + 1), headBytes(frame(), 64)]).toStrictEqual([
      from + 1,
      from + 1,
      from + 1,
    ]);
    for (let arrived = 1; arrived <= from; arrived++) expect(headBytes(frame(), arrived)).toBeUndefined();
  });

  it('keeps its prefix out of the memory until that has the payload', () => {
    const payload = splicer.begin(frame().subarray(0, 64), frame().length)!;
    expect(payload.memory[payload.headBytes - 1]).toBe(0);
    payload.put(frame().subarray(payload.headBytes));
    payload.load();
    expect(Buffer.from(payload.memory).equals(frame())).toBe(true);
  });

  it.each<[string, Uint8Array]>([
    ['is of another stream', frame({ muxId: 6 })],
    ['is of the other direction', frame({ op: Op.MuxClientMsg })],
    ['has a flag', frame({ flags: Flag.Eof })],
    ['has a checksum', encodeFrame({ ...frameOf(Op.MuxServerMsg, 5, { payload: item }), flags: Flag.Crc }, () => 1)],
    ['has bytes behind its payload', frame({ extra: Uint8Array.of(1) })],
    ['is an item of another kind', frame({ payload: item.slice().fill(3, 0, 1) })],
    ['has several frames', messageOf([fromResponder.item(5, 1, item), fromResponder.item(5, 2, item)])],
    ['is no frame', new Uint8Array(100_000)],
    ['is larger than a pipe', frame({ payload: new Uint8Array(receivePipeBytes + 100).fill(2) })],
  ])('goes to memory with the rest where the message %s', (_, message) => {
    expect(headBytes(message)).toBeUndefined();
  });

  it('goes to memory where most of the message has come', () => {
    const message = frame();
    const most = message.length - minRegionFrameBytes;
    expect([headBytes(message, most), headBytes(message, most + 1)]).toStrictEqual([expect.any(Number), undefined]);
  });

  it('goes to memory once the receiver is closed', () => {
    receiver.close();
    expect(headBytes(frame())).toBeUndefined();
  });
});
