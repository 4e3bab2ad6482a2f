import { CodecError, ProtocolError } from '../errors.js';
import { maxPathBytes } from '../bounds.js';
import { pipedOf } from '../piped.js';
import { checkedText, controlBounds, boundedText, readControlMap, required } from '../wire/payloads/control-map.js';
import { MsgpackReader } from '../wire/msgpack/msgpack-reader.js';
import { MsgpackWriter } from '../wire/msgpack/msgpack-writer.js';
import { decodePack, type FilePack } from './file-pack.js';

/*
 * The items of a stream of files. Files follow each other in one stream:
 *
 *     file   = header data* end | header data* error | error | pack
 *     item   = one kind byte, body
 *
 * The body of a header, an end and an error is a MessagePack map; the body of data is bytes of the file. A header whose
 * path ends with a slash is that of a folder, and has no data. An error outside a file reports a requested file that
 * cannot be sent. A pack has small files as a whole: see file-pack.ts.
 */

/** The first byte of an item. */
export const FileKind = { Header: 1, Data: 2, End: 3, Error: 4, Pack: 5 } as const;

/** The bytes of a data item that precede those of the file. */
export const fileDataPrefix: Uint8Array = Uint8Array.of(FileKind.Data);

/** Bounds of the fields of a header, an end and an error, in bytes. */
const fileItemBounds = {
  /** A path. */
  path: maxPathBytes,
  /** The name of a hash, or of a mode (`via`). */
  hashName: 32,
  /** The value of a hash. */
  hash: 64,
  /** The code of an error. */
  code: 64,
} as const;

/** The permission bits, with those of set-uid, set-gid and sticky. */
const maxMode = 0o7777;

/** Begins a file. */
export interface FileHeader {
  readonly kind: 'header';
  /** Path of the file relative to the request, with slashes; a folder has one at the end. */
  readonly path: string;
  /** Bytes of the whole file. */
  readonly size: number;
  /** Offset in the file of the first byte that follows. */
  readonly offset: number;
  /** Number of bytes that follow. */
  readonly length: number;
  /** Time of the last change, in ms since the epoch. */
  readonly mtime?: number;
  /** Permission bits. */
  readonly mode?: number;
  /** The hash of the bytes that follow, for instance `sha256`; its value comes with the end. */
  readonly hash?: string;
  /** How the sender reads the file, for people: `kernel`, `pooled` or `browser`. */
  readonly via?: string;
}

/** The next bytes of a file. */
export interface FileData {
  readonly kind: 'data';
  /** A view into the item. */
  readonly bytes: Uint8Array;
}

/** Ends a file. */
export interface FileEnd {
  readonly kind: 'end';
  /** Number of bytes that were sent, equal to the length in the header. */
  readonly length: number;
  /** The value of the hash that the header names. */
  readonly hash?: Uint8Array;
}

/** Ends a file whose sending has failed, or reports a file that cannot be sent. */
export interface FileFailure {
  readonly kind: 'error';
  /** For programs: a code of a FileError. */
  readonly code: string;
  /** For people. */
  readonly message: string;
}

/** An item of a stream of files. */
export type FileItem = FileHeader | FileData | FileEnd | FileFailure | FilePack;

/**
 * Encodes the item that begins a file.
 *
 * @throws CodecError where a number or a text is out of bounds, or where the bytes that follow are not within the file.
 */
export function encodeFileHeader(header: Omit<FileHeader, 'kind'>): Uint8Array {
  const { path, size, offset, length, mtime, mode, hash, via } = header;
  const problem = problemOf(header);
  if (problem !== undefined) throw new CodecError(`The header of ${JSON.stringify(path)}: ${problem}.`);
  const optional = [mtime, mode, hash, via].filter((value) => value !== undefined).length;
  const writer = writeKind(FileKind.Header);
  writer.map(4 + optional);
  writer.string('path').string(checkedText('The path of a file', path, fileItemBounds.path));
  writer.string('size').uint(size).string('offset').uint(offset).string('length').uint(length);
  if (mtime !== undefined) writer.string('mtime').uint(mtime);
  if (mode !== undefined) writer.string('mode').uint(mode);
  if (hash !== undefined)
    writer.string('hash').string(checkedText('The name of a hash', hash, fileItemBounds.hashName));
  if (via !== undefined) writer.string('via').string(checkedText('The mode of a sender', via, fileItemBounds.hashName));
  return writer.finish();
}

/**
 * Encodes the item that ends a file.
 *
 * @throws CodecError where the length is not an unsigned integer, or the hash has more than 64 bytes.
 */
export function encodeFileEnd({ length, hash }: Omit<FileEnd, 'kind'>): Uint8Array {
  if (hash !== undefined && hash.length > fileItemBounds.hash) {
    throw new CodecError(`A hash has ${hash.length} bytes; the limit is ${fileItemBounds.hash}.`);
  }
  const writer = writeKind(FileKind.End);
  writer.map(hash === undefined ? 1 : 2);
  writer.string('length').uint(length);
  if (hash !== undefined) writer.string('hash').bin(hash);
  return writer.finish();
}

