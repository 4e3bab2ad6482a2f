import { msgpack } from '../../codec/msgpack-codec.js';
import { errorText } from '../../errors.js';
import { printable } from '../../printable.js';
import { callerOf, callKey } from '../../recording/recorded-calls.js';
import type { FrameRecord, Recording, RouteRecord, WireRecord } from '../../recording/records.js';
import { decodeConnectError } from '../../wire/payloads/control.js';
import { frameLine } from '../../wire/frame-line.js';
import { Flag, Op, opensMux } from '../../wire/ops.js';
import { decodeAck, decodeCredit } from '../../wire/payloads/window-payloads.js';
import { toJson } from '../output/json-value.js';
import { jsonText } from '../output/output.js';

/** Characters of a payload in a line. */
const maxValueLength = 200;
const codec = msgpack({ maxItems: 1 << 16 });

/** The lines of a transcript: one for each record. `shows`: says which calls, by the name of their route. */
export function* transcriptLines(
  { header, records }: Recording,
  shows: (route: RouteRecord | undefined) => boolean,
): Generator<string> {
  const naming = new Naming();
  const width = (records.at(-1)?.t ?? 0).toFixed(1).length;
  for (const record of records) {
    const route = naming.take(record);
    if (record.kind === 'route' || (record.kind === 'frame' && !shows(route))) continue;
    const text = lineOf(record, route, naming.peerOf(record), header.host);
    yield `${record.t.toFixed(1).padStart(width)} ms  ${printable(text, 1_000)}`;
  }
}

/** Keeps the names of a recording while it is read: those of the connections, and the routes of the calls. */
class Naming {
  readonly #routes = new Map<number, RouteRecord>();
  readonly #peers = new Map<number, string>();
  readonly #calls = new Map<string, RouteRecord>();

  /** The route of a frame, where it is known. */
  take(record: WireRecord): RouteRecord | undefined {
    if (record.kind === 'route') this.#routes.set(record.route, record);
    if (record.kind === 'opened') {
      this.#peers.set(record.link, record.host);
      for (const { mux, by, route } of record.calls) this.#name(`${String(record.link)} ${callKey(by, mux)}`, route);
    }
    if (record.kind !== 'frame') return undefined;
    const key = `${String(record.link)} ${callKey(callerOf(record), record.mux)}`;
    if (opensMux(record.op)) this.#name(key, record.route);
    return this.#calls.get(key);
  }

  peerOf(record: WireRecord): string {
    return 'link' in record ? (this.#peers.get(record.link) ?? `connection ${String(record.link)}`) : '';
  }

  #name(key: string, number: number | undefined): void {
    const route = number === undefined ? undefined : this.#routes.get(number);
    if (route === undefined) this.#calls.delete(key);
    else this.#calls.set(key, route);
  }
}

function lineOf(record: WireRecord, route: RouteRecord | undefined, peer: string, host: string): string {
  switch (record.kind) {
    case 'frame': {
      const [from, to] = record.by === 'local' ? [host, peer] : [peer, host];
      return `${from} → ${to}  ${recordText(record, route)}`;
    }
    case 'opened': {
      const calls = record.calls.length === 0 ? '' : `, ${String(record.calls.length)} streams open`;
      return `${host} ⇄ ${peer}  connected (${record.peer}${record.extended ? '' : ', without extensions'}${calls})`;
    }
    case 'closed':
      return `${host} ⇄ ${peer}  closed${record.reason === '' ? '' : `: ${record.reason}`}`;
    case 'gap':
      return `… ${String(record.records)} records are missing: the reader was too slow`;
    case 'end':
      return `the end: ${record.reason}`;
    case 'route':
      return '';
  }
}

/** One frame: `MuxServerMsg 1 #2 watch {"id":7} Eof`. */
export function recordText(frame: FrameRecord, route: RouteRecord | undefined): string {
  const payload = payloadText(frame, route);
  return frameLine({ ...frame, muxId: frame.mux }, { route: route?.name, payload, hidden: ['PayloadIsZero'] });
}

/** The payload of a frame in a few words; empty where there is none. */
export function payloadText(frame: FrameRecord, route: RouteRecord | undefined): string {
  const { op, payload, size, flags } = frame;
  if (op === Op.Ping || op === Op.Pong) return '';
  if (op === Op.UnblockClMux || op === Op.UnblockSrvMux) return creditText(payload);
  if (op === Op.AckMux) return ackText(payload);
  if (size === 0) return '';
  if (payload === undefined) return `(${String(size)} bytes)`;
  try {
    if (op === Op.MuxConnectError) return JSON.stringify(decodeConnectError(payload));
    if ((flags & Flag.PayloadIsErr) !== 0) return JSON.stringify(new TextDecoder().decode(payload));
    return valueText(payload, codecOf(op, route));
  } catch (error) {
    return `(${String(size)} bytes: ${errorText(error)})`;
  }
}

function codecOf(op: number, route: RouteRecord | undefined): string {
  if (opensMux(op)) return route?.request ?? 'msgpack';
  return (op === Op.MuxClientMsg ? route?.input : route?.output) ?? 'msgpack';
}

function valueText(payload: Uint8Array, name: string): string {
  let text = `(${String(payload.length)} bytes of ${name})`;
  if (name === 'msgpack') text = jsonText(toJson(codec.decode(payload)));
  else if (name === 'json') text = new TextDecoder().decode(payload);
  return text.length > maxValueLength ? `${text.slice(0, maxValueLength)}… (${String(payload.length)} bytes)` : text;
}

function creditText(payload: Uint8Array | undefined): string {
  try {
    return `+${String(payload === undefined ? '?' : decodeCredit(payload).credits)}`;
  } catch {
    return '+?';
  }
}

function ackText(payload: Uint8Array | undefined): string {
  if (payload === undefined || payload.length === 0) return '';
  try {
    return `window ${String(decodeAck(payload).in)}`;
  } catch {
    return '';
  }
}
