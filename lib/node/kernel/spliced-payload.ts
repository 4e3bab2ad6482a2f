import { readSync } from 'node:fs';
import { forgetPiped, notePiped, type PipedPayload, type PipeReceiver } from '../../piped.js';
import type { PipeEnds } from './pipe-calls.js';
import type { PipePool } from './pipe-pool.js';

/** A pipe, and the number of bytes in it. */
interface FilledPipe {
  readonly pipe: PipeEnds;
  held: number;
}

/**
 * A payload that goes from a socket to a file through pipes: the states are those of `piped.ts`.
 *
 * A pipe has a number of slots, for a page or a piece of a segment each. So a payload may need more than one pipe, and
 * on a network with small segments several. The pipes have the first bytes of the payload, in order. Where the pool has
 * no more pipes, the memory has the rest.
 */
export class SplicedPayload implements PipedPayload {
  readonly memory: Uint8Array;
  readonly headBytes: number;
  readonly bytes: Uint8Array;
  readonly #receiver: PipeReceiver;
  readonly #pool: PipePool;
  readonly #pipes: FilledPipe[];
  // Bytes that have left the pipes for the file.
  #written = 0;
  #state: 'piped' | 'writing' | 'loaded' | 'over' = 'piped';
  // All bytes of the payload are in pipes until now: its memory is blank.
  #blank = true;

  /**
   * `memory`: that of the message, from the pool. `head`: its bytes before the prefix of the payload. `pipe` is one of
   * the pool.
   */
  constructor(memory: Uint8Array, head: Uint8Array, receiver: PipeReceiver, pool: PipePool, pipe: PipeEnds) {
    // Without the prefix, a copy of the payload is no item of a file: its zeros could be taken for the bytes of the
    // file.
    memory.set(head);
    this.memory = memory;
    this.headBytes = head.length + receiver.prefix.length;
    this.bytes = memory.subarray(this.headBytes);
    this.#receiver = receiver;
    this.#pool = pool;
    this.#pipes = [{ pipe, held: 0 }];
    notePiped(memory, this);
    receiver.add(this);
  }

  get piping(): boolean {
    return this.#state === 'piped' && this.#blank;
  }

  put(bytes: Uint8Array): number {
    let taken = 0;
    while (this.piping && taken < bytes.length) {
      const last = this.#pipes.at(-1)!;
      const count = Math.max(0, this.#pool.calls.write(last.pipe.write, bytes.subarray(taken)));
      last.held += count;
      taken += count;
      const next = taken < bytes.length ? this.#pool.take() : undefined;
      if (next !== undefined) this.#pipes.push({ pipe: next, held: 0 });
      else this.#blank = taken === bytes.length;
    }
    return taken;
  }

  /** Moves up to `count` bytes from a socket to a pipe. The result is like that of the call. */
  receive(socket: number, count: number): number {
    const last = this.#pipes.at(-1)!;
    const moved = this.#pool.calls.receive(socket, last.pipe.write, count);
    if (moved > 0) last.held += moved;
    return moved;
  }

  load(): Uint8Array {
    if (this.#state === 'piped') {
      const { prefix } = this.#receiver;
      this.memory.set(prefix, this.headBytes - prefix.length);
      this.#read();
      this.#end('loaded');
    } else if (this.#state !== 'loaded') {
      throw new Error(
        'The bytes of this item went to the file and were never in memory. Receive without reuse: true, to use them here, too.',
      );
    }
    return this.bytes;
  }

  writeTo(fd: number, position: number, done: (written: number) => void): void {
    this.#state = 'writing';
    this.#receiver.remove(this);
    this.#writeNext(fd, position, done);
  }

  drop(): void {
    if (this.#state === 'piped') this.#end('over');
  }

  #writeNext(fd: number, position: number, done: (written: number) => void): void {
    while (this.#pipes[0]?.held === 0) this.#giveBackFirst();
    const first = this.#pipes[0];
    if (first === undefined) {
      this.#end('over');
      done(this.#written);
      return;
    }
    const moved = (count: number): void => {
      first.held -= count;
      this.#written += count;
      // The system does not write to this file from a pipe, or the disk is full. The caller writes the rest, and gets
      // the error.
      if (count === 0) {
        this.#read();
        this.#receiver.close();
      }
      this.#writeNext(fd, position, done);
    };
    try {
      this.#pool.calls.store(first.pipe.read, fd, position + this.#written, first.held, moved);
    } catch {
      // Too many calls wait for a thread.
      moved(0);
    }
  }

  // Reads what the pipes hold to where it belongs.
  #read(): void {
    this.#blank = false;
    let at = this.#written;
    for (let first = this.#pipes[0]; first !== undefined; first = this.#pipes[0]) {
      while (first.held > 0) {
        const count = readSync(first.pipe.read, this.bytes, at, first.held, null);
        at += count;
        first.held -= count;
      }
      this.#giveBackFirst();
    }
  }

  #giveBackFirst(): void {
    const { pipe, held } = this.#pipes.shift()!;
    this.#pool.giveBack(pipe, held === 0);
  }

  #end(state: 'loaded' | 'over'): void {
    this.#state = state;
    while (this.#pipes.length > 0) this.#giveBackFirst();
    forgetPiped(this.memory);
    this.#receiver.remove(this);
    if (this.#blank) this.#pool.giveBackBlank(this.memory, this.headBytes);
  }
}
