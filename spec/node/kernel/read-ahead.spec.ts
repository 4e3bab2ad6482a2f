import { beforeEach, expect, it } from '@jest/globals';
import { readAheadBytes } from '../../../lib/bounds.js';
import type { ForeignFunction } from '../../../lib/node/kernel/foreign.js';
import type { KernelSender } from '../../../lib/node/kernel/kernel-sender.js';
import { linuxSender } from '../../../lib/node/kernel/linux.js';
import { ReadAhead, type KernelFile } from '../../../lib/node/kernel/read-ahead.js';

const mebibyte = 1 << 20;
let asked: [number, number, number][];
let answers: (() => void)[];
let ahead: ReadAhead;

beforeEach(() => {
  asked = [];
  answers = [];
  const readAhead = (fd: number, offset: number, count: number, done: () => void): void => {
    asked.push([fd, offset / mebibyte, count / mebibyte]);
    answers.push(done);
  };
  ahead = new ReadAhead({ readAhead } as unknown as KernelSender);
});

function fileOf(fd: number, offset: number, length: number): KernelFile {
  return { fd, offset: offset * mebibyte, length: length * mebibyte };
}

/** Frames of 1 MiB, each of which the disk has answered. */
function send(file: KernelFile, from: number, to: number): void {
  for (let at = from; at < to; at++) {
    ahead.beyond(file, (at + 1) * mebibyte);
    for (const answer of answers.splice(0)) answer();
  }
}

it('a file is read ahead in large pieces, each byte once, and not beyond the region', () => {
  send(fileOf(5, 10, 10), 10, 20);
  expect(readAheadBytes).toBe(4 * mebibyte);
  expect(asked).toStrictEqual([
    [5, 11, 4],
    [5, 15, 2],
    [5, 17, 2],
    [5, 19, 1],
  ]);
});

it('a file of one frame is not read ahead', () => {
  send(fileOf(5, 0, 1), 0, 1);
  expect(asked).toStrictEqual([]);
});

it('no further read-ahead of the same file starts before the disk has answered', () => {
  const [slow, other] = [fileOf(5, 0, 100), fileOf(6, 0, 100)];
  for (let at = 1; at <= 8; at++) ahead.beyond(slow, at * mebibyte);
  ahead.beyond(other, mebibyte);
  expect(asked).toStrictEqual([
    [5, 1, 4],
    [6, 1, 4],
  ]);
  answers[0]!();
  // What was sent meanwhile is not asked for.
  ahead.beyond(slow, 9 * mebibyte);
  expect(asked.at(-1)).toStrictEqual([5, 9, 4]);
});

it('a closed handle is left to its sender', () => {
  const file = {
    offset: 0,
    length: 9 * mebibyte,
    get fd(): number {
      throw new Error('closed');
    },
  };
  ahead.beyond(file, mebibyte);
  expect(asked).toStrictEqual([]);
});

it('nothing happens where the system has no such call', () => {
  expect(() => {
    new ReadAhead({} as unknown as KernelSender).beyond(fileOf(5, 0, 9), mebibyte);
  }).not.toThrow();
});

it('on Linux the call is posix_fadvise, in the thread pool', async () => {
  const calls: unknown[][] = [];
  const func = (prototype: string): ForeignFunction => {
    const call = (): number => -1;
    const async = (...args: readonly unknown[]): void => {
      calls.push([prototype, ...args.slice(0, -1)]);
      (args.at(-1) as () => void)();
    };
    return Object.assign(call, { async });
  };
  const os = { errno: { EAGAIN: 11, EINTR: 4, EPIPE: 32, ECONNRESET: 104 } };
  const sender = linuxSender({ load: () => ({ func }), struct: () => undefined, errno: () => 0, os });
  await new Promise<void>((resolve) => {
    sender.readAhead!(5, 2 ** 33, mebibyte, resolve);
  });
  // POSIX_FADV_WILLNEED
  const prototype = 'int posix_fadvise(int file, int64_t offset, int64_t count, int advice)';
  expect(calls).toStrictEqual([[prototype, 5, 2 ** 33, mebibyte, 3]]);
});
