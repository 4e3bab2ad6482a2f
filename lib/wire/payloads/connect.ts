import { CodecError } from '../../errors.js';
import { boundedText, checkedText, controlBounds, readControlMap, required } from './control-map.js';
import { MsgpackReader } from '../msgpack/msgpack-reader.js';
import { MsgpackWriter } from '../msgpack/msgpack-writer.js';
import { readTimestamp, writeTimestamp, type Timestamp } from '../msgpack/timestamp.js';

/*
 * Payloads of the handshake (wire protocol, section 4): MessagePack maps, written in the order in which reference peers
 * write them, read in any.
 */

/** Length in bytes of the id of a process. */
export const processIdLength = 16;

/** The id of a process, at random. */
export function newProcessId(source: { random(): number }): Uint8Array {
  return Uint8Array.from({ length: processIdLength }, () => Math.floor(source.random() * 256));
}

/** Extensions that one side may announce; more is a fault. */
const maxExtensions = 64;

/** What a side announces to support: the name of each extension, with its version or value. */
export type Extensions = Readonly<Record<string, number>>;

/** Payload of Connect: the first message of a connection, by the dialer. */
export interface ConnectRequest {
  /** 16 bytes, made once per process: a new id means that the process restarted. */
  readonly id: Uint8Array;
  /** Name of the dialer, as the other hosts have it configured; empty for a leaf. */
  readonly host: string;
  /** When it was sent, by the clock of the dialer. */
  readonly time: Timestamp;
  /** The token, which proves the identity of the dialer. */
  readonly token: string;
  /** Extensions that the dialer supports. */
  readonly ext?: Extensions;
  /** True for a leaf: it can not be dialed. */
  readonly leaf?: boolean;
}

/** Payload of ConnectResponse: the answer of the acceptor. */
export interface ConnectResponse {
  /** 16 bytes, made once per process. */
  readonly id: Uint8Array;
  /** False: the connection is rejected, and ends. */
  readonly accepted: boolean;
  /** Why it is rejected, for people; empty when it is accepted. */
  readonly rejectedReason: string;
  /** Extensions that the acceptor supports. */
  readonly ext?: Extensions;
  /** Name of the acceptor, for a leaf. */
  readonly name?: string;
}

/**
 * Encodes the payload of Connect.
 *
 * @throws CodecError when the id is not 16 bytes, the host name has more than 1 KiB or the token more than 16 KiB, or a
 * number is out of range.
 */
export function encodeConnectRequest({ id, host, time, token, ext, leaf }: ConnectRequest): Uint8Array {
  const writer = new MsgpackWriter();
  writer.map(4 + (ext === undefined ? 0 : 1) + (leaf === undefined ? 0 : 1));
  writeId(writer, id);
  writer.string('Host').string(checkedText('The host name', host, controlBounds.host));
  writer.string('Time');
  writeTimestamp(writer, time);
  writer.string('Token').string(checkedText('The token', token, controlBounds.token));
  if (ext !== undefined) writeExtensions(writer, ext);
  if (leaf !== undefined) writer.string('Leaf').boolean(leaf);
  return writer.finish();
}

/**
 * Decodes the payload of Connect. It trusts nothing: its sender is not authenticated yet.
 *
 * @throws ProtocolError
 */
export function decodeConnectRequest(payload: Uint8Array): ConnectRequest {
  const reader = new MsgpackReader(payload, 'Connect');
  const { ID, Host, Time, Token, Ext, Leaf } = readControlMap(reader, {
    ID: readId,
    Host: readHost,
    Time: readTimestamp,
    Token: (from, field) => from.string(field, controlBounds.token),
    Ext: readExtensions,
    Leaf: readBoolean,
  });
  return {
    id: required(reader, 'ID', ID),
    host: required(reader, 'Host', Host),
    time: required(reader, 'Time', Time),
    token: required(reader, 'Token', Token),
    ...(Ext === undefined ? {} : { ext: Ext }),
    ...(Leaf === undefined ? {} : { leaf: Leaf }),
  };
}

/**
 * Encodes the payload of ConnectResponse. A reason that is too long is cut.
 *
 * @throws CodecError when the id is not 16 bytes, the name has more than 1 KiB, or a number is out of range.
 */
export function encodeConnectResponse({ id, accepted, rejectedReason, ext, name }: ConnectResponse): Uint8Array {
  const writer = new MsgpackWriter();
  writer.map(3 + (ext === undefined ? 0 : 1) + (name === undefined ? 0 : 1));
  writeId(writer, id);
  writer.string('Accepted').boolean(accepted);
  writer.string('RejectedReason').string(boundedText(rejectedReason));
  if (ext !== undefined) writeExtensions(writer, ext);
  if (name !== undefined) writer.string('Name').string(checkedText('The host name', name, controlBounds.host));
  return writer.finish();
}

/**
 * Decodes the payload of ConnectResponse.
 *
 * @throws ProtocolError
 */
export function decodeConnectResponse(payload: Uint8Array): ConnectResponse {
  const reader = new MsgpackReader(payload, 'ConnectResponse');
  const { ID, Accepted, RejectedReason, Ext, Name } = readControlMap(reader, {
    ID: readId,
    Accepted: readBoolean,
    RejectedReason: (from, field) => from.text(field, controlBounds.text),
    Ext: readExtensions,
    Name: readHost,
  });
  return {
    id: required(reader, 'ID', ID),
    accepted: required(reader, 'Accepted', Accepted),
    rejectedReason: required(reader, 'RejectedReason', RejectedReason),
    ...(Ext === undefined ? {} : { ext: Ext }),
    ...(Name === undefined ? {} : { name: Name }),
  };
}

function writeId(writer: MsgpackWriter, id: Uint8Array): void {
  if (id.length !== processIdLength) {
    throw new CodecError(`A process id has ${processIdLength} bytes, not ${id.length}.`);
  }
  writer.string('ID').bin(id);
}

function readId(reader: MsgpackReader, field: string): Uint8Array {
  return reader.bin(field, processIdLength);
}

function readHost(reader: MsgpackReader, field: string): string {
  return reader.string(field, controlBounds.host);
}

function readBoolean(reader: MsgpackReader, field: string): boolean {
  return reader.boolean(field);
}

function writeExtensions(writer: MsgpackWriter, extensions: Extensions): void {
  const entries = Object.entries(extensions);
  if (entries.length > maxExtensions) {
    throw new CodecError(`${entries.length} extensions are announced; the limit is ${maxExtensions}.`);
  }
  writer.string('Ext').map(entries.length);
  for (const [name, value] of entries) writer.string(name).uint(value);
}

function readExtensions(reader: MsgpackReader, field: string): Extensions {
  const entries: [string, number][] = [];
  reader.map(field, (name) => {
    if (entries.length === maxExtensions) throw reader.fault(`${field} has more than ${maxExtensions} entries`);
    entries.push([name, reader.uint(`${field}.${name}`)]);
    return true;
  });
  // Not by assignment: a key "__proto__" would change the prototype.
  return Object.fromEntries(entries);
}
