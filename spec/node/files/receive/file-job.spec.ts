import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileError } from '../../../../lib/files/file-error.js';
import type { FileHeader } from '../../../../lib/files/file-item.js';
import { maxPiecesWaiting, maxSmallFileBytes } from '../../../../lib/bounds.js';
import { destinationAt } from '../../../../lib/node/files/disk/destination.js';
import { FileJob, type FileJobOptions } from '../../../../lib/node/files/receive/file-job.js';
import { namesIn, someBytes } from '../../../support/files/file-stream.js';

let folder: string;
let log: string[];
let ended: Promise<FileError | undefined>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-job-'));
  log = [];
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const large = maxSmallFileBytes + 1;
const target = (): string => join(folder, 'a');
const headerOf = (length: number, more: Partial<FileHeader> = {}): FileHeader => ({
  kind: 'header',
  path: 'a',
  size: length,
  offset: 0,
  length,
  ...more,
});

function jobOf(header: FileHeader, options: FileJobOptions = {}): FileJob {
  let end!: (error?: FileError) => void;
  ended = new Promise((resolve) => (end = resolve));
  return new FileJob(header, 'a', options, {
    written: (bytes) => log.push(`written ${String(bytes)}`),
    done: () => {
      log.push('done');
      end();
    },
    failed: (error) => {
      log.push(`failed ${error.code}`);
      end(error);
    },
  });
}

describe('a large file', () => {
  it('retains the bytes of a piece until they are written, and writes them in order', async () => {
    const bytes = someBytes(large);
    const job = jobOf(headerOf(large));
    const pieces = [bytes.slice(0, 40_000), bytes.slice(40_000)];
    // The memory is used again as soon as the credit has returned, as that of a socket is.
    for (const piece of pieces) {
      job.write(piece, () => {
        log.push(`released ${String(piece.length)}`);
        piece.fill(0);
      });
    }
    expect(log).toStrictEqual([]);
    job.start(destinationAt(target()));
    job.end({ kind: 'end', length: large });
    expect(await ended).toBeUndefined();
    expect(readFileSync(target()).equals(bytes)).toBe(true);
    expect(log).toStrictEqual([
      'released 40000',
      `released ${String(large - 40_000)}`,
      `written ${String(large)}`,
      'done',
    ]);
  });

  it('accepts a bounded number of pieces, and more when they are written', async () => {
    const job = jobOf(headerOf(large));
    for (let piece = 0; piece < maxPiecesWaiting; piece++) {
      expect(job.hasRoom).toBe(true);
      job.write(new Uint8Array(1), undefined);
    }
    expect(job.hasRoom).toBe(false);
    job.breakOff();
    // What has failed discards what comes.
    expect(job.hasRoom).toBe(true);
    job.start(destinationAt(target()));
    expect((await ended)?.message).toBe(
      `"a": the stream ended after ${String(maxPiecesWaiting)} bytes. Send the file again.`,
    );
    expect(namesIn(folder)).toStrictEqual([]);
  });

  it('returns the credit of everything that it drops, once, and leaves nothing', async () => {
    const job = jobOf(headerOf(large));
    let released = 0;
    job.start(destinationAt(target()));
    for (let piece = 0; piece < 3; piece++) job.write(new Uint8Array(10), () => released++);
    job.write(new Uint8Array(large), () => released++);
    job.write(new Uint8Array(1), () => released++);
    expect((await ended)?.code).toBe('file-corrupt');
    job.end({ kind: 'end', length: large });
    expect([released, log.at(-1), namesIn(folder)]).toStrictEqual([5, 'failed file-corrupt', []]);
  });

  it('returns its slot when it is done, and when it has failed', async () => {
    let [taken, given] = [0, 0];
    const slot = (): (() => void) => {
      taken++;
      return () => given++;
    };
    const good = jobOf(headerOf(large), { slot });
    good.start(destinationAt(target()));
    good.write(new Uint8Array(large), undefined);
    good.end({ kind: 'end', length: large });
    await ended;
    const bad = jobOf(headerOf(large), { slot });
    bad.start(destinationAt(join(folder, 'none/a')));
    expect((await ended)?.code).toBe('file-not-found');
    expect([taken, given]).toStrictEqual([2, 2]);
  });
});

describe('a small file', () => {
  it('returns its credit at once: the sender may need it for the end', async () => {
    const job = jobOf(headerOf(3));
    const bytes = Uint8Array.of(1, 2, 3);
    let released = 0;
    job.write(bytes, () => released++);
    bytes.fill(0);
    expect(released).toBe(1);
    job.start(destinationAt(target()));
    job.end({ kind: 'end', length: 3 });
    await ended;
    expect([...readFileSync(target())]).toStrictEqual([1, 2, 3]);
  });

  it.each([true, false])('shares no memory between two at once; fsync: %s', async (fsync) => {
    const jobs = [1, 2].map((value) => {
      const job = jobOf(headerOf(4), { fsync });
      job.write(new Uint8Array(4).fill(value), undefined);
      return { job, ended, value };
    });
    for (const { job, value } of jobs) {
      job.start(destinationAt(join(folder, String(value))));
      job.end({ kind: 'end', length: 4 });
    }
    for (const one of jobs) expect(await one.ended).toBeUndefined();
    for (const { value } of jobs)
      expect([...readFileSync(join(folder, String(value)))]).toStrictEqual(Array(4).fill(value));
  });
});

it('a resumable file keeps its bytes after a failure, and the next job resumes it', async () => {
  const bytes = someBytes(large);
  const first = jobOf(headerOf(large), { resume: true });
  first.start(destinationAt(target()));
  await new Promise<void>((resolve) => {
    first.write(bytes.slice(0, 1_000), resolve);
  });
  first.breakOff();
  await ended;
  expect(namesIn(folder)).toStrictEqual(['.a.rxgrid-part']);
  const length = large - 1_000;
  const second = jobOf(headerOf(length, { offset: 1_000, size: large }), { resume: true, offset: 1_000 });
  second.start(destinationAt(target()));
  second.write(bytes.slice(1_000), undefined);
  second.end({ kind: 'end', length });
  expect(await ended).toBeUndefined();
  expect(readFileSync(target()).equals(bytes)).toBe(true);
  expect(namesIn(folder)).toStrictEqual(['a']);
});

it.each([
  [{ preserve: true }, 0o666],
  [{ mode: 0o600 }, 0o600],
])('the mode with %j', async (options, mode) => {
  const job = jobOf(headerOf(0, { mode: 0o4666 }), options);
  job.start(destinationAt(target()));
  job.end({ kind: 'end', length: 0 });
  await ended;
  expect(statSync(target()).mode & 0o7777).toBe(mode);
});

it('missing bytes cannot be resumed', async () => {
  writeFileSync(join(folder, '.a.rxgrid-part'), 'abc');
  const job = jobOf(headerOf(large, { offset: 10, size: large + 10 }), { resume: true, offset: 10 });
  job.start(destinationAt(target()));
  expect((await ended)?.message).toContain('the first 10 bytes, which the stream leaves out, are not present');
  expect(namesIn(folder)).toStrictEqual(['.a.rxgrid-part']);
});
