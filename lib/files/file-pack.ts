import { CodecError, ProtocolError } from '../errors.js';
import { maxPackedFiles, maxPathBytes } from '../bounds.js';

/*
 * Several small files of a folder in one item. With three items per file, the items would cost both sides more than
 * reading and writing the file (measured with bench/files/many.mjs).
 *
 *     pack = file*                                                             1 to 64 of them
 *     file = length u32, mtime f64 (NaN: none), mode u16, path length u16, path, bytes     big-endian
 */

/** A small file in a pack. */
export interface PackedFile {
  /** Path of the file, as in a header. */
  readonly path: string;
  /** Time of the last change, in ms since the epoch. */
  readonly mtime?: number;
  /** Permission bits. */
  readonly mode: number;
  /** A view into the item. */
  readonly bytes: Uint8Array;
}

/** Small files in one item. */
export interface FilePack {
  readonly kind: 'pack';
  readonly files: readonly PackedFile[];
}

/** Bytes before the path of a packed file. */
const fixedBytes = 16;
/** Bytes in UTF-8 of a UTF-16 unit, at most. */
const bytesPerUnit = 3;
const maxMode = 0o7777;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Encodes a pack, after the byte of its kind.
 *
 * @throws CodecError where there are too many files, or a field of one is out of bounds.
 */
export function encodePack(kind: number, files: readonly PackedFile[]): Uint8Array {
  if (files.length === 0 || files.length > maxPackedFiles) {
    throw new CodecError(`A pack has ${files.length} files; it must have 1 to ${maxPackedFiles}.`);
  }
  let room = 1;
  for (const { path, bytes } of files) room += fixedBytes + path.length * bytesPerUnit + bytes.length;
  const item = new Uint8Array(room);
  const view = new DataView(item.buffer);
  item[0] = kind;
  let at = 1;
  for (const { path, mtime = NaN, mode, bytes } of files) {
    const { written } = encoder.encodeInto(path, item.subarray(at + fixedBytes));
    const problem = problemOf(path, written, mtime, mode);
    if (problem !== undefined) throw new CodecError(`The packed file ${JSON.stringify(path)}: ${problem}.`);
    view.setUint32(at, bytes.length);
    view.setFloat64(at + 4, mtime);
    view.setUint16(at + 12, mode);
    view.setUint16(at + 14, written);
    at += fixedBytes + written;
    item.set(bytes, at);
    at += bytes.length;
  }
  return item.subarray(0, at);
}

/**
 * Decodes a pack after the byte of its kind. The bytes of its files are views.
 *
 * @throws ProtocolError where it is malformed.
 */
export function decodePack(body: Uint8Array): FilePack {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const files: PackedFile[] = [];
  let at = 0;
  while (at < body.length) {
    if (files.length === maxPackedFiles) throw new ProtocolError(`A pack has more than ${maxPackedFiles} files.`);
    if (body.length - at < fixedBytes) throw cut();
    const length = view.getUint32(at);
    const mtime = view.getFloat64(at + 4);
    const mode = view.getUint16(at + 12);
    const pathBytes = view.getUint16(at + 14);
    at += fixedBytes;
    if (body.length - at < pathBytes + length) throw cut();
    const path = decodePath(body.subarray(at, at + pathBytes));
    const problem = problemOf(path, pathBytes, mtime, mode);
    if (problem !== undefined) throw new ProtocolError(`A packed file: ${problem}.`);
    at += pathBytes;
    const bytes = body.subarray(at, at + length);
    at += length;
    files.push(Number.isNaN(mtime) ? { path, mode, bytes } : { path, mtime, mode, bytes });
  }
  if (files.length === 0) throw new ProtocolError('A pack has no files.');
  return { kind: 'pack', files };
}

function decodePath(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new ProtocolError('The path of a packed file is not UTF-8.');
  }
}

function problemOf(path: string, bytes: number, mtime: number, mode: number): string | undefined {
  if (path === '' || path.includes('\0') || path.endsWith('/')) return 'the path is empty, of a folder, or has a NUL';
  if (bytes > maxPathBytes) return `the path has ${bytes} bytes; the limit is ${maxPathBytes}`;
  if (!Number.isNaN(mtime) && !(Number.isSafeInteger(mtime) && mtime >= 0)) return `${mtime} is not a time`;
  if (mode > maxMode) return `the mode ${mode} has more than permission bits`;
  return undefined;
}

function cut(): ProtocolError {
  return new ProtocolError('A pack ends within a file.');
}
