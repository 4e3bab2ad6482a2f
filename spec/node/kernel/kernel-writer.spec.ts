import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, Socket, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileChangedError, FileIoError } from '../../../lib/files/file-error.js';
import type { KernelSender, KernelSent } from '../../../lib/node/kernel/kernel-sender.js';
import { KernelWriter, type FileBody } from '../../../lib/node/kernel/kernel-writer.js';
import type { KernelFile } from '../../../lib/node/kernel/read-ahead.js';

const errors = { EAGAIN: 11, EINTR: 4, EPIPE: 32, ECONNRESET: 104 };
const bytes = Uint8Array.from({ length: 200_000 }, (_, index) => index * 7 + (index >> 8));
const head = Uint8Array.from([250, 251, 252]);

let folder: string;
let fd: number;
let server: Server;
let socket: Socket;
let received: Buffer[];
let closed: Promise<unknown>;

/** What the kernel does in one call: bytes that it takes, and the error. */
type Step = number | { readonly errno: number };
let steps: Step[];
/** What went past the socket's own writes, in order with them. */
let writer: KernelWriter;
let copied: number;
let atSend: (() => void) | undefined;
let refusals: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kernel-writer-'));
  writeFileSync(join(folder, 'file'), bytes);
  fd = openSync(join(folder, 'file'), 'r');
  received = [];
  server = createServer((peer) => {
    peer.on('data', (chunk) => received.push(chunk));
    peer.on('error', () => undefined);
    closed = once(peer, 'close');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  socket = new Socket().connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  steps = [];
  copied = 0;
  refusals = [];
  writer = new KernelWriter(socket, sender);
});

