import { constants, createWriteStream, fstatSync, openSync, type Stats } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { exitCodes, Failure } from '../exit/failure.js';

/** Names of this process's own descriptors, whose files must be neither replaced nor truncated. */
const ownDescriptor = /^\/(?:dev\/(?:stdout|stderr|fd\/(\d+))|proc\/self\/fd\/(\d+))$/;
const stdoutFd = 1;
const stderrFd = 2;
/** Pause between two attempts to open a FIFO that has no reader yet, in ms. */
const readerPauseMs = 50;

/**
 * A target that is written to directly: standard output, a FIFO, a device, a terminal. Nothing is renamed to its name.
 * Pipes are opened non-blocking: a thread that is blocked in `write` would keep the process from exiting.
 */
export class OutputPipe {
  readonly #name: string;
  readonly #open: (signal: AbortSignal) => Promise<Writable>;
  #stream: Writable | undefined;
  #error: NodeJS.ErrnoException | undefined;

  private constructor(name: string, open: (signal: AbortSignal) => Promise<Writable>) {
    this.#name = name;
    this.#open = open;
  }

  /** Standard output. */
  static stdout(): OutputPipe {
    return new OutputPipe('standard output', async () => streamOf(stdoutFd, false));
  }

  /** The pipe at a path; undefined where there is a regular file, a folder, or nothing. */
  static of(path: string, stats: Stats | undefined): OutputPipe | undefined {
    const own = ownDescriptor.exec(path);
    if (own !== null) {
      const fd = Number(own[1] ?? own[2] ?? (path.endsWith('err') ? stderrFd : stdoutFd));
      return new OutputPipe(path, async () => streamOf(fd, false));
    }
    if (stats === undefined || stats.isFile() || stats.isDirectory()) return undefined;
    return new OutputPipe(path, async (signal) => streamOf(await openForWriting(path, signal), true));
  }

  /** Writes all bytes; resolves when the reader has taken them. Errors: Failure; the reason of the signal. */
  async write(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    try {
      signal.throwIfAborted();
      this.#stream ??= (await this.#open(signal)).on('error', (error) => {
        this.#error ??= error;
      });
      if (this.#error !== undefined) throw this.#error;
      await written(this.#stream, bytes, signal);
    } catch (error) {
      throw failureOf(error, this.#name);
    }
  }

  /** Closes the target. Where it is not `whole`, bytes that nobody has read yet are dropped. */
  async end(whole: boolean): Promise<void> {
    const stream = this.#stream;
    if (stream === undefined) return;
    if (whole) await new Promise<void>((resolve) => stream.end(resolve));
    else stream.destroy();
  }
}

function written(stream: Writable, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort);
    stream.write(bytes, (error) => {
      signal.removeEventListener('abort', abort);
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}

function streamOf(fd: number, owned: boolean): Writable {
  const stats = fstatSync(fd);
  if (stats.isFIFO() || stats.isSocket()) return new Socket({ fd, readable: false, writable: true });
  return createWriteStream('', { fd, autoClose: owned });
}

/** Opens a device at once, and a FIFO as soon as it has a reader. */
async function openForWriting(path: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
    }
    await delay(readerPauseMs);
    signal.throwIfAborted();
  }
}

function failureOf(error: unknown, name: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  // Without a message, as a tool that SIGPIPE ends.
  if (code === 'EPIPE' || code === 'ECONNRESET') return new Failure('', exitCodes.brokenPipe);
  return code === undefined ? error : new Failure(`${JSON.stringify(name)} cannot be written (${code}).`);
}
