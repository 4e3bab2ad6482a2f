import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Foreign } from '../../../lib/node/kernel/foreign.js';
import { loadKoffi } from '../../../lib/node/kernel/load-koffi.js';
import { pipeCallsOf, type PipeCalls } from '../../../lib/node/kernel/pipe-calls.js';
import { createPipePool, PipePool } from '../../../lib/node/kernel/pipe-pool.js';
import { SplicedPayload } from '../../../lib/node/kernel/spliced-payload.js';
import { pipedCount, pipedIn, PipeReceiver } from '../../../lib/piped.js';
import { maxReceivePipes } from '../../../lib/bounds.js';
import { someBytes } from '../../support/files/file-stream.js';

const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('a payload in pipes', () => {
  const head = someBytes(10);
  const bytes = someBytes(50_000);
  let calls: PipeCalls;
  let pool: PipePool;
  let leave: () => void;
  let receiver: PipeReceiver;
  let folder: string;
  let path: string;
  let closed: number;

  beforeAll(async () => {
    const close = (fd: number): void => {
      closed++;
      closeSync(fd);
    };
    calls = pipeCallsOf(await loadKoffi(), close);
  });

  beforeEach(() => {
    closed = 0;
    folder = mkdtempSync(join(tmpdir(), 'rxgrid-pipe-'));
    path = join(folder, 'file');
    writeFileSync(path, '');
    pool = new PipePool({ ...calls, open: () => calls.open(16 << 10) }, (fd) => {
      closed++;
      closeSync(fd);
    });
    leave = pool.join();
    receiver = new PipeReceiver(new Uint8Array());
  });

  afterEach(() => {
    leave();
    expect([pool.open, pipedCount()]).toStrictEqual([0, 0]);
    rmSync(folder, { recursive: true });
  });

  /** A payload of which everything has come. */
  function whole(): SplicedPayload {
    const memory = pool.takeBlank(head.length + bytes.length);
    const payload = new SplicedPayload(memory, head, receiver, pool, pool.take()!);
    let at = 0;
    for (let put = -1; put !== 0 && at < bytes.length; at += put) put = payload.put(bytes.subarray(at, at + 7_000));
    memory.set(bytes.subarray(at), head.length + at);
    return payload;
  }

  const writeTo = (payload: SplicedPayload, fd: number, position = 0): Promise<number> =>
    new Promise((resolve) => {
      payload.writeTo(fd, position, resolve);
    });

  it('goes to a file, out of as many pipes as it needs', async () => {
    const payload = whole();
    expect(pool.open).toBe(4);
    expect(pipedIn(payload.memory)).toBe(payload);
    const fd = openSync(path, 'w');
    expect(await writeTo(payload, fd, 3)).toBe(bytes.length);
    closeSync(fd);
    expect(new Uint8Array(readFileSync(path))).toStrictEqual(Uint8Array.of(0, 0, 0, ...bytes));
    expect([payload.piping, pipedIn(payload.memory), closed]).toStrictEqual([false, undefined, 0]);
    expect(() => payload.load()).toThrow('Receive without reuse: true');
  });

  it('leaves to memory what the pipes have no room for', async () => {
    const taken = Array.from({ length: maxReceivePipes - 1 }, () => pool.take()!);
    const payload = whole();
    expect(pool.take()).toBeUndefined();
    const fd = openSync(path, 'w');
    const written = await writeTo(payload, fd);
    closeSync(fd);
    expect(written).toBeLessThan(bytes.length);
    expect(written).toBe(readFileSync(path).length);
    const all = Buffer.concat([readFileSync(path), payload.bytes.subarray(written)]);
    expect(new Uint8Array(all)).toStrictEqual(bytes);
    for (const pipe of taken) pool.giveBack(pipe, true);
  });

  it('is read into memory by whoever needs the bytes', () => {
    const payload = whole();
    expect(payload.load()).toStrictEqual(bytes);
    expect([pipedCount(), payload.load()]).toStrictEqual([0, payload.bytes]);
    payload.drop();
    expect(payload.bytes).toStrictEqual(bytes);
  });

  it('is in memory where the file cannot be written, and the receiver gets no more of them', async () => {
    const payload = whole();
    const fd = openSync(path, 'r');
    expect(await writeTo(payload, fd)).toBe(0);
    closeSync(fd);
    expect(payload.bytes).toStrictEqual(bytes);
    expect(receiver.open).toBe(false);
  });

  it('is in memory, from the byte on that does not fit, where the disk is full', async () => {
    const payload = whole();
    const fd = openSync('/dev/full', 'w');
    expect(await writeTo(payload, fd)).toBe(0);
    closeSync(fd);
    expect(payload.bytes).toStrictEqual(bytes);
  });

  it('is in memory where there is no thread for it', async () => {
    const busy = new PipePool(
      {
        ...calls,
        store: () => {
          throw new Error('too many calls');
        },
      },
      closeSync,
    );
    const memory = new Uint8Array(20);
    const payload = new SplicedPayload(memory, head, receiver, busy, busy.take()!);
    payload.put(bytes.subarray(0, 10));
    expect(await writeTo(payload, 1)).toBe(0);
    expect(payload.bytes).toStrictEqual(bytes.slice(0, 10));
    expect(busy.open).toBe(0);
  });

  it('that is dropped closes its pipes, because they are not empty', () => {
    const payload = whole();
    const { open } = pool;
    payload.drop();
    expect([pool.open, closed]).toStrictEqual([0, 2 * open]);
    payload.drop();
    expect(closed).toBe(2 * open);
  });

  it('that is being written is neither dropped nor loaded', async () => {
    const payload = whole();
    const fd = openSync(path, 'w');
    const written = writeTo(payload, fd);
    payload.drop();
    expect(() => payload.load()).toThrow('never in memory');
    expect(await written).toBe(bytes.length);
    closeSync(fd);
    expect(new Uint8Array(readFileSync(path))).toStrictEqual(bytes);
  });

  it('that waits is in memory once its receiver has ended, and one that is being written goes on', async () => {
    const [waits, writes] = [whole(), whole()];
    const fd = openSync(path, 'w');
    const written = writeTo(writes, fd);
    receiver.close();
    expect([pipedIn(waits.memory), receiver.open]).toStrictEqual([undefined, false]);
    expect(waits.bytes).toStrictEqual(bytes);
    expect(await written).toBe(bytes.length);
    closeSync(fd);
    expect(new Uint8Array(readFileSync(path))).toStrictEqual(bytes);
  });

  it('leaves its memory blank for another one, unless that has bytes of it', async () => {
    const written = whole();
    const fd = openSync(path, 'w');
    await writeTo(written, fd);
    closeSync(fd);
    const { memory } = written;
    const again = pool.takeBlank(memory.length);
    expect([again.buffer === memory.buffer, again.every((byte) => byte === 0)]).toStrictEqual([true, true]);
    const loaded = whole();
    loaded.load();
    expect(pool.takeBlank(memory.length).buffer).not.toBe(loaded.memory.buffer);
  });

  it('finds its pipes again, and these are closed with the last receiver', () => {
    const other = pool.join();
    whole().load();
    const { open } = pool;
    whole().load();
    expect([pool.open, closed]).toStrictEqual([open, 0]);
    leave();
    expect(pool.open).toBe(open);
    leave = other;
  });
});

