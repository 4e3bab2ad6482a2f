import { boundedText, controlBounds, readControlMap, required } from './control-map.js';
import { MsgpackReader } from '../msgpack/msgpack-reader.js';
import { MsgpackWriter } from '../msgpack/msgpack-writer.js';
import { readTimestamp, writeTimestamp, type Timestamp } from '../msgpack/timestamp.js';

/*
 * Payloads of the control frames of an open connection (wire protocol, sections 5 to 7): MessagePack, written in the
 * order in which reference peers write it, read in any. Decoders throw ProtocolError and skip keys that they do not
 * know.
 */

/** Payload of the connection's Ping. */
export interface Ping {
  /** When it was sent, by the clock of the sender. */
  readonly time: Timestamp;
}

/** Payload of Pong. */
export interface Pong {
  /** True: the responder does not know the mux. */
  readonly unknown: boolean;
  /** What went wrong, for people; undefined (nil on the wire) when nothing did. */
  readonly error: string | undefined;
  /** The time of the Ping. In the Pong of a stream it is undefined (nil on the wire), or means nothing. */
  readonly time: Timestamp | undefined;
}

/**
 * Encodes the payload of Ping.
 *
 * @throws CodecError when the time is out of range.
 */
export function encodePing(ping: Ping): Uint8Array {
  const writer = new MsgpackWriter();
  writer.map(1).string('t');
  writeTimestamp(writer, ping.time);
  return writer.finish();
}

/**
 * Decodes the payload of the connection's Ping. That of a stream is empty: do not decode it.
 *
 * @throws ProtocolError
 */
export function decodePing(payload: Uint8Array): Ping {
  const reader = new MsgpackReader(payload, 'Ping');
  const { t } = readControlMap(reader, { t: readTimestamp });
  return { time: required(reader, 't', t) };
}

/**
 * Encodes the payload of Pong. An error that is too long is cut.
 *
 * @throws CodecError when the time is out of range.
 */
export function encodePong({ unknown, error, time }: Pong): Uint8Array {
  const writer = new MsgpackWriter();
  writer.map(3).string('nf').boolean(unknown).string('e');
  if (error === undefined) writer.nil();
  else writer.string(boundedText(error));
  writer.string('t');
  if (time === undefined) writer.nil();
  else writeTimestamp(writer, time);
  return writer.finish();
}

/**
 * Decodes the payload of Pong. A missing `e` or `t` counts as nil.
 *
 * @throws ProtocolError
 */
export function decodePong(payload: Uint8Array): Pong {
  const reader = new MsgpackReader(payload, 'Pong');
  const { nf, e, t } = readControlMap(reader, {
    nf: (from, field) => from.boolean(field),
    e: (from, field) => (from.nil() ? undefined : from.text(field, controlBounds.text)),
    t: (from, field) => (from.nil() ? undefined : readTimestamp(from, field)),
  });
  return { unknown: required(reader, 'nf', nf), error: e, time: t };
}

/**
 * Payload of Disconnect (extension `drain`): the sender takes no new calls on this connection, and finishes those that
 * run.
 */
export interface DrainNotice {
  /** Why, for people. */
  readonly reason: string;
  /**
   * In how many ms the sender closes the connection at the latest. 0: it closes now, and every call that it began to
   * work on is answered; what has no answer was never begun.
   */
  readonly ms: number;
}

/** Encodes the payload of Disconnect. A reason that is too long is cut. */
export function encodeDrainNotice({ reason, ms }: DrainNotice): Uint8Array {
  return new MsgpackWriter().map(2).string('r').string(boundedText(reason)).string('ms').uint(ms).finish();
}

/**
 * Decodes the payload of Disconnect.
 *
 * @throws ProtocolError
 */
export function decodeDrainNotice(payload: Uint8Array): DrainNotice {
  const reader = new MsgpackReader(payload, 'Disconnect');
  const { r, ms } = readControlMap(reader, {
    r: (from, field) => from.text(field, controlBounds.text),
    ms: (from, field) => from.uint(field),
  });
  return { reason: required(reader, 'r', r), ms: required(reader, 'ms', ms) };
}

/**
 * Encodes the payload of MuxConnectError.
 *
 * @param error - Why the call could not start, for people. It is cut when it is too long.
 */
export function encodeConnectError(error: string): Uint8Array {
  return new MsgpackWriter().map(1).string('Error').string(boundedText(error)).finish();
}

/**
 * Decodes the payload of MuxConnectError: why the call could not start, for people.
 *
 * @throws ProtocolError
 */
export function decodeConnectError(payload: Uint8Array): string {
  const reader = new MsgpackReader(payload, 'MuxConnectError');
  const fields = readControlMap(reader, { Error: (from, field) => from.text(field, controlBounds.text) });
  return required(reader, 'Error', fields.Error);
}
