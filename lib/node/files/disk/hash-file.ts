/*
 * Hashes of files, computed on worker threads: a large file must not block the event loop. At most four run at once;
 * further ones wait in order, except that a peer with two running hashes gets a third one only when no other peer
 * waits.
 *
 *     waiting ──a worker is free──▶ hashing ──▶ done
 *        └── signal ──▶ cancelled       └── signal ──▶ stopping (after at most 1 MiB) ──▶ cancelled
 */

import { createHash } from 'node:crypto';
import { read } from 'node:fs';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { CancelledError } from '../../../errors.js';
import { maxHashesAtOnce } from '../../../bounds.js';

const readOf = promisify(read);
/** Hashing so few bytes takes a fraction of a millisecond: not worth a thread. */
const inlineBytes = 64 << 10;
const chunkBytes = 1 << 20;
/** An idle worker ends after this time, in ms. */
const workerIdle = 5_000;
/** Hashes of one peer at once, while other peers wait. */
const fairShare = 2;

/** A range of an open file. The file must stay open until the result has come. */
export interface HashRequest {
  readonly fd: number;
  /** First byte. Default 0. */
  readonly offset?: number;
  readonly length: number;
  /** As `createHash` names it. Default `sha256`. */
  readonly algorithm?: string;
  readonly signal?: AbortSignal | undefined;
  /** The peer on whose behalf the file is hashed. */
  readonly peer?: string | undefined;
}

interface Result {
  readonly digest?: Uint8Array;
  readonly problem?: string;
}

interface Job {
  readonly request: HashRequest;
  readonly stop: Int32Array;
  finish(result: Result | undefined): void;
}

const waiting = new Set<Job>();
const running = new Map<Job, string>();
const idle: Hasher[] = [];

/**
 * The hash of a range of an open file. Undefined where the file ends before the range does.
 *
 * Errors: CancelledError when `signal` aborts, after which the file is not read any more; the system's errors.
 */
export async function hashFile(request: HashRequest): Promise<Uint8Array | undefined> {
  const { length, signal } = request;
  if (signal?.aborted === true) throw cancelled();
  if (length <= inlineBytes) return hashHere(request);
  const job = newJob(request);
  const abort = (): void => {
    Atomics.store(job.stop, 0, 1);
    // A running hash stops by itself within a chunk. Its file must stay open until then.
    if (waiting.delete(job)) job.finish(undefined);
  };
  signal?.addEventListener('abort', abort, { once: true });
  waiting.add(job);
  startNext();
  try {
    const { digest, problem } = (await job.result) ?? {};
    if (isAborted(signal)) throw cancelled();
    // A thread that cannot be started, for instance, is no reason to fail.
    if (problem !== undefined) return await hashHere(request);
    return digest;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** Hashes on this thread, a chunk at a time. */
async function hashHere({
  fd,
  offset = 0,
  length,
  algorithm = 'sha256',
  signal,
}: HashRequest): Promise<Uint8Array | undefined> {
  const hash = createHash(algorithm);
  const buffer = new Uint8Array(Math.min(length, inlineBytes));
  for (let at = 0; at < length;) {
    if (signal?.aborted === true) throw cancelled();
    const { bytesRead } = await readOf(fd, buffer, 0, Math.min(buffer.length, length - at), offset + at);
    if (bytesRead === 0) return undefined;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return new Uint8Array(hash.digest());
}

function newJob(request: HashRequest): Job & { readonly result: Promise<Result | undefined> } {
  let finish!: (result: Result | undefined) => void;
  const result = new Promise<Result | undefined>((resolve) => (finish = resolve));
  return { request, stop: new Int32Array(new SharedArrayBuffer(4)), finish, result };
}

function startNext(): void {
  while (running.size < maxHashesAtOnce && waiting.size > 0) {
    const jobs = [...waiting];
    const job = jobs.find(({ request: { peer = '' } }) => runningOf(peer) < fairShare) ?? jobs[0]!;
    waiting.delete(job);
    running.set(job, job.request.peer ?? '');
    runOnWorker(job);
  }
}

function runningOf(peer: string): number {
  let count = 0;
  for (const one of running.values()) if (one === peer) count++;
  return count;
}

function runOnWorker(job: Job): void {
  let hasher: Hasher;
  try {
    hasher = idleHasher() ?? new Hasher();
  } catch (error) {
    running.delete(job);
    job.finish({ problem: String(error) });
    return;
  }
  hasher.run(job, (result, reusable) => {
    if (reusable) {
      idle.push(hasher);
      hasher.rest(() => {
        idle.splice(idle.indexOf(hasher), 1);
      });
    }
    running.delete(job);
    job.finish(result);
    startNext();
  });
}

function idleHasher(): Hasher | undefined {
  for (let hasher = idle.pop(); hasher !== undefined; hasher = idle.pop()) if (!hasher.broken) return hasher;
  return undefined;
}

/** A worker thread that hashes one file at a time. */
class Hasher {
  readonly #worker = new Worker(program, { eval: true, workerData: chunkBytes });
  #ended: ((result: Result, reusable: boolean) => void) | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  /** True: the thread has ended. */
  broken = false;

  constructor() {
    const broken = (what: unknown): void => {
      this.broken = true;
      this.#end({ problem: String(what) }, false);
      void this.#worker.terminate();
    };
    this.#worker.on('message', (result: Result) => {
      this.#end(result, true);
    });
    this.#worker.on('error', broken);
    this.#worker.on('exit', broken);
  }

  run({ request, stop }: Job, ended: (result: Result, reusable: boolean) => void): void {
    clearTimeout(this.#timer);
    this.#worker.ref();
    this.#ended = ended;
    const { fd, offset = 0, length, algorithm = 'sha256' } = request;
    this.#worker.postMessage({ fd, offset, length, algorithm, stop });
  }

  /** The worker is idle: it does not keep the process alive, and ends after a while. */
  rest(gone: () => void): void {
    this.#worker.unref();
    this.#timer = setTimeout(() => {
      gone();
      void this.#worker.terminate();
    }, workerIdle);
    this.#timer.unref();
  }

  #end(result: Result, reusable: boolean): void {
    const ended = this.#ended;
    this.#ended = undefined;
    ended?.(result, reusable);
  }
}

// A function, because the compiler assumes that `aborted` does not change.
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function cancelled(): CancelledError {
  return new CancelledError('The call was cancelled while a file was hashed.');
}

/** A text, so that no form of the package needs a separate file for it. */
const program = `
const { parentPort, workerData } = require('node:worker_threads');
const { readSync } = require('node:fs');
const { createHash } = require('node:crypto');
const buffer = Buffer.allocUnsafeSlow(workerData);
parentPort.on('message', ({ fd, offset, length, algorithm, stop }) => {
  try {
    const hash = createHash(algorithm);
    let at = 0;
    while (at < length && Atomics.load(stop, 0) === 0) {
      const count = readSync(fd, buffer, 0, Math.min(buffer.length, length - at), offset + at);
      if (count === 0) break;
      hash.update(buffer.subarray(0, count));
      at += count;
    }
    parentPort.postMessage(at < length ? {} : { digest: new Uint8Array(hash.digest()) });
  } catch (error) {
    parentPort.postMessage({ problem: String(error) });
  }
});
`;
