/**
 * Reads a plain TCP socket under a WebSocket of `ws` into one buffer of the process, and its messages with a
 * {@link FrameReader}.
 *
 * Node allocates 64 KiB for each read of a socket that emits `data`. All of it counts as external memory, and V8 marks
 * the whole heap each time that memory reaches a limit. A socket that is made with `onread` reads into a buffer of the
 * user's; here the same is switched on for a socket that exists, by the fields that the constructor would set. Where
 * one of them is missing, or the socket is a TLS socket or another runtime's, nothing is changed and `ws` reads as
 * before.
 */

import { Socket } from 'node:net';
import { FrameReader } from '../../transport/frame-reader.js';
import type { Unmask } from '../../transport/mask-key.js';
import { takeMessageMemory } from '../../transport/message-memory.js';
import type { ReadPath } from '../../transport/ws-socket.js';
import { loadedMask, loadMask } from '../files/send/mask.js';
import { SocketSplicer } from './socket-splicer.js';

/** Members of net.Socket that its types do not declare. */
interface Internals {
  readonly _handle?: { useUserBuffer?: (buffer: Uint8Array) => void } | null;
  [field: symbol]: unknown;
}

/** The bytes of one read are consumed before the next read of any socket, so all sockets share one buffer. */
const readBufferBytes = 256 << 10;
/** Bytes that libuv reads while it waits for the next ones of a payload that goes to a pipe: these are copied. */
const waitBufferBytes = 4 << 10;
/**
 * Reads without bytes for a pipe after which libuv reads as much as it can again: payloads for pipes may follow each
 * other.
 */
const patience = 8;
/** Bytes of a connection that are spliced before the event loop turns. */
const maxSpliced = 4 << 20;
/** Pieces of control frames, text and fragments of a connection after which the event loop turns. */
const maxPassed = 256;
let readBuffer: Uint8Array | undefined;

/** Reads the socket under a WebSocket of `ws` with a {@link FrameReader}, without an allocation for each read. */
export const readPath: ReadPath = (raw, { masked, maxMessageBytes, message, tooLarge }) => {
  const fields = fieldsOf(raw);
  if (fields === undefined) return undefined;
  const { socket, buffer, callback, nextBuffer } = fields;
  const listeners = socket.listeners('data') as ((this: Socket, bytes: Uint8Array) => void)[];
  // Pieces of frames that were passed to `ws`. The engine reads messages in slices; all other frames, which may be of
  // two bytes, are bounded here.
  let passed = 0;
  let spliced = 0;
  const splicer = new SocketSplicer(socket);
  const reader = new FrameReader({
    masked,
    maxMessageBytes,
    allocate: (bytes) => takeMessageMemory(bytes, allocate, splicer),
    unmask,
    message,
    pass: (bytes) => {
      passed++;
      const copy = Buffer.from(bytes);
      for (const listener of listeners) listener.call(socket, copy);
    },
    tooLarge,
    pipe: splicer.begin,
  });
  if (masked) void loadMask();
  // Bytes that arrived with the upgrade are still emitted.
  socket.removeAllListeners('data');
  socket.on('data', (bytes) => {
    reader.read(bytes, 0, bytes.length);
  });
  const shared = (readBuffer ??= allocate(readBufferBytes));
  const internals = socket as unknown as Internals;
  internals[buffer] = shared;
  // While bytes go to pipes, libuv should leave as many of them as possible to splice.
  let patient = 0;
  const few = shared.subarray(0, waitBufferBytes);
  internals[nextBuffer] = (): Uint8Array => (patient > 0 ? few : shared);
  const readOn = (): void => {
    // `ws` resumes a socket that it, or the engine, has paused meanwhile.
    if (!socket.isPaused()) socket.resume();
  };
  internals[callback] = (count: number, bytes: Uint8Array): boolean => {
    reader.read(bytes, 0, count, true);
    if (reader.pipingBytes > 0) {
      patient = patience;
      spliced += splicer.move(reader);
    } else if (patient > 0) patient--;
    if (passed < maxPassed && spliced < maxSpliced) return true;
    passed = 0;
    spliced = 0;
    setImmediate(readOn);
    // Node stops reading: otherwise it reads up to 32 times before the event loop turns.
    return false;
  };
  internals._handle!.useUserBuffer!(shared);
  return reader;
};

interface Fields {
  readonly socket: Socket;
  readonly buffer: symbol;
  readonly callback: symbol;
  /** Of a function that returns the buffer for the next read. */
  readonly nextBuffer: symbol;
}

function fieldsOf(raw: unknown): Fields | undefined {
  // A TLS socket is a Socket too, but reads through another one. On Windows, libuv may hold the buffer between reads.
  if (!(raw instanceof Socket) || raw.constructor !== Socket || process.platform === 'win32') return undefined;
  const { _handle } = raw as unknown as Internals;
  if (typeof _handle?.useUserBuffer !== 'function') return undefined;
  const symbols = Object.getOwnPropertySymbols(raw);
  const [buffer, callback, nextBuffer] = ['kBuffer', 'kBufferCb', 'kBufferGen'].map((name) =>
    symbols.find(({ description }) => description === name),
  );
  if (buffer === undefined || callback === undefined || nextBuffer === undefined) return undefined;
  return { socket: raw, buffer, callback, nextBuffer };
}

// Messages are plain Uint8Arrays, because slice() of a Buffer does not copy.
function allocate(bytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
}

/** From this size on the native function is faster than a loop, as `ws` measured for its own. */
const nativeBytes = 48;

const unmask: Unmask = (source, key, output, offset, length) => {
  const native = length < nativeBytes ? undefined : loadedMask();
  if (native !== undefined) {
    native(source, key, output, offset, length);
    return;
  }
  for (let index = 0; index < length; index++) output[offset + index] = source[index]! ^ key[index & 3]!;
};
