import { readControlMap, required } from './control-map.js';
import { MsgpackReader } from '../msgpack/msgpack-reader.js';
import { MsgpackWriter } from '../msgpack/msgpack-writer.js';

/*
 * What an error frame says beside its text, in the extra bytes of Response, MuxServerMsg and MuxConnectError (extension
 * `err`): a map `{c: code, r?: bool, s?: bool, d?: bin}`.
 */

/** The error of a call, as it goes on the wire beside its text. */
export interface CallError {
  /** Code of the error: 1 to {@link maxErrorCodeBytes} bytes. */
  readonly code: string;
  /** True: the same call may succeed later. Left out where it is false. */
  readonly retryable?: boolean | undefined;
  /** False: no handler has begun to work on the call. Left out where it is true. */
  readonly sent?: boolean | undefined;
  /** Data of a declared error, encoded. */
  readonly data?: Uint8Array | undefined;
}

/** Bytes of the code of an error. */
export const maxErrorCodeBytes = 256;

/** Encodes the extra bytes of an error frame. */
export function encodeCallError({ code, retryable = false, sent = true, data }: CallError): Uint8Array {
  const writer = new MsgpackWriter();
  writer.map(1 + Number(retryable) + Number(!sent) + Number(data !== undefined));
  writer.string('c').string(code);
  if (retryable) writer.string('r').boolean(true);
  if (!sent) writer.string('s').boolean(false);
  if (data !== undefined) writer.string('d').bin(data);
  return writer.finish();
}

/**
 * The error where a bound is reached. As the data of all errors of the library, this one is MessagePack, whatever codec
 * the routes use: `{limit: name}`. `retryable`: the bound may have room again later.
 */
export function exhausted(limit: string, retryable = false, sent = true): CallError {
  const data = new MsgpackWriter().map(1).string('limit').string(limit).finish();
  return { code: 'resource-exhausted', retryable, sent, data };
}

/** Bytes of an encoded error beside its data. */
const maxBytesBesideData = 512;

/**
 * Decodes the extra bytes of an error frame. The data is a copy; data of more than `maxDataBytes` is left out.
 *
 * @throws ProtocolError
 */
export function decodeCallError(extra: Uint8Array, maxDataBytes: number): CallError {
  const reader = new MsgpackReader(extra, 'The error of a call');
  const fields = readControlMap(reader, {
    c: (from, field) => from.string(field, maxErrorCodeBytes),
    r: (from, field) => from.boolean(field),
    s: (from, field) => from.boolean(field),
    d: extra.length > maxDataBytes + maxBytesBesideData ? skipData : readData,
  });
  const code = required(reader, 'c', fields.c);
  if (code === '') throw reader.fault('the code is empty');
  return { code, retryable: fields.r ?? false, sent: fields.s ?? true, data: fields.d };
}

function readData(reader: MsgpackReader, field: string): Uint8Array | undefined {
  return reader.bytes(field, Number.MAX_SAFE_INTEGER);
}

function skipData(reader: MsgpackReader, field: string): undefined {
  reader.skip(field);
}
