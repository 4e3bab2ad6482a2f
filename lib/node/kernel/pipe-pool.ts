import { closeSync } from 'node:fs';
import { maxReceivePipes, receivePipeBytes } from '../../bounds.js';
import { PipeReceiver } from '../../piped.js';
import { inWholePages } from '../../transport/message-memory.js';
import type { LoadForeign } from './foreign.js';
import { loadKoffi } from './load-koffi.js';
import { pipeCallsOf, type PipeCalls, type PipeEnds } from './pipe-calls.js';

/**
 * The pipes of this process that received payloads go through, and the memory of their messages.
 *
 *     none ──take──▶ in use ──giveBack──▶ free ──take──▶ in use
 *                       │                  └── the last receiver leaves ──▶ closed
 *                       └── not empty, or no receiver is left ────────────▶ closed
 *
 * Pipes exist only while there is a receiver that takes payloads from them, and while such a payload is written.
 */
export class PipePool {
  readonly calls: PipeCalls;
  readonly #close: (fd: number) => void;
  readonly #free: PipeEnds[] = [];
  // Zeros of untouched pages: a message whose payload stays in a pipe must not show bytes of another one.
  readonly #blank: Uint8Array[] = [];
  #open = 0;
  #receivers = 0;

  /** `close` closes a descriptor. */
  constructor(calls: PipeCalls, close: (fd: number) => void) {
    this.calls = calls;
    this.#close = close;
  }

  /** Pipes that are open. */
  get open(): number {
    return this.#open;
  }

  /** A receiver begins. The result is to be called once, when it has ended. */
  join(): () => void {
    this.#receivers++;
    return () => {
      if (--this.#receivers > 0) return;
      this.#blank.length = 0;
      for (const pipe of this.#free.splice(0)) this.#discard(pipe);
    };
  }

  /** An empty pipe; undefined where too many are in use, or the system gives none. */
  take(): PipeEnds | undefined {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const pipe = this.#open < maxReceivePipes ? this.calls.open(receivePipeBytes) : undefined;
    if (pipe !== undefined) this.#open++;
    return pipe;
  }

  /** Takes a pipe back. `isEmpty`: it can be used again. */
  giveBack(pipe: PipeEnds, isEmpty: boolean): void {
    if (isEmpty && this.#receivers > 0) this.#free.push(pipe);
    else this.#discard(pipe);
  }

  /** Zeros for a message of so many bytes: not many more, since views of small parts of some memory are copied. */
  takeBlank(bytes: number): Uint8Array {
    const size = inWholePages(bytes);
    const index = this.#blank.findLastIndex(({ length }) => length === size);
    const blank = index < 0 ? new Uint8Array(size) : this.#blank.splice(index, 1)[0]!;
    return blank.subarray(0, bytes);
  }

  /** Takes memory back of which only the first `headBytes` were written. */
  giveBackBlank({ buffer }: Uint8Array, headBytes: number): void {
    if (this.#receivers === 0) return;
    this.#blank.push(new Uint8Array(buffer).fill(0, 0, headBytes));
    if (this.#blank.length > maxReceivePipes) this.#blank.shift();
  }

  #discard(pipe: PipeEnds): void {
    this.#open--;
    this.#close(pipe.read);
    this.#close(pipe.write);
  }
}

let pool: PipePool | undefined;
let loading: Promise<PipePool | undefined> | undefined;

/** The pool of this process; undefined on other systems than Linux, without koffi, and until it is loaded. */
export function pipePool(): PipePool | undefined {
  return pool;
}

/** Loads {@link pipePool}, where that is possible. */
export function loadPipePool(): Promise<PipePool | undefined> {
  return (loading ??= createPipePool(loadKoffi, process.platform).then((created) => (pool = created)));
}

/**
 * A receiver of payloads that begin with `prefix`. Undefined where the system has no such pipes, and until they are
 * loaded.
 */
export function openPipeReceiver(prefix: Uint8Array): PipeReceiver | undefined {
  if (pool === undefined) {
    void loadPipePool();
    return undefined;
  }
  const receiver = new PipeReceiver(prefix);
  receiver.onClosed(pool.join());
  return receiver;
}

/** A pool; undefined on other systems than Linux, and without koffi: the payloads then go to memory. */
export async function createPipePool(load: LoadForeign, platform: NodeJS.Platform): Promise<PipePool | undefined> {
  if (platform !== 'linux') return undefined;
  try {
    return new PipePool(pipeCallsOf(await load(), closeSync), closeSync);
  } catch {
    return undefined;
  }
}
