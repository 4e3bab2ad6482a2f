import type { Received } from '../../codec/codec.js';
import type { Duplex, Unary } from '../../contract/contract.js';
import type { Bound } from '../../contract/handler.js';
import type { MuxId } from '../../wire/frame.js';
import { Flag, Op, type OpName } from '../../wire/ops.js';
import { equal } from '../marbles/equality.js';
import { inspect } from '../marbles/inspect.js';
import type { RouteBook } from './route-book.js';
import { valueOf, type WireFrame } from './transcript.js';

/** Fields of a frame that a matcher may ask for. Flags: those that must be set, or 'none'. */
export interface FrameDetails {
  readonly muxId?: MuxId;
  readonly seq?: number;
  readonly deadlineMs?: number;
  readonly flags?: readonly (keyof typeof Flag)[];
}

interface Wanted {
  readonly name: string;
  readonly op: number;
  readonly route?: Bound['route'] | undefined;
  /** In a box: undefined may be what is wanted. */
  readonly value?: { readonly wanted: unknown } | undefined;
  readonly set?: number;
  readonly unset?: number;
  readonly from?: string;
  readonly details?: FrameDetails;
}

/** Says which frame is expected. Made by the members of `frames`. */
export class FrameMatcher {
  readonly #wanted: Wanted;

  /** @internal Take one of the functions below. */
  constructor(wanted: Wanted) {
    this.#wanted = wanted;
  }

