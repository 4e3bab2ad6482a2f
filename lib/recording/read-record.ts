import { isMap } from '../check.js';
import { printable } from '../printable.js';
import type { MuxId } from '../wire/frame.js';
import { Op, subrouteBytes } from '../wire/ops.js';
import { fromBase64 } from './base64.js';
import {
  extensionNames,
  recordingVersion,
  type FrameRecord,
  type OpenCall,
  type OpenedRecord,
  type RecordingHeader,
  type RouteRecord,
  type WireRecord,
} from './records.js';
import { RecordingError } from './recording-error.js';

/** The fields of one line, with the number of the line for errors. */
interface Line {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly number: number;
}

const uint32 = 0xffff_ffff;
const maxMux = 2n ** 64n;

/** Reads the first line. @throws RecordingError where it is no header, or of a later version. */
export function readHeader(text: string): RecordingHeader {
  const no = 'this is not a recording of rxgrid. rxgrid record makes one.';
  let line: Line;
  try {
    line = parse(text, 1);
  } catch {
    throw new RecordingError(no, 1);
  }
  if (line.fields.rxgrid !== 'recording') throw new RecordingError(no, 1);
  const version = whole(line, 'version', uint32);
  if (version !== recordingVersion) {
    throw new RecordingError(
      `its format has the version ${String(version)}, and this rxgrid reads version ${String(recordingVersion)}. Use the rxgrid that recorded it${version > recordingVersion ? ', or a newer one' : ''}.`,
      1,
    );
  }
  return {
    version,
    host: textOf(line, 'host'),
    at: time(line, 'at'),
    payloads: line.fields.payloads === true,
    library: textOf(line, 'library'),
  };
}

/** Reads one of the following lines. @throws RecordingError that names the line and the field. */
export function readRecord(text: string, number: number): WireRecord {
  const line = parse(text, number);
  const t = time(line, 't');
  const { kind } = line.fields;
  switch (kind) {
    case 'frame':
      return readFrame(line, t);
    case 'opened':
      return readOpened(line, t);
    case 'closed':
      return { kind, t, link: whole(line, 'link', uint32), reason: textOf(line, 'reason') };
    case 'route':
      return readRoute(line, t);
    case 'gap':
      return { kind, t, records: whole(line, 'records', Number.MAX_SAFE_INTEGER) };
    case 'end':
      return { kind, t, reason: textOf(line, 'reason') };
    default:
      throw fault(line, 'kind', 'one of frame, opened, closed, route, gap and end');
  }
}

function readFrame(line: Line, t: number): FrameRecord {
  const payload = bytes(line, 'payload');
  const size = whole(line, 'size', uint32, 0);
  if (payload !== undefined && payload.length !== size) throw fault(line, 'payload', `${String(size)} bytes in base64`);
  const subroute = bytes(line, 'subroute');
  if (subroute !== undefined && subroute.length !== subrouteBytes) {
    throw fault(line, 'subroute', `${String(subrouteBytes)} bytes in base64`);
  }
  return {
    kind: 'frame',
    t,
    link: whole(line, 'link', uint32),
    by: by(line),
    op: readOp(line),
    mux: line.fields.mux === undefined ? 0 : readMux(line),
    seq: whole(line, 'seq', uint32, 0),
    deadlineMs: whole(line, 'deadlineMs', uint32, 0),
    handler: whole(line, 'handler', 0xff, 0),
    flags: whole(line, 'flags', 0xff, 0),
    size,
    payload: size === 0 ? new Uint8Array(0) : payload,
    extra: bytes(line, 'extra'),
    subroute,
    route: line.fields.route === undefined ? undefined : whole(line, 'route', uint32),
  };
}

function readOpened(line: Line, t: number): OpenedRecord {
  const { peer, extensions, calls } = line.fields;
  if (peer !== 'host' && peer !== 'leaf') throw fault(line, 'peer', '"host" or "leaf"');
  if (!Array.isArray(extensions)) throw fault(line, 'extensions', 'a list');
  if (!Array.isArray(calls)) throw fault(line, 'calls', 'a list');
  return {
    kind: 'opened',
    t,
    link: whole(line, 'link', uint32),
    host: textOf(line, 'host'),
    peer,
    extended: line.fields.extended === true,
    extensions: extensionNames.filter((name) => extensions.includes(name)),
    calls: calls.map((call: unknown): OpenCall => {
      if (!isMap(call)) throw fault(line, 'calls', 'a list of objects');
      const entry = { fields: call, number: line.number };
      return { mux: readMux(entry), by: by(entry), route: whole(entry, 'route', uint32) };
    }),
  };
}

function readRoute(line: Line, t: number): RouteRecord {
  const { type, input } = line.fields;
  if (type !== 'unary' && type !== 'duplex') throw fault(line, 'type', '"unary" or "duplex"');
  return {
    kind: 'route',
    t,
    route: whole(line, 'route', uint32),
    name: textOf(line, 'name'),
    type,
    handler: whole(line, 'handler', 0xff),
    request: textOf(line, 'request'),
    output: textOf(line, 'output'),
    input: input === undefined ? undefined : textOf(line, 'input'),
  };
}

function parse(text: string, number: number): Line {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RecordingError('it is not JSON. The file is damaged.', number);
  }
  if (!isMap(value)) throw new RecordingError('it is not an object. The file is damaged.', number);
  return { fields: value, number };
}

function fault({ fields, number }: Line, name: string, expected: string): RecordingError {
  const found = name in fields ? `, and not ${printable(JSON.stringify(fields[name]), 60)}` : '';
  return new RecordingError(`${JSON.stringify(name)} has to be ${expected}${found}. The file is damaged.`, number);
}

function whole(line: Line, name: string, max: number, otherwise?: number): number {
  const value = line.fields[name];
  if (value === undefined && otherwise !== undefined) return otherwise;
  if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max) return value as number;
  throw fault(line, name, `a whole number up to ${String(max)}`);
}

function time(line: Line, name: string): number {
  const value = line.fields[name];
  if (typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER) return value;
  throw fault(line, name, 'a time in ms');
}

function textOf(line: Line, name: string): string {
  const value = line.fields[name];
  if (typeof value === 'string') return value;
  throw fault(line, name, 'a text');
}

function bytes(line: Line, name: string): Uint8Array | undefined {
  const value = line.fields[name];
  if (value === undefined) return undefined;
  const read = typeof value === 'string' ? fromBase64(value) : undefined;
  if (read === undefined) throw fault(line, name, 'base64');
  return read;
}

function by(line: Line): 'local' | 'remote' {
  const value = line.fields.by;
  if (value === 'local' || value === 'remote') return value;
  throw fault(line, 'by', '"local" or "remote"');
}

function readOp(line: Line): number {
  const { op } = line.fields;
  if (typeof op === 'string' && Object.hasOwn(Op, op)) return Op[op as keyof typeof Op];
  if (typeof op === 'number') return whole(line, 'op', 0xff);
  throw fault(line, 'op', 'the name of an op');
}

function readMux(line: Line): MuxId {
  const { mux } = line.fields;
  if (typeof mux !== 'string') return whole(line, 'mux', Number.MAX_SAFE_INTEGER);
  const id = /^\d{1,20}$/.test(mux) ? BigInt(mux) : maxMux;
  if (id > Number.MAX_SAFE_INTEGER && id < maxMux) return id;
  throw fault(line, 'mux', 'a number of 64 bits');
}
