import { maxRecycledBytes } from '../bounds.js';
import type { Allocate } from '../lent.js';
import type { FrameKey, PayloadSource, PipeReceiver } from '../piped.js';
import { decodeFrame } from '../wire/decode.js';
import { emptyPayload, FrameView } from '../wire/frame.js';
import { Op } from '../wire/ops.js';

/*
 * Memory of large received messages, reused once their consumer has given it back. New memory for each MiB of a file
 * costs more than its bytes: the system maps and clears its pages, and V8 marks the heap whenever so much has been
 * allocated.
 *
 *     take ──▶ lent ──message──▶ consumer ──giveBack──▶ free ──▶ take
 *               └── never given back: the garbage collector frees it, as any other memory
 */

/** Messages from this size on can be given back: keeping track of smaller ones would cost more than it saves. */
export const minRecycledBytes = 128 << 10;
/** Bytes of a page of memory. */
const pageBytes = 4 << 10;

/** Bytes of the message that was last read into a lent buffer, and where it comes from. */
const lent = new WeakMap<ArrayBufferLike, { readonly bytes: number; readonly source: PayloadSource | undefined }>();
/** In the order in which they were given back. */
const free: ArrayBufferLike[] = [];
let freeBytes = 0;
const view = new FrameView();

/** Rounds a number of bytes up to whole pages. */
export function inWholePages(bytes: number): number {
  return Math.ceil(bytes / pageBytes) * pageBytes;
}

/**
 * Memory for a message of so many bytes, with arbitrary content. Only memory of at least {@link minRecycledBytes} can
 * be given back. `source`: where the message comes from.
 */
export function takeMessageMemory(bytes: number, allocate: Allocate, source?: PayloadSource): Uint8Array {
  if (bytes < minRecycledBytes) return allocate(bytes);
  // Whole pages, because the heads of frames differ by a few bytes.
  const size = inWholePages(bytes);
  const buffer = takeFree(size) ?? allocate(size).buffer;
  lent.set(buffer, { bytes, source });
  return new Uint8Array(buffer, 0, bytes);
}

/**
 * Gives back the memory of the message that has these bytes, which must not be used from now on. Does nothing where the
 * bytes are not of the one payload of such a message: another frame of the message may belong to someone else.
 */
export function giveBackMessage(bytes: Uint8Array): void {
  if (frameOf(bytes) === undefined) return;
  const { buffer } = bytes;
  lent.delete(buffer);
  messageMemoryHooks.onFree?.(new Uint8Array(buffer));
  if (buffer.byteLength > maxRecycledBytes) return;
  free.push(buffer);
  freeBytes += buffer.byteLength;
  while (freeBytes > maxRecycledBytes) freeBytes -= free.shift()!.byteLength;
}

/**
 * Has the payloads of further frames like that of these bytes go to pipes, for `receiver`, where their source can do
 * so.
 */
export function pipeFurtherPayloads(bytes: Uint8Array, receiver: PipeReceiver): void {
  const frame = frameOf(bytes);
  if (frame !== undefined) lent.get(bytes.buffer)?.source?.pipe(frame, receiver);
}

/** The frame of which these bytes are the payload, where it is the only one of a message in lent memory. */
function frameOf({ buffer, byteOffset, byteLength }: Uint8Array): FrameKey | undefined {
  const length = lent.get(buffer)?.bytes;
  if (length === undefined) return undefined;
  decodeFrame(new Uint8Array(buffer, 0, length), 0, length, view, undefined);
  const { payload, op, muxId } = view;
  view.payload = emptyPayload;
  view.subroute = undefined;
  view.extra = undefined;
  const isPayload = byteOffset >= payload.byteOffset && byteOffset + byteLength === payload.byteOffset + payload.length;
  return op === Op.Merged || !isPayload ? undefined : { op, muxId };
}

/** For tests. */
export const messageMemoryHooks: {
  /** Called with memory that was given back; a test overwrites it, so that a use after that is seen. */
  onFree: ((memory: Uint8Array) => void) | undefined;
} = { onFree: undefined };

/** The newest free buffer of a size: its memory is most likely in the caches. */
function takeFree(size: number): ArrayBufferLike | undefined {
  for (let index = free.length - 1; index >= 0; index--) {
    const buffer = free[index]!;
    if (buffer.byteLength !== size) continue;
    free.splice(index, 1);
    freeBytes -= size;
    return buffer;
  }
  return undefined;
}