/**
 * Encodes the item for a file that cannot be sent. A message that is too long is truncated.
 *
 * @throws CodecError where the code has more than 64 bytes.
 */
export function encodeFileError({ code, message }: Omit<FileFailure, 'kind'>): Uint8Array {
  const writer = writeKind(FileKind.Error);
  writer.map(2);
  writer.string('code').string(checkedText('The code of an error', code, fileItemBounds.code));
  writer.string('message').string(boundedText(message));
  return writer.finish();
}

/** Encodes a data item by copying. Senders of many bytes write {@link fileDataPrefix} before them instead. */
export function encodeFileData(bytes: Uint8Array): Uint8Array {
  const item = new Uint8Array(fileDataPrefix.length + bytes.length);
  item.set(fileDataPrefix);
  item.set(bytes, fileDataPrefix.length);
  return item;
}

/**
 * Decodes an item. The bytes of a data item are a view into it. Whether a path may be used is for the receiver to
 * check.
 *
 * @throws ProtocolError where the item is malformed.
 */
export function decodeFileItem(item: Uint8Array): FileItem {
  switch (item[0]) {
    case FileKind.Data:
      return { kind: 'data', bytes: item.subarray(1) };
    case FileKind.Header:
      return decodeHeader(item.subarray(1));
    case FileKind.End:
      return decodeEnd(item.subarray(1));
    case FileKind.Error:
      return decodeError(item.subarray(1));
    case FileKind.Pack:
      return decodePack(item.subarray(1));
    case undefined:
      throw new ProtocolError('An item of a stream of files is empty: it must begin with its kind.');
    default:
      throw new ProtocolError(`An item of a stream of files has the kind ${item[0]}; 1 to 5 are known.`);
  }
}

/** Number of bytes of files in an item. */
export function contentBytes(item: FileItem): number {
  if (item.kind === 'data') return (pipedOf(item) ?? item).bytes.length;
  return item.kind === 'pack' ? item.files.reduce((sum, { bytes }) => sum + bytes.length, 0) : 0;
}

function writeKind(kind: number): MsgpackWriter {
  // MessagePack encodes numbers below 128 as themselves.
  return new MsgpackWriter().uint(kind);
}

function decodeHeader(body: Uint8Array): FileHeader {
  const reader = new MsgpackReader(body, 'The header of a file');
  const { path, size, offset, length, mtime, mode, hash, via } = readControlMap(reader, {
    path: (from, field) => from.string(field, fileItemBounds.path),
    size: readUint,
    offset: readUint,
    length: readUint,
    mtime: readUint,
    mode: readUint,
    hash: (from, field) => from.string(field, fileItemBounds.hashName),
    via: (from, field) => from.string(field, fileItemBounds.hashName),
  });
  const header: FileHeader = {
    kind: 'header',
    path: required(reader, 'path', path),
    size: required(reader, 'size', size),
    offset: required(reader, 'offset', offset),
    length: required(reader, 'length', length),
    ...(mtime === undefined ? {} : { mtime }),
    ...(mode === undefined ? {} : { mode }),
    ...(hash === undefined ? {} : { hash }),
    ...(via === undefined ? {} : { via }),
  };
  const problem = problemOf(header);
  if (problem !== undefined) throw reader.fault(problem);
  return header;
}

function decodeEnd(body: Uint8Array): FileEnd {
  const reader = new MsgpackReader(body, 'The end of a file');
  const { length, hash } = readControlMap(reader, {
    length: readUint,
    hash: (from, field) => from.bytes(field, fileItemBounds.hash),
  });
  return { kind: 'end', length: required(reader, 'length', length), ...(hash === undefined ? {} : { hash }) };
}

function decodeError(body: Uint8Array): FileFailure {
  const reader = new MsgpackReader(body, 'The error of a file');
  const { code, message } = readControlMap(reader, {
    code: (from, field) => from.string(field, fileItemBounds.code),
    message: (from, field) => from.text(field, controlBounds.text),
  });
  return { kind: 'error', code: required(reader, 'code', code), message: required(reader, 'message', message) };
}

function readUint(reader: MsgpackReader, field: string): number {
  return reader.uint(field);
}

/** Describes the fault of a header that either side made; undefined for a header without one. */
function problemOf({ path, size, offset, length, mode, hash }: Omit<FileHeader, 'kind'>): string | undefined {
  if (path === '' || path.includes('\0')) return 'the path is empty, or has a NUL';
  // Not `offset + length > size`: the sum may be above 2^53.
  if (offset > size || length > size - offset) return `${length} bytes from ${offset} are not within ${size} bytes`;
  if (path.endsWith('/') && size > 0) return 'a folder has no bytes';
  if (mode !== undefined && mode > maxMode) return `the mode ${mode} has more than permission bits`;
  if (hash === '') return 'the name of the hash is empty';
  return undefined;
}
