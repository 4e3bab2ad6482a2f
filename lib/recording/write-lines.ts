import { opName } from '../wire/ops.js';
import { toBase64 } from './base64.js';
import type { FrameRecord, RecordingHeader, WireRecord } from './records.js';

/** The first line of a recording, without its line break. */
export function headerLine(header: RecordingHeader): string {
  return asciiJson({ rxgrid: 'recording', ...header });
}

/** The line of a record, without its line break. Fields that are zero or absent are left out. */
export function recordLine(record: WireRecord): string {
  switch (record.kind) {
    case 'frame':
      return asciiJson(frameFields(record));
    case 'opened': {
      const calls = record.calls.map((call) => ({ ...call, mux: idText(call.mux) }));
      return asciiJson({ ...atFirst(record), calls });
    }
    default:
      return asciiJson(atFirst(record));
  }
}

function atFirst<R extends WireRecord>({ t, ...others }: R): Omit<R, 't'> & { readonly t: number } {
  return { t: time(t), ...others };
}

function frameFields({ t, kind, link, by, op, mux, payload, extra, subroute, size, ...numbers }: FrameRecord): object {
  const { seq, deadlineMs, handler, flags, route } = numbers;
  return {
    ...{ t: time(t), kind, link, by, op: opName(op) ?? op },
    ...(mux === 0 ? {} : { mux: idText(mux) }),
    ...(seq === 0 ? {} : { seq }),
    ...(deadlineMs === 0 ? {} : { deadlineMs }),
    ...(handler === 0 ? {} : { handler }),
    ...(flags === 0 ? {} : { flags }),
    ...(route === undefined ? {} : { route }),
    ...(size === 0 ? {} : { size }),
    ...(payload === undefined || payload.length === 0 ? {} : { payload: toBase64(payload) }),
    ...(extra === undefined ? {} : { extra: toBase64(extra) }),
    ...(subroute === undefined ? {} : { subroute: toBase64(subroute) }),
  };
}

// JSON has no integers beyond 2^53.
function idText(mux: number | bigint): number | string {
  return typeof mux === 'number' ? mux : String(mux);
}

/** Three digits after the point: a µs. */
function time(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

// A recording is shown in terminals, which act on some characters of the names in it.
function asciiJson(value: object): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
