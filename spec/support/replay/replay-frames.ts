import { createHash } from 'node:crypto';
import type { Frame } from '../../../lib/wire/frame.js';
import { Flag, Op, opName } from '../../../lib/wire/ops.js';
import type { Side } from './recordings.js';
import { hexOf } from '../protocol/vectors.js';

/*
 * Frames as a replay compares them: what differs from run to run (ids, times) is masked, and the mux is named by who
 * opened it, since the same id names two muxes.
 */

/** One frame that a side sent. */
export interface SentFrame {
  /** `dialer 1`: mux 1 of those that the dialer opened; `connection`: the connection itself. */
  readonly mux: string;
  readonly op: string;
  readonly seq: number;
  readonly deadlineMs: number;
  readonly handler: number;
  /** Names, without Crc. */
  readonly flags: string;
  /** Hex; of a long one, length and hash. */
  readonly payload: string;
  /** Hex. */
  readonly subroute: string;
}

/** A frame that our side must send, by the step of the recording that shows it. */
export interface ExpectedFrame extends SentFrame {
  readonly step: number;
}

export const connection = 'connection';

/** Ops that address a mux which their sender opened: wire protocol, section 2.1. */
const callerOps = new Set<number>([
  Op.Ping,
  Op.ConnectMux,
  Op.DisconnectServerMux,
  Op.MuxClientMsg,
  Op.UnblockSrvMux,
  Op.Request,
]);
/** Ops that the sequence of a mux counts, after its first frame. */
const sequencedOps = new Set(['MuxClientMsg', 'MuxServerMsg', 'UnblockSrvMux', 'UnblockClMux', 'Ping']);

export function otherSide(side: Side): Side {
  return side === 'dialer' ? 'acceptor' : 'dialer';
}

/** Who opened the mux of a frame that `sender` sent. */
export function openerOf(op: number, sender: Side): Side {
  return callerOps.has(op) ? sender : otherSide(sender);
}

export function muxName(opener: Side, id: string): string {
  return `${opener} ${id}`;
}

/** A frame as it is compared. `idOf`: the recording's id of a mux. */
export function sentFrame(frame: Frame, sender: Side, idOf: (opener: Side, id: Frame['muxId']) => string): SentFrame {
  const { muxId, op, flags, payload, subroute } = frame;
  const opener = openerOf(op, sender);
  const names = (Object.keys(Flag) as (keyof typeof Flag)[]).filter(
    (name) => name !== 'Crc' && (flags & Flag[name]) !== 0,
  );
  return {
    mux: muxId === 0 ? connection : muxName(opener, idOf(opener, muxId)),
    op: opName(op) ?? String(op),
    seq: frame.seq,
    deadlineMs: frame.deadlineMs,
    handler: frame.handler,
    flags: names.join(' '),
    payload: payloadText(op, muxId, payload),
    subroute: subroute === undefined ? '' : hexOf(subroute),
  };
}

function payloadText(op: number, muxId: Frame['muxId'], payload: Uint8Array): string {
  if (payload.length > 1_000) {
    return `${payload.length} bytes ${createHash('sha256').update(payload).digest('hex')}`;
  }
  const hex = hexOf(payload);
  switch (muxId === 0 ? op : undefined) {
    case Op.Connect:
      return hex.replace(/(?<=a24944c410).{32}/, '<id>').replace(/(?<=a454696d65c70c05).{24}/, '<time>');
    case Op.ConnectResponse:
      return hex.replace(/(?<=a24944c410).{32}/, '<id>');
    case Op.Ping:
      return hex.replace(/(?<=^81a174c70c05).{24}$/, '<time>');
    default:
      return hex;
  }
}

/** True for a frame that takes the next sequence number of its mux. */
export function isSequenced({ mux, op }: SentFrame): boolean {
  return mux !== connection && sequencedOps.has(op);
}

export function isCredit({ op }: SentFrame): boolean {
  return op === 'UnblockSrvMux' || op === 'UnblockClMux';
}

/** Numbers the sequenced frames of each mux anew, from 1: what remains after some were taken out or put in. */
export function renumber<F extends SentFrame>(frames: readonly F[]): F[] {
  const last = new Map<string, number>();
  return frames.map((frame) => {
    if (!isSequenced(frame)) return frame;
    const seq = (last.get(frame.mux) ?? 0) + 1;
    last.set(frame.mux, seq);
    return { ...frame, seq };
  });
}

/**
 * The frames as lines, by mux. The connection's own pings are apart from its answers: the one follow a timer, the other
 * the other side. In the muxes of `apart`, credits are only counted and what else there is comes without its number:
 * there, how the two follow each other is a matter of time.
 */
export function linesByMux(frames: readonly SentFrame[], apart: ReadonlySet<string>): Record<string, string[]> {
  const groups: Record<string, string[]> = {};
  const add = (key: string, text: string): void => {
    (groups[key] ??= []).push(text);
  };
  for (const frame of frames) {
    if (frame.mux === connection) add(`${connection}: ${frame.op}`, lineOf(frame));
    else if (!apart.has(frame.mux)) add(frame.mux, lineOf(frame));
    else if (isCredit(frame)) add(`${frame.mux}: credits`, frame.payload);
    else add(frame.mux, lineOf(isSequenced(frame) ? { ...frame, seq: 0 } : frame));
  }
  return groups;
}

function lineOf({ mux, op, seq, deadlineMs, handler, flags, payload, subroute }: SentFrame): string {
  const parts = [mux, op, `#${seq}`];
  if (handler !== 0) parts.push(`handler ${handler}`);
  if (deadlineMs !== 0) parts.push(`${deadlineMs} ms`);
  if (flags !== '') parts.push(flags);
  if (subroute !== '') parts.push(`subroute ${subroute}`);
  if (payload !== '') parts.push(payload);
  return parts.join(' ');
}