afterEach(async () => {
  jest.restoreAllMocks();
  socket.destroy();
  server.close();
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

/**
 * Plays the kernel: what it takes is written to the socket beneath the stream, where nothing of the stream's can
 * overtake it.
 */
const sender: KernelSender = {
  experimental: false,
  errors,
  send(_socket, file, offset, count, before): KernelSent {
    const step = steps.shift() ?? Infinity;
    // Later in the turn in which the first step waits.
    if (atSend !== undefined) process.nextTick(atSend);
    atSend = undefined;
    if (typeof step !== 'number') return { sent: 0, errno: step.errno };
    const all = Buffer.alloc((before?.length ?? 0) + count);
    if (before !== undefined) all.set(before);
    const got = readSync(file, all, before?.length ?? 0, count, offset);
    const sent = all.subarray(0, Math.min(step, (before?.length ?? 0) + got));
    if (sent.length > 0) writeBeneath(sent);
    return { sent: sent.length, errno: 0 };
  },
};

function writeBeneath(chunk: Uint8Array): void {
  const { _handle: handle } = socket as unknown as {
    _handle: { writeBuffer(request: object, bytes: Uint8Array): number };
  };
  // As the stream itself does it.
  const { WriteWrap } = (
    process as unknown as { binding(name: string): { WriteWrap: new () => { oncomplete: () => void } } }
  ).binding('stream_wrap');
  const request = new WriteWrap();
  request.oncomplete = () => undefined;
  handle.writeBuffer(request, chunk);
}

const file: KernelFile = {
  get fd() {
    return fd;
  },
  offset: 0,
  length: Infinity,
};

function body(length: number, offset = 0): FileBody {
  return {
    file,
    offset,
    length,
    truncated: () => new FileChangedError('truncated', 'file'),
    unreadable: (cause) => new FileIoError('unreadable', 'file', { cause }),
    copied: (count) => {
      copied += count;
    },
    refused: (reason) => refusals.push(reason),
  };
}

function write(length: number, offset = 0): Promise<Error | undefined> {
  return new Promise((resolve) => {
    writer.write(head, body(length, offset), resolve);
  });
}

async function all(): Promise<Buffer> {
  socket.end();
  await closed;
  return Buffer.concat(received);
}

const message = (length: number, offset = 0): Buffer => Buffer.concat([head, bytes.subarray(offset, offset + length)]);

describe('a message', () => {
  test('is sent in as many calls as the kernel needs, also where it stops within the head', async () => {
    steps = [2, 5, { errno: errors.EINTR }, 50_000];
    expect(await write(100_000, 17)).toBeUndefined();
    expect((await all()).equals(message(100_000, 17))).toBe(true);
    expect(copied).toBe(0);
  });

  test('passes 16 KiB through JavaScript where the socket is full', async () => {
    steps = [{ errno: errors.EAGAIN }, 10_000, { errno: errors.EAGAIN }];
    expect(await write(100_000)).toBeUndefined();
    expect((await all()).equals(message(100_000))).toBe(true);
    expect(copied).toBe(2 * (16 << 10));
    expect(refusals).toStrictEqual([]);
  });

  test('follows earlier writes, and precedes writes made during it', async () => {
    const big = new Uint8Array(8 << 20).fill(1);
    socket.write(big);
    steps = [{ errno: errors.EAGAIN }, { errno: errors.EAGAIN }, { errno: errors.EAGAIN }];
    const pong = Buffer.from('pong');
    const written = write(150_000);
    // What ws would send of its own accord, before the message has begun and within it.
    socket.write(pong);
    atSend = () => socket.write(pong);
    expect(await written).toBeUndefined();
    const got = await all();
    expect(got.length).toBe(big.length + 150_003 + 8);
    expect(got.subarray(big.length).equals(Buffer.concat([pong, message(150_000), pong]))).toBe(true);
  });

  test('passes through JavaScript to its end where the kernel does not send the file, and says so', async () => {
    steps = [3, { errno: 22 }];
    expect(await write(180_000)).toBeUndefined();
    expect((await all()).equals(message(180_000))).toBe(true);
    expect(copied).toBe(180_000);
    expect(refusals).toStrictEqual(['The kernel does not send this file (error 22).']);
  });

  test('precedes writes made during it where the kernel does not send the file', async () => {
    steps = [3, { errno: 22 }];
    const pong = Buffer.from('pong');
    // Once the message has begun, and in each turn until it is sent: what ws answers to pings.
    let pongs = 0;
    let answers = true;
    const answer = (): void => {
      if (!answers) return;
      pongs++;
      socket.write(pong);
      setImmediate(answer);
    };
    atSend = answer;
    expect(await write(180_000)).toBeUndefined();
    answers = false;
    const got = await all();
    expect(got.subarray(0, 180_003).equals(message(180_000))).toBe(true);
    expect(pongs).toBeGreaterThan(0);
    expect(got.length).toBe(180_003 + 4 * pongs);
  });

  test('yields to the event loop in its middle, where it takes long', async () => {
    let now = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => (now += 1));
    const { send } = sender;
    let others = 0;
    const turns: number[] = [];
    jest.spyOn(sender, 'send').mockImplementation((...call) => {
      turns.push(others);
      setImmediate(() => {
        if (others++ === 0) socket.write('pong');
      });
      return send(...call);
    });
    // Each call takes a millisecond by this clock, and three are a turn.
    steps = Array.from({ length: 8 }, () => 1_000);
    expect(await write(8_000 - head.length)).toBeUndefined();
    expect(turns).toStrictEqual([0, 0, 0, 3, 3, 3, 6, 6]);
    expect((await all()).equals(Buffer.concat([message(8_000 - head.length), Buffer.from('pong')]))).toBe(true);
  });

  test('is sent in calls of 256 KiB', async () => {
    const counts: number[] = [];
    jest.spyOn(sender, 'send').mockImplementation((_socket, _file, _offset, count) => {
      counts.push(count);
      return { sent: count, errno: 0 };
    });
    expect(await write(600 << 10)).toBeUndefined();
    expect(counts.slice(0, 2)).toStrictEqual([256 << 10, 256 << 10]);
  });

  test('is followed by the next one', async () => {
    for (const offset of [0, 1000, 2000]) expect(await write(1000, offset)).toBeUndefined();
    expect((await all()).length).toBe(3 * 1003);
  });
});

describe('an incomplete message destroys the socket', () => {
  test('where the file is shorter than announced', async () => {
    expect(await write(300_000)).toBeInstanceOf(FileChangedError);
    expect(socket.destroyed).toBe(true);
    await closed;
  });

  test('where the file ends within what passes through JavaScript', async () => {
    steps = [{ errno: errors.EAGAIN }];
    expect(await write(20_000, bytes.length - 10)).toBeInstanceOf(FileChangedError);
    expect(socket.destroyed).toBe(true);
  });

  test.each(['EPIPE', 'ECONNRESET'] as const)('where the peer is gone: %s', async (name) => {
    steps = [100, { errno: errors[name] }];
    expect(await write(1000)).toBeInstanceOf(Error);
    expect(socket.destroyed).toBe(true);
  });

  test('where the socket closes while it waits', async () => {
    steps = [{ errno: errors.EAGAIN }];
    const written = write(150_000);
    // In the same turn: what passes through JavaScript is not told to be written yet.
    socket.destroy();
    expect(await written).toMatchObject({ message: expect.any(String) });
    expect(copied).toBe(16 << 10);
  });
});

describe('a listener for whole messages', () => {
  test('is called at once while none is being sent', () => {
    let notified = false;
    writer.whenWhole(() => (notified = true));
    expect(notified).toBe(true);
  });

  test('is called at the end of the current message', async () => {
    const order: string[] = [];
    steps = [{ errno: errors.EAGAIN }];
    const written = write(1000).then(() => order.push('written'));
    writer.whenWhole(() => order.push('whole'));
    expect(order).toStrictEqual([]);
    await written;
    expect(order).toStrictEqual(['whole', 'written']);
  });
});
