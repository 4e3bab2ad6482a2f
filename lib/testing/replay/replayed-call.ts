import { hasItem, type RecordedCall } from '../../recording/recorded-calls.js';
import { decodeCallError } from '../../wire/payloads/call-error.js';
import { Flag, Op, opensMux } from '../../wire/ops.js';
import type { KnownRoute } from '../frames/known-route.js';
import type { RouteBook } from '../frames/route-book.js';
import { inspect } from '../marbles/inspect.js';

/** What the host sent in a call, then or now. */
export interface CallOutcome {
  /**
   * Values that it sent: the response, the items of a stream, or, of a call that it made, its request and its input.
   */
  readonly values: readonly unknown[];
  /** How the call ended; `open`: it had not when the recording ended. */
  readonly end: RecordedCall['end'];
  /** Text of the error that the handler's side sent. */
  readonly error: string | undefined;
  /** Code of that error, where both sides of the connection announced codes (`err`). */
  readonly code: string | undefined;
  /** When it ended, in ms since the beginning of the recording. */
  readonly at: number;
}

/** One call in the recording and in the replay. */
export interface ReplayedCall {
  /** Name of the route; `handler 9` where no handler is registered for it. */
  readonly route: string;
  /** The host or the leaf at the other end. */
  readonly peer: string;
  /** `remote`: the recorded host handled it; `local`: it made it. */
  readonly by: 'local' | 'remote';
  /** When it was made, in ms since the beginning of the recording. */
  readonly at: number;
  /** What its caller asked for. */
  readonly request: unknown;
  /** Undefined where the host made no such call then. */
  readonly recorded: CallOutcome | undefined;
  /** Undefined where the host makes no such call now. */
  readonly replayed: CallOutcome | undefined;
}

/** The route of a call, where the replay has a handler for it or has called it. */
export function routeOf({ opening }: RecordedCall, book: RouteBook): KnownRoute | undefined {
  return opening === undefined ? undefined : book.find(opening.handler, opening.subroute);
}

/** What the host sent in a call. */
export function outcomeOf(call: RecordedCall, book: RouteBook): CallOutcome {
  const route = routeOf(call, book);
  const values: unknown[] = [];
  let error: string | undefined;
  let code: string | undefined;
  for (const frame of call.frames) {
    const { by, op, flags, payload, extra } = frame;
    const failed = (flags & Flag.PayloadIsErr) !== 0 || op === Op.MuxConnectError;
    if (failed && extra !== undefined) code = codeOf(extra);
    if (failed && payload !== undefined) error = new TextDecoder().decode(payload);
    const isData = op === Op.MuxServerMsg || op === Op.MuxClientMsg;
    if (by !== 'local' || failed || (isData && !hasItem(frame))) continue;
    const codec = codecOf(op, route);
    if (codec !== undefined) values.push(decoded(payload, codec));
  }
  return { values, end: call.end, error, code, at: call.endedAt };
}

/** What the caller of a call asked for. */
export function requestOf(call: RecordedCall, book: RouteBook): unknown {
  return decoded(call.opening?.payload, routeOf(call, book)?.request ?? raw);
}

/** Where the replay differs from the recording, a line for each call. */
export function differenceOf({ route, peer, by, at, recorded, replayed }: ReplayedCall): string | undefined {
  const [then, now] = [recorded, replayed].map(textOf);
  if (then === now) return undefined;
  const what = by === 'remote' ? `${route} of ${peer}` : `the host's call of ${route} at ${peer}`;
  return `${what} at ${at.toFixed(1)} ms: recorded ${then!}, now ${now!}`;
}

// The file may be damaged.
function codeOf(extra: Uint8Array): string | undefined {
  try {
    return decodeCallError(extra, 0).code;
  } catch {
    return undefined;
  }
}

function textOf(outcome: CallOutcome | undefined): string {
  if (outcome === undefined) return 'no such call';
  const { values, end, error, code } = outcome;
  // The text of an error may contain an id that differs each time.
  const what = code ?? error;
  const ended = what === undefined ? end : `${end}: ${what}`;
  return `${inspect(values)} (${ended})`;
}

type Decoder = Pick<KnownRoute['request'], 'decode'>;
const raw: Decoder = { decode: (bytes) => bytes };

function codecOf(op: number, route: KnownRoute | undefined): Decoder | undefined {
  if (opensMux(op)) return route?.request ?? raw;
  if (op === Op.MuxClientMsg) return route?.input ?? raw;
  return op === Op.Response || op === Op.MuxServerMsg ? (route?.output ?? raw) : undefined;
}

function decoded(payload: Uint8Array | undefined, codec: Decoder): unknown {
  if (payload === undefined) return undefined;
  try {
    return codec.decode(payload);
  } catch (error) {
    return error;
  }
}
