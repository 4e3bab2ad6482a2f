import { printable } from '../../printable.js';
import { readControlMap } from './control-map.js';
import { emptyPayload } from '../frame.js';
import { MsgpackReader } from '../msgpack/msgpack-reader.js';
import { MsgpackWriter } from '../msgpack/msgpack-writer.js';
import { sameBytes } from './window-payloads.js';

/*
 * The extra bytes of the frames that open a call: one map. Its entry `m`, in Request and ConnectMux, is the metadata of
 * the call, a map of strings to strings (extension `meta`); `w` and `b`, in ConnectMux, are the window of the output
 * (extension `bytes`).
 */

/** The window of the receiver of an output. */
export interface OutputWindow {
  /** Items that the responder may send at first. */
  readonly items: number;
  /** Unacknowledged bytes at which the responder stops sending items. */
  readonly bytes: number;
}

/** Metadata of a call, by key. */
export type Meta = Readonly<Record<string, string>>;

/** The metadata of a call that has none. */
export const noMeta: Meta = Object.freeze(Object.create(null) as Record<string, string>);

/** Bytes of a key of the metadata. */
const maxMetaKeyBytes = 256;
/** Entries of the metadata of one call. */
export const maxMetaEntries = 256;

/** Bytes of the extra of an opening frame beside its metadata, at most. */
export const maxOpeningBytes = 64;

/** The extra bytes of a frame that opens a call. */
export interface OpeningExtra {
  /** Undefined where the caller sends none. */
  readonly window: OutputWindow | undefined;
  readonly meta: Meta | undefined;
}

/** Encodes metadata, without the map around it. */
export function encodeMeta(meta: Meta): Uint8Array {
  const entries = Object.entries(meta);
  const writer = new MsgpackWriter().map(entries.length);
  for (const [key, value] of entries) writer.string(key).string(value);
  return writer.finish();
}

/** The extra bytes of Request. `meta` is what {@link encodeMeta} made. */
export function requestExtra(meta: Uint8Array): Uint8Array {
  return new MsgpackWriter().map(1).string('m').encoded(meta).finish();
}

// Most streams of a program have the same window.
let lastWindow: OutputWindow = { items: -1, bytes: -1 };
let lastEncoded: Uint8Array = emptyPayload;

/**
 * The extra bytes of ConnectMux; undefined where there are none. `meta` is what {@link encodeMeta} made.
 *
 * @throws CodecError where a number is out of range.
 */
export function openingExtra(window: OutputWindow | undefined, meta: Uint8Array | undefined): Uint8Array | undefined {
  if (window === undefined) return meta === undefined ? undefined : requestExtra(meta);
  if (meta !== undefined) return writeWindow(new MsgpackWriter().map(3), window).string('m').encoded(meta).finish();
  if (window.items !== lastWindow.items || window.bytes !== lastWindow.bytes) {
    lastEncoded = writeWindow(new MsgpackWriter().map(2), window).finish();
    lastWindow = window;
  }
  return lastEncoded;
}

function writeWindow(writer: MsgpackWriter, { items, bytes }: OutputWindow): MsgpackWriter {
  return writer.string('w').uint(items).string('b').uint(bytes);
}

/** A longer one carries metadata, or more than this side reads, and is not kept. */
const maxKeptBytes = 128;
let keptBytes: Uint8Array = emptyPayload;
let kept: OpeningExtra = { window: undefined, meta: undefined };

/**
 * Decodes the extra bytes of Request or ConnectMux; `withMeta`: the metadata, too, whose bounds {@link metaFault}
 * checks. Most streams of a program have the same windows and no metadata: what was decoded last is kept.
 *
 * @throws ProtocolError
 */
export function decodeOpeningExtra(extra: Uint8Array, withMeta = true): OpeningExtra {
  if (keptBytes.length > 0 && sameBytes(extra, keptBytes)) return kept;
  const reader = new MsgpackReader(extra, 'The extension of an opening frame');
  const { w, b, m } = readControlMap(reader, { w: readUint, b: readUint, m: withMeta ? readMeta : skip });
  if (w === undefined && b !== undefined) throw reader.fault('the key w is missing');
  const decoded = {
    // Where a caller leaves the bytes out, nothing is bounded beyond what this side has declared.
    window: w === undefined ? undefined : { items: w, bytes: b ?? Number.MAX_SAFE_INTEGER },
    meta: m,
  };
  if (withMeta && m === undefined && extra.length <= maxKeptBytes) {
    kept = decoded;
    keptBytes = extra.slice();
  }
  return decoded;
}

function readUint(reader: MsgpackReader, field: string): number {
  return reader.uint(field);
}

function skip(reader: MsgpackReader, field: string): undefined {
  reader.skip(field);
}

// A call whose metadata is beyond a bound is refused, and not its connection: the bytes were bounded before.
const anyMap = { entries: Number.MAX_SAFE_INTEGER, keyBytes: Number.MAX_SAFE_INTEGER };

function readMeta(reader: MsgpackReader, field: string): Meta {
  const meta = Object.create(null) as Record<string, string>;
  reader.map(
    field,
    (key) => {
      // The key itself is not named in a fault: it is as long as the other side likes.
      meta[key] = reader.string(`a value of ${field}`, Number.MAX_SAFE_INTEGER);
      return true;
    },
    anyMap,
  );
  return meta;
}

/**
 * Why metadata cannot go on the wire, or must not be taken from it; undefined where it can. A key or a value with
 * control characters could change what a log or a header shows.
 */
export function metaFault(meta: Meta): string | undefined {
  const entries = Object.entries<unknown>(meta);
  if (entries.length > maxMetaEntries) {
    return `metadata has ${String(entries.length)} entries, and at most ${String(maxMetaEntries)} are allowed`;
  }
  for (const [key, value] of entries) {
    if (key === '') return 'metadata has an empty key';
    if (typeof value !== 'string') return `metadata must be texts, and ${printable(key)} is of type ${typeof value}`;
    if (isUnfit(key)) return `the key ${printable(key)} of the metadata has control characters or half characters`;
    if (isUnfit(value)) return `the metadata ${printable(key)} has control characters or half characters`;
    if (key.length > maxMetaKeyBytes / 4 && utf8.encode(key).length > maxMetaKeyBytes) {
      return `the key ${printable(key)} of the metadata has more than ${String(maxMetaKeyBytes)} bytes`;
    }
  }
  return undefined;
}

const utf8 = new TextEncoder();
// Control characters, and halves of surrogate pairs.
const unfit = /[\p{Cc}\p{Cs}]/u;
// Most metadata: the other expression takes several times as long.
const printableAscii = /^[ -~]*$/;

function isUnfit(text: string): boolean {
  return !printableAscii.test(text) && unfit.test(text);
}
