import { CodecError } from '../../errors.js';
import { readControlMap, required } from './control-map.js';
import { MsgpackReader } from '../msgpack/msgpack-reader.js';
import { MsgpackWriter } from '../msgpack/msgpack-writer.js';

/*
 * Payloads that carry credit windows, between hosts that announced the extensions `ack`, `credits` and `bytes`.
 * Decoders throw ProtocolError. Most streams of a program have the same windows, so the last payload of each kind is
 * cached.
 */

/** The payload of AckMux (extension `ack`; all but `in` with extension `bytes`). */
export interface Ack {
  /** In capacity of the handler: items that the caller may send at first. */
  readonly in: number;
  /** Unacknowledged bytes at which the caller stops sending items. */
  readonly inBytes?: number | undefined;
  /** The responder never uses more credit than so many items and bytes, whatever the caller grants. */
  readonly out?: number | undefined;
  readonly outBytes?: number | undefined;
}

/** The payload of UnblockSrvMux and UnblockClMux (extension `credits`). */
export interface Credit {
  /** Number of further items that may be sent. */
  readonly credits: number;
  /** Number of items that the receiver has finished with, oldest first (extension `bytes`). */
  readonly acknowledged: number;
}

/** Encodes the payload of AckMux. @throws CodecError where a number is no integer from 0 to 2^53 − 1. */
export function encodeAck(ack: Ack): Uint8Array {
  return acks.encode(ack.in, ack.inBytes, ack.out, ack.outBytes);
}

/**
 * Decodes the payload of AckMux. An empty one is that of a peer without the extension: do not decode it. @throws
 * ProtocolError
 */
export function decodeAck(payload: Uint8Array): Ack {
  return acks.decode(payload);
}

/**
 * Encodes the payload of UnblockSrvMux and UnblockClMux. `acknowledged` is given only where it differs from `credits`,
 * and between hosts that announced `bytes`, where `credits` may be 0.
 *
 * @throws CodecError where a number is out of range.
 */
export function encodeCredit(credits: number, acknowledged?: number): Uint8Array {
  const writer = new MsgpackWriter().uint(credits);
  if (acknowledged !== undefined) writer.uint(acknowledged);
  else if (credits === 0) throw new CodecError('A credit frame gives at least one credit.');
  return writer.finish();
}

const one: Credit = { credits: 1, acknowledged: 1 };

/** Decodes the payload of UnblockSrvMux and UnblockClMux. An empty one is one credit. @throws ProtocolError */
export function decodeCredit(payload: Uint8Array): Credit {
  if (payload.length === 0) return one;
  const reader = new MsgpackReader(payload, 'Unblock');
  const credits = reader.uint('the number of credits');
  const acknowledged = reader.atEnd ? credits : reader.uint('the number of acknowledged items');
  reader.end();
  if (credits === 0 && acknowledged === 0) throw reader.fault('the number of credits is 0');
  return { credits, acknowledged };
}

/** A longer payload has keys that this side does not know, and is not cached. */
const maxKeptBytes = 128;

/** Encodes and decodes maps of unsigned integers, and caches the last one in each direction. */
class UintMap<T extends object> {
  readonly #name: string;
  readonly #keys: readonly string[];
  readonly #make: (values: readonly (number | undefined)[]) => T;
  #values: readonly (number | undefined)[] = [];
  #encoded: Uint8Array = new Uint8Array(0);
  #payload: Uint8Array = new Uint8Array(0);
  #decoded: T | undefined = undefined;

  /** The first key is required. */
  constructor(name: string, keys: readonly string[], make: (values: readonly (number | undefined)[]) => T) {
    this.#name = name;
    this.#keys = keys;
    this.#make = make;
  }

  encode(...values: readonly (number | undefined)[]): Uint8Array {
    const last = this.#values;
    if (values.length === last.length && values.every((value, index) => value === last[index])) return this.#encoded;
    const writer = new MsgpackWriter().map(values.filter((value) => value !== undefined).length);
    this.#keys.forEach((key, index) => {
      const value = values[index];
      if (value !== undefined) writer.string(key).uint(value);
    });
    this.#encoded = writer.finish();
    this.#values = values;
    return this.#encoded;
  }

  decode(payload: Uint8Array): T {
    if (this.#decoded !== undefined && sameBytes(payload, this.#payload)) return this.#decoded;
    const reader = new MsgpackReader(payload, this.#name);
    const read = (from: MsgpackReader, field: string): number => from.uint(field);
    const found = readControlMap(reader, Object.fromEntries(this.#keys.map((key) => [key, read])));
    required(reader, this.#keys[0]!, found[this.#keys[0]!]);
    const decoded = this.#make(this.#keys.map((key) => found[key]));
    if (payload.length <= maxKeptBytes) {
      this.#decoded = decoded;
      this.#payload = payload.slice();
    }
    return decoded;
  }
}

/** True where both hold the same bytes. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false;
  return true;
}

const acks = new UintMap('AckMux', ['in', 'inBytes', 'out', 'outBytes'], ([capacity, inBytes, out, outBytes]): Ack => ({
  in: capacity!,
  inBytes,
  out,
  outBytes,
}));
