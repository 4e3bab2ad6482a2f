import { Flag, Op, opName } from '../../../lib/wire/ops.js';
import { describe, isEof, type MuxModel, type WireRule } from '../wire-model.js';

/** How an end of a mux knows that it is over: by what it sent, which is final, or by what it heard at that time. */
type End =
  | { readonly by: 'sent' }
  | {
      readonly by: 'heard';
      readonly at: number;
      /** The socket was full: the response of a handler that had ended may wait in the send queue. */
      readonly congested: boolean;
    };

/**
 * In simulations, the slices of a message may each be read 5 ms late (`message-reader.ts`): what ends a mux has
 * arrived, and is not known yet.
 */
const readLateMs = 25;

/** What may follow the end: the clean-up, and answers to strays. */
const afterwards: readonly number[] = [Op.DisconnectClientMux, Op.DisconnectServerMux, Op.Pong];

/** Each end of a mux ends once, and sends nothing after that but clean-up and stray answers. */
export function muxEnd(): WireRule {
  const ends = { caller: new Map<MuxModel, End>(), responder: new Map<MuxModel, End>() };
  return {
    name: 'a mux ends once, and its end is the last thing that is sent on it',
    sent(seen) {
      const { mux, role, frame, at } = seen;
      if (mux === undefined || role === undefined) return;
      const end = ends[role].get(mux);
      // What was written before an end was heard of leaves in the same turn.
      const isOver = end !== undefined && (end.by === 'sent' || end.at + readLateMs < at);
      if (isOver && !afterwards.includes(frame.op)) {
        // Nobody can take it back, and it is one frame.
        const waited = mux.unary && role === 'responder' && end.by === 'heard' && end.congested;
        if (!waited) throw new Error(`${describe(seen)}: ${opName(frame.op) ?? frame.op} after its end`);
      }
      if (endsSender(frame.op, frame.flags)) ends[role].set(mux, { by: 'sent' });
    },
    arrived({ circuit, end, mux, role, frame, at }) {
      if (mux === undefined || role === undefined || ends[role].has(mux)) return;
      if (!endsReceiver(frame.op, isEof(frame), frame.flags)) return;
      ends[role].set(mux, { by: 'heard', at, congested: circuit.congested[end] });
    },
  };
}

function endsSender(op: number, flags: number): boolean {
  switch (op) {
    case Op.Response:
    case Op.MuxConnectError:
    case Op.DisconnectClientMux:
    case Op.DisconnectServerMux:
      return true;
    case Op.MuxServerMsg:
      return (flags & Flag.Eof) !== 0;
    default:
      return false;
  }
}

function endsReceiver(op: number, eof: boolean, flags: number): boolean {
  return op === Op.MuxServerMsg ? eof || (flags & Flag.PayloadIsErr) !== 0 : endsSender(op, flags);
}
