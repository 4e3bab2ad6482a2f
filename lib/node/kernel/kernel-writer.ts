/**
 * Sends messages whose body goes from the kernel's page cache to the socket, one at a time.
 *
 *     idle ──write──▶ sending ◀──written, or a while later──┐
 *      ▲                 │ the socket is full               │
 *      │                 └──▶ waiting: the next 16 KiB through socket.write, so that libuv does the waiting
 *      └── all is sent ──┘            torn (peer gone, file truncated): the socket is destroyed
 *
 * The socket is corked while a message is half sent, so that what `ws` sends meanwhile (a pong, a close) stays in
 * JavaScript, in order. Everything between two waits is synchronous, so the number of a descriptor cannot become that
 * of another file.
 */

import { readSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { RegionDone } from '../../mux/schedule/region-frame.js';
import { descriptorOf, type KernelSender } from './kernel-sender.js';
import { ReadAhead, type KernelFile } from './read-ahead.js';

/** Bytes that pass through JavaScript when the socket is full. */
const waitBytes = 16 << 10;
/** Bytes of one call, which blocks while bytes are not in the page cache. */
const callBytes = 256 << 10;
/** Time in calls, in ms, after which the event loop gets a turn. */
const burstMs = 3;
/** Pauses, in ms, while bytes of other messages wait in the socket: they must not be overtaken. */
const [firstRetry, lastRetry] = [1, 32] as const;

/** Bytes of an open file that are the body of one message. */
export interface FileBody {
  readonly file: KernelFile;
  readonly offset: number;
  readonly length: number;
  /** The error for a file that ends before the body does. */
  truncated(): Error;
  /** The error for a file that cannot be read. */
  unreadable(cause: unknown): Error;
  /** Further bytes passed through JavaScript. */
  copied(bytes: number): void;
  /** The kernel refuses to send this file. The rest of the message passes through JavaScript. */
  refused(reason: string): void;
}

/** Writes messages whose body the kernel sends from a file to the socket. */
export class KernelWriter {
  readonly #socket: Socket;
  readonly #sender: KernelSender;
  readonly #ahead: ReadAhead;
  #body: FileBody | undefined = undefined;
  #done: RegionDone = ignore;
  #head: Uint8Array | undefined = undefined;
  #offset = 0;
  #left = 0;
  #corked = false;
  #copying = false;
  // Time in calls since the event loop had a turn.
  #spent = 0;
  #retry: number = firstRetry;
  // Holds the bytes that are being written.
  #chunk: Buffer | undefined = undefined;
  readonly #whenWhole: (() => void)[] = [];

  constructor(socket: Socket, sender: KernelSender) {
    this.#socket = socket;
    this.#sender = sender;
    this.#ahead = new ReadAhead(sender);
    socket.once('close', () => {
      if (this.#busy) this.#tear(new Error('The socket closed within a message.'));
    });
  }

  /** Sends one message of `head`, which has the WebSocket header, and the body. Only one message at a time. */
  write(head: Uint8Array, body: FileBody, done: RegionDone): void {
    this.#body = body;
    this.#done = done;
    this.#head = head;
    this.#offset = body.offset;
    this.#left = body.length;
    this.#copying = false;
    this.#ahead.beyond(body.file, body.offset + body.length);
    this.#begin();
  }

  /** Calls `then` as soon as no message is half sent. */
  whenWhole(then: () => void): void {
    if (this.#busy) this.#whenWhole.push(then);
    else then();
  }

  get #busy(): boolean {
    return this.#body !== undefined;
  }

  // Earlier messages of others may still be in JavaScript. The callback of an empty write is called when they have
  // left. The socket is not corked before, which would keep them there.
  readonly #begin = (error?: Error | null): void => {
    if (this.#body === undefined) return;
    if (error !== undefined && error !== null) this.#tear(error);
    else if (this.#socket.writableLength > 0) this.#socket.write(nothing, this.#begin);
    else this.#send();
  };

  readonly #send = (): void => {
    const { EAGAIN, EINTR, EPIPE, ECONNRESET } = this.#sender.errors;
    for (;;) {
      const body = this.#body;
      if (body === undefined) return;
      if (this.#left === 0) {
        this.#finish();
        return;
      }
      if (this.#copying) {
        this.#copy(this.#left);
        return;
      }
      const socket = descriptorOf(this.#socket);
      if (socket < 0 || this.#socket.destroyed) {
        this.#tear(new Error('The socket closed within a message.'));
        return;
      }
      if (this.#spent >= burstMs) {
        this.#spent = 0;
        this.#cork();
        setImmediate(this.#send);
        return;
      }
      let result;
      const began = performance.now();
      try {
        const count = Math.min(this.#left, callBytes);
        result = this.#sender.send(socket, body.file.fd, this.#offset, count, this.#head);
      } catch (error) {
        this.#tear(error as Error);
        return;
      }
      this.#spent += performance.now() - began;
      const { sent, errno } = result;
      const headSent = this.#passHead(sent);
      const ofFile = sent - headSent;
      this.#offset += ofFile;
      this.#left -= ofFile;
      if (errno === EAGAIN) {
        this.#copy(waitBytes);
        return;
      }
      if (errno === EPIPE || errno === ECONNRESET) {
        this.#tear(new Error(`The socket broke within a message (error ${String(errno)}).`));
        return;
      }
      if (errno !== 0 && errno !== EINTR) {
        this.#copying = true;
        body.refused(`The kernel does not send this file (error ${String(errno)}).`);
      } else if (errno === 0 && sent === 0) {
        this.#tear(body.truncated());
        return;
      }
    }
  };

  // The number of sent bytes that were of the head.
  #passHead(sent: number): number {
    const head = this.#head;
    if (head === undefined) return 0;
    this.#head = sent < head.length ? head.subarray(sent) : undefined;
    return Math.min(sent, head.length);
  }

  // Sends the rest of the head, and the next bytes of the file, through JavaScript. Where the kernel refuses the file,
  // these are all that are left: what others write into the corked socket between two parts could never leave before
  // the second one.
  #copy(most: number): void {
    // Bytes of other messages would go first, into the middle of this one.
    if (this.#socket.writableLength > 0) {
      if (this.#copying) {
        this.#tear(new Error('The kernel refused a file within a message that others wait behind.'));
        return;
      }
      setTimeout(this.#send, this.#retry);
      this.#retry = Math.min(this.#retry * 2, lastRetry);
      return;
    }
    this.#retry = firstRetry;
    const head = this.#head ?? nothing;
    const body = this.#body!;
    const count = Math.min(most, this.#left);
    const chunk = this.#chunkOf(head.length + count);
    chunk.set(head);
    let read = 0;
    try {
      // A read may give less than it is asked for.
      for (let got = -1; read < count && got !== 0; read += got) {
        got = readSync(body.file.fd, chunk, head.length + read, count - read, this.#offset + read);
      }
    } catch (error) {
      this.#tear(body.unreadable(error));
      return;
    }
    if (read === 0) {
      this.#tear(body.truncated());
      return;
    }
    body.copied(read);
    this.#writeAndWait(chunk.subarray(0, head.length + read), read);
  }

  // Only the memory for a wait is kept: a refusal is rare, and takes up to a whole message.
  #chunkOf(bytes: number): Buffer {
    if (bytes > 2 * waitBytes) return Buffer.allocUnsafe(bytes);
    if (this.#chunk === undefined || this.#chunk.length < bytes) this.#chunk = Buffer.allocUnsafe(bytes);
    return this.#chunk;
  }

  #writeAndWait(bytes: Uint8Array, ofFile: number): void {
    this.#head = undefined;
    this.#offset += ofFile;
    this.#left -= ofFile;
    // The socket has no other bytes: uncorking flushes nothing.
    this.#uncork();
    this.#socket.write(bytes, (error) => {
      this.#spent = 0;
      if (this.#body === undefined) return;
      if (error === undefined || error === null) this.#send();
      else this.#tear(error);
    });
    this.#cork();
  }

  #finish(): void {
    const done = this.#done;
    this.#body = undefined;
    this.#uncork();
    for (const then of this.#whenWhole.splice(0)) then();
    if (this.#spent < burstMs) {
      done();
      return;
    }
    this.#spent = 0;
    setImmediate(done);
  }

  // Nothing can follow half a message, not even a close frame.
  #tear(error: Error): void {
    const done = this.#done;
    this.#body = undefined;
    this.#socket.destroy();
    this.#whenWhole.length = 0;
    done(error);
  }

  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
  }

  #uncork(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#socket.uncork();
  }
}

const nothing = new Uint8Array(0);

function ignore(): void {
  // No message is being written.
}