  /** The same, sent by this end. */
  from(end: string): FrameMatcher {
    return new FrameMatcher({ ...this.#wanted, from: end });
  }

  /** The same, with these fields. */
  with(details: FrameDetails): FrameMatcher {
    return new FrameMatcher({ ...this.#wanted, details: { ...this.#wanted.details, ...details } });
  }

  /** Names the route, so that transcripts show it. */
  teach(book: RouteBook): void {
    if (this.#wanted.route !== undefined) book.add(this.#wanted.route);
  }

  /** Whether a frame is the expected one. */
  matches({ frame, from, route }: WireFrame, book: RouteBook): boolean {
    const { op, set = 0, unset = 0, details = {}, value } = this.#wanted;
    if (frame.op !== op || (frame.flags & set) !== set || (frame.flags & unset) !== 0) return false;
    if (this.#wanted.from !== undefined && this.#wanted.from !== from) return false;
    for (const key of ['muxId', 'seq', 'deadlineMs'] as const) {
      if (details[key] !== undefined && details[key] !== frame[key]) return false;
    }
    if (details.flags?.every((name) => (frame.flags & Flag[name]) !== 0) === false) return false;
    const wantedRoute = this.#wanted.route === undefined ? undefined : book.add(this.#wanted.route);
    if (wantedRoute !== undefined && route !== wantedRoute) return false;
    if (value === undefined) return true;
    try {
      return equal(valueOf(frame, wantedRoute ?? route), value.wanted);
    } catch {
      return false;
    }
  }

  /** The frame that is expected, as transcripts write it. */
  toString(): string {
    const { name, route, value, from, details } = this.#wanted;
    const args = [
      ...(route === undefined ? [] : [route.name]),
      ...(value === undefined ? [] : [inspect(value.wanted)]),
    ];
    const fields = details === undefined ? '' : `.with(${inspect(details)})`;
    return `frames.${name}(${args.join(', ')})${from === undefined ? '' : `.from(${inspect(from)})`}${fields}`;
  }
}

/** A value or none. A rest parameter distinguishes "no value given" from "the value is undefined". */
export type MaybeValue<T> = readonly [] | readonly [value: T];

function box(given: readonly unknown[]): { readonly wanted: unknown } | undefined {
  return given.length === 0 ? undefined : { wanted: given[0] };
}

/* eslint-disable @typescript-eslint/no-explicit-any -- contracts of any shapes. */

/** A Request: of a route, with a value, where these are given. */
export function request<R extends Unary<any, any>>(
  route?: R,
  ...value: MaybeValue<Received<R['request']>>
): FrameMatcher {
  return new FrameMatcher({ name: 'request', op: Op.Request, route, value: box(value) });
}

/** A Response that is no error. */
export function response<R extends Unary<any, any>>(
  route?: R,
  ...value: MaybeValue<Received<R['response']>>
): FrameMatcher {
  return new FrameMatcher({ name: 'response', op: Op.Response, route, value: box(value), unset: Flag.PayloadIsErr });
}

/** A ConnectMux: a stream is opened. */
export function open<R extends Duplex<any, any, any>>(
  route?: R,
  ...value: MaybeValue<Received<R['request']>>
): FrameMatcher {
  return new FrameMatcher({ name: 'open', op: Op.ConnectMux, route, value: box(value) });
}

/** An item of a stream's input, from the caller. */
export function input<R extends Duplex<any, any, any>>(
  route?: R,
  ...value: MaybeValue<Received<R['input']>>
): FrameMatcher {
  return new FrameMatcher({ name: 'input', op: Op.MuxClientMsg, route, value: box(value), unset: Flag.Eof });
}

/** An item of a stream's output, from the responder. */
export function output<R extends Duplex<any, any, any>>(
  route?: R,
  ...value: MaybeValue<Received<R['output']>>
): FrameMatcher {
  const unset = Flag.Eof | Flag.PayloadIsErr;
  return new FrameMatcher({ name: 'output', op: Op.MuxServerMsg, route, value: box(value), unset });
}

/* eslint-enable @typescript-eslint/no-explicit-any */

/** A Response with an error text. */
export function responseError(...text: MaybeValue<unknown>): FrameMatcher {
  return new FrameMatcher({ name: 'responseError', op: Op.Response, value: box(text), set: Flag.PayloadIsErr });
}

/** A MuxConnectError: the call could not start. */
export function refused(...text: MaybeValue<unknown>): FrameMatcher {
  return new FrameMatcher({ name: 'refused', op: Op.MuxConnectError, value: box(text) });
}

/** An AckMux: the stream is open. */
export function ack(): FrameMatcher {
  return named('ack', Op.AckMux);
}

/** The end of a stream's input. */
export function halfClose(): FrameMatcher {
  return new FrameMatcher({ name: 'halfClose', op: Op.MuxClientMsg, set: Flag.Eof });
}

/** The end of a stream's output. */
export function end(): FrameMatcher {
  return new FrameMatcher({ name: 'end', op: Op.MuxServerMsg, set: Flag.Eof, unset: Flag.PayloadIsErr });
}

/** The end of a stream with an error text. */
export function fail(...text: MaybeValue<unknown>): FrameMatcher {
  return new FrameMatcher({ name: 'fail', op: Op.MuxServerMsg, value: box(text), set: Flag.PayloadIsErr });
}

/** Credit for the output, from the caller: so many items more. */
export function outputCredit(...items: MaybeValue<unknown>): FrameMatcher {
  return new FrameMatcher({ name: 'outputCredit', op: Op.UnblockSrvMux, value: box(items) });
}

/** Credit for the input, from the responder: so many items more. */
export function inputCredit(...items: MaybeValue<unknown>): FrameMatcher {
  return new FrameMatcher({ name: 'inputCredit', op: Op.UnblockClMux, value: box(items) });
}

/** The caller gives the mux up. */
export function cancel(): FrameMatcher {
  return named('cancel', Op.DisconnectServerMux);
}

/** The responder says that the mux is gone. */
export function gone(): FrameMatcher {
  return named('gone', Op.DisconnectClientMux);
}

/** A Ping: of the connection, or of a stream. */
export function ping(): FrameMatcher {
  return named('ping', Op.Ping);
}

/** A Pong. */
export function pong(): FrameMatcher {
  return named('pong', Op.Pong);
}

/** The first message of a dialer. */
export function connectRequest(...value: MaybeValue<unknown>): FrameMatcher {
  return new FrameMatcher({ name: 'connectRequest', op: Op.Connect, value: box(value) });
}

/** The answer of an acceptor. */
export function connectResponse(...value: MaybeValue<unknown>): FrameMatcher {
  return new FrameMatcher({ name: 'connectResponse', op: Op.ConnectResponse, value: box(value) });
}

/** Any frame with this op. */
export function anyFrame(op: OpName): FrameMatcher {
  return named(op, Op[op]);
}

function named(name: string, op: number): FrameMatcher {
  return new FrameMatcher({ name, op });
}
