import { printable } from '../../printable.js';
import { hasItem, recordedCalls, type RecordedCall } from '../../recording/recorded-calls.js';
import type { By, FrameRecord, Recording, RouteRecord } from '../../recording/records.js';
import { Flag, Op } from '../../wire/ops.js';
import { payloadText } from './recording-text.js';
import { cut } from '../output/table.js';

/** Widest name of a line before its marbles. */
const maxNameWidth = 40;
const letters = 'abcdefghijklmnopqrstuvwxyz';

/** One event of a diagram. */
interface Mark {
  readonly t: number;
  readonly sign: string;
}

/**
 * Calls as marbles, with one character for so many ms that they fit into `columns`: of each call a line with what its
 * caller sends, `^` at the beginning and `!` where it cancels, and one with what the handler sends, as in marble tests
 * of rxjs.
 */
export function marbleLines(
  recording: Recording,
  columns: number,
  shows: (route: RouteRecord | undefined) => boolean,
): string[] {
  const calls = recordedCalls(recording).filter(({ route }) => shows(route));
  if (calls.length === 0) return ['no calls', ...gapLines(recording, columns)];
  const names = calls.map((call) => [nameOf(call, 'caller', recording), nameOf(call, 'handler', recording)]);
  const longest = names.flat().reduce((length, name) => Math.max(length, name.length), 0);
  const width = Math.min(maxNameWidth, longest, Math.floor(columns / 2));
  const { first, last } = spanOf(calls);
  const step = stepOf((last - first) / Math.max(10, columns - width - 4));
  const lines = [cut(`one character is ${String(step)} ms, from ${first.toFixed(1)} ms on`, columns)];
  const legend = new Legend();
  calls.forEach((call, index) => {
    const [ofCaller, ofHandler] = marksOf(call, legend);
    names[index]!.forEach((name, side) => {
      const drawn = diagram(side === 0 ? ofCaller : ofHandler, first, step);
      lines.push(cut(`${cut(name, width).padEnd(width)}  ${drawn}`.trimEnd(), columns));
    });
  });
  return [...lines, ...legend.lines(columns), ...gapLines(recording, columns)];
}

// The diagrams of these calls lack some of their marks.
function gapLines({ records }: Recording, columns: number): string[] {
  return records.flatMap((record) =>
    record.kind === 'gap'
      ? [cut(`${record.t.toFixed(1)} ms: ${String(record.records)} records are missing from here on`, columns)]
      : [],
  );
}

// The frames of a file that was made by hand are in any order.
function spanOf(calls: readonly RecordedCall[]): { readonly first: number; readonly last: number } {
  let first = Infinity;
  let last = 0;
  const add = (t: number): void => {
    first = Math.min(first, t);
    last = Math.max(last, t);
  };
  for (const { frames, end, endedAt } of calls) {
    for (const { t } of frames) add(t);
    if (frames.length === 0 || end === 'lost') add(endedAt);
  }
  return { first, last };
}

function nameOf(call: RecordedCall, side: 'caller' | 'handler', { header }: Recording): string {
  const [caller, handler] = call.by === 'local' ? [header.host, call.peer] : [call.peer, header.host];
  const name =
    call.route?.name ?? (call.opening === undefined ? 'a stream' : `handler ${String(call.opening.handler)}`);
  return printable(side === 'caller' ? `${name} ${String(call.mux)}: ${caller}` : `  ${handler}`, maxNameWidth);
}

function marksOf(call: RecordedCall, legend: Legend): readonly [Mark[], Mark[]] {
  const sides: [Mark[], Mark[]] = [[], []];
  const caller: By = call.by;
  for (const frame of call.frames) {
    const side = sides[frame.by === caller ? 0 : 1];
    for (const sign of signsOf(frame, call.route, legend)) side.push({ t: frame.t, sign });
  }
  if (call.end === 'lost') for (const side of sides) side.push({ t: call.endedAt, sign: '#' });
  return sides;
}

function signsOf(frame: FrameRecord, route: RouteRecord | undefined, legend: Legend): readonly string[] {
  const { op, flags } = frame;
  const failed = (flags & Flag.PayloadIsErr) !== 0;
  switch (op) {
    case Op.Request:
    case Op.ConnectMux:
      return ['^'];
    case Op.Response:
      return failed ? ['#'] : [legend.sign(payloadText(frame, route)), '|'];
    case Op.MuxConnectError:
    case Op.DisconnectClientMux:
      return ['#'];
    case Op.DisconnectServerMux:
      return ['!'];
    case Op.MuxClientMsg:
    case Op.MuxServerMsg: {
      if (failed) return ['#'];
      const ends = (flags & Flag.Eof) !== 0;
      return [...(hasItem(frame) ? [legend.sign(payloadText(frame, route))] : []), ...(ends ? ['|'] : [])];
    }
    default:
      return [];
  }
}

/** What the letters of the diagrams stand for; equal values have equal letters. */
class Legend {
  readonly #signs = new Map<string, string>();

  sign(text: string): string {
    const known = this.#signs.get(text);
    if (known !== undefined) return known;
    const letter = letters[this.#signs.size];
    if (letter === undefined) return '*';
    this.#signs.set(text, letter);
    return letter;
  }

  lines(columns: number): string[] {
    return [...this.#signs].map(([text, sign]) =>
      cut(`${sign}: ${printable(text === '' ? '(empty)' : text)}`, columns),
    );
  }
}

// A sign that does not fit into its column goes into the next ones; several items that do not fit are one sign.
function diagram(marks: readonly Mark[], first: number, step: number): string {
  let text = '';
  for (const { t, sign } of marks) {
    const column = Math.floor((t - first) / step);
    const isItem = !'^!|#'.includes(sign);
    if (isItem && column < text.length && text.endsWith('*')) continue;
    if (isItem && column < text.length - 1) {
      text += '*';
      continue;
    }
    text = text.padEnd(column, '-') + sign;
  }
  return text;
}

/** 1, 2 or 5 times a power of ten, at least a tenth of a millisecond. */
function stepOf(ms: number): number {
  for (let power = 0.1; ; power *= 10) {
    for (const factor of [1, 2, 5]) {
      const step = Number((factor * power).toPrecision(1));
      if (step >= ms) return step;
    }
  }
}
