import { decodeConnectRequest, decodeConnectResponse } from '../../wire/payloads/connect.js';
import { decodeConnectError } from '../../wire/payloads/control.js';
import type { Frame } from '../../wire/frame.js';
import { frameLine } from '../../wire/frame-line.js';
import { Flag, isSentByCaller, Op, opensMux } from '../../wire/ops.js';
import type { Cable } from '../network/cable.js';
import { inspect } from '../marbles/inspect.js';
import { timeText } from '../marbles/marbles.js';
import type { KnownRoute } from './known-route.js';
import type { RouteBook } from './route-book.js';
import { framesOf, type Fate } from './wire-log.js';
import { decodeCredit } from '../../wire/payloads/window-payloads.js';

/** One frame as it went over a cable. */
export interface WireFrame {
  /** When it was sent, in ms since the start of the clock. */
  readonly at: number;
  readonly from: string;
  readonly to: string;
  readonly frame: Frame;
  /** The route of its mux, where the kit knows it. */
  readonly route: KnownRoute | undefined;
  /** What became of its message, where it did not simply arrive. */
  readonly fates: readonly Fate[];
}

/** A socket that opened, closed or broke, or a fault. */
export interface WireEvent {
  readonly at: number;
  readonly what: 'opened' | 'closed' | 'broken' | 'fault';
  readonly text: string;
}

/** What went over a cable since `since` (ms since the start of the clock), in order. */
export function readWire(cable: Cable, book: RouteBook, since = -Infinity): (WireFrame | WireEvent)[] {
  // Of each mux the route; keyed by the end that opened it.
  const routes = new Map<string, KnownRoute | undefined>();
  const read: (WireFrame | WireEvent)[] = [];
  for (const entry of cable.log.entries) {
    if (entry.kind === 'event') {
      if (entry.what === 'opened') routes.clear();
      if (entry.at >= since) read.push(entry);
      continue;
    }
    const { at, from, to, fates } = entry;
    for (const frame of framesOf(entry.bytes)) {
      const key = `${isSentByCaller(frame.op) ? from : to} ${frame.muxId}`;
      if (opensMux(frame.op)) routes.set(key, book.find(frame.handler, frame.subroute));
      if (at >= since) read.push({ at, from, to, frame, route: routes.get(key), fates });
    }
  }
  return read;
}

/** What went over a cable, one line a frame, for people. `start`: what counts as 0 ms. */
export function transcript(cable: Cable, book: RouteBook, start: number, last = Infinity): string {
  const lines = readWire(cable, book).map((each) => {
    const time = timeText(each.at - start);
    return 'frame' in each ? `${time}  ${wireText(each)}` : `${time}  ${cable.ends.join(' ⇄ ')}  ${each.text}`;
  });
  const shown = lines.slice(-last);
  if (shown.length < lines.length) shown.unshift(`  … ${lines.length - shown.length} lines before`);
  return shown.join('\n');
}

/** The messages with their senders, receivers and fates. */
export function wireText({ from, to, frame, route, fates }: WireFrame): string {
  const fate = fates.length === 0 ? '' : `  [${fates.join(', ')}]`;
  return `${from} → ${to}  ${frameText(frame, route)}${fate}`;
}

/** One line for a frame: `MuxServerMsg 1 #2 watch { id: 7 } Eof`. */
export function frameText(frame: Frame, route: KnownRoute | undefined): string {
  return frameLine(frame, { route: route?.name, payload: payloadText(frame, route) });
}

/** The value of a payload; undefined where the frame has none. @throws what the codec throws. */
export function valueOf(frame: Frame, route: KnownRoute | undefined): unknown {
  const { op, payload, flags } = frame;
  if ((flags & Flag.PayloadIsErr) !== 0) return new TextDecoder().decode(payload);
  switch (op) {
    case Op.Request:
    case Op.ConnectMux:
      return route === undefined ? payload : route.request.decode(payload);
    case Op.Response:
    case Op.MuxServerMsg:
      return route === undefined ? payload : route.output.decode(payload);
    case Op.MuxClientMsg:
      return route?.input === undefined ? payload : route.input.decode(payload);
    case Op.UnblockClMux:
    case Op.UnblockSrvMux:
      return decodeCredit(payload).credits;
    case Op.MuxConnectError:
      return decodeConnectError(payload);
    case Op.Connect:
      return decodeConnectRequest(payload);
    case Op.ConnectResponse:
      return decodeConnectResponse(payload);
    default:
      return payload;
  }
}

function payloadText(frame: Frame, route: KnownRoute | undefined): string {
  const isCredit = frame.op === Op.UnblockClMux || frame.op === Op.UnblockSrvMux;
  if (isCredit) return `+${inspect(safely(() => valueOf(frame, route)))}`;
  if (frame.payload.length === 0 || frame.op === Op.Ping || frame.op === Op.Pong || frame.op === Op.AckMux) return '';
  if (frame.op === Op.Connect) return handshakeText(safely(() => decodeConnectRequest(frame.payload).host));
  if (frame.op === Op.ConnectResponse) {
    return handshakeText(
      safely(() => {
        const { accepted, rejectedReason } = decodeConnectResponse(frame.payload);
        return accepted ? 'accepted' : `rejected: ${rejectedReason}`;
      }),
    );
  }
  return inspect(safely(() => valueOf(frame, route)));
}

function handshakeText(value: unknown): string {
  return typeof value === 'string' ? value : inspect(value);
}

// A transcript is read when something is wrong: a payload that does not decode is one more thing to see.
function safely(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return error;
  }
}