onLinux('a pool of pipes', () => {
  it('opens no more of them than its bound, and none where the system refuses', () => {
    let asked = 0;
    const some = { open: () => (++asked > 40 ? undefined : { read: asked, write: -asked }) } as unknown as PipeCalls;
    const closed: number[] = [];
    const pool = new PipePool(some, (fd) => closed.push(fd));
    const leave = pool.join();
    const pipes = Array.from({ length: maxReceivePipes }, () => pool.take()!);
    expect([pool.take(), asked, pool.open]).toStrictEqual([undefined, maxReceivePipes, maxReceivePipes]);
    for (const pipe of pipes) pool.giveBack(pipe, false);
    const more = Array.from({ length: 10 }, () => pool.take());
    expect(more.filter((pipe) => pipe === undefined)).toHaveLength(2);
    for (const pipe of more) if (pipe !== undefined) pool.giveBack(pipe, true);
    leave();
    expect([pool.open, closed.length]).toStrictEqual([0, 2 * 40]);
  });

  it('closes a pipe of the wrong size', async () => {
    const closed: number[] = [];
    const calls = pipeCallsOf(await loadKoffi(), (fd) => {
      closed.push(fd);
      closeSync(fd);
    });
    expect(calls.open(2 ** 31 - 1)).toBeUndefined();
    expect(closed).toHaveLength(2);
  });
});

describe('a process without such pipes', () => {
  it('runs on Linux without koffi, and where its functions are missing', async () => {
    const foreign = { load: () => ({ func: () => raise('no such function') }) } as unknown as Foreign;
    expect(await createPipePool(() => Promise.reject(new Error('not installed')), 'linux')).toBeUndefined();
    expect(await createPipePool(() => Promise.resolve(foreign), 'linux')).toBeUndefined();
  });

  it('runs on every other system, without loading koffi', async () => {
    const load = (): never => raise('loaded');
    for (const platform of ['darwin', 'win32', 'freebsd', 'sunos'] as const) {
      expect(await createPipePool(load, platform)).toBeUndefined();
    }
  });
});

function raise(message: string): never {
  throw new Error(message);
}
