import { Flag, Op, opName } from '../../../lib/wire/ops.js';
import { describe, isEof, type MuxModel, type WireRule } from '../wire-model.js';

/** How an end of a mux knows that it is over: by what it sent, which is final, or by what it heard at that time. */
type End =
  | { readonly by: 'sent' }
  | {
      readonly by: 'heard';
      readonly at: number;
      /** The socket was full: a handler may have ended before, whose last frames wait in the send queue. */
      readonly congested: boolean;
    };

/** What may follow the end: the clean-up, and answers to strays. */
const afterwards: readonly number[] = [Op.DisconnectClientMux, Op.DisconnectServerMux, Op.Pong];

/** Each end of a mux ends once, and sends nothing after that but clean-up and stray answers. */
export function muxEnd(): WireRule & { check(): void } {
  const ends = { caller: new Map<MuxModel, End>(), responder: new Map<MuxModel, End>() };
  // What was sent after an end was heard of, and is right only if the handler had ended before that.
  const pending = new Map<MuxModel, string>();
  return {
    name: 'a mux ends once, and its end is the last thing that is sent on it',
    sent(seen) {
      const { mux, role, frame, at } = seen;
      if (mux === undefined || role === undefined) return;
      const end = ends[role].get(mux);
      // What was written before an end was heard of leaves in the same turn.
      const isOver = end !== undefined && (end.by === 'sent' || end.at < at);
      if (isOver && !afterwards.includes(frame.op)) {
        const text = `${describe(seen)}: ${opName(frame.op) ?? frame.op} after its end`;
        if (role === 'caller' || end.by === 'sent' || !end.congested) throw new Error(text);
        pending.set(mux, text);
      }
      if (!endsSender(frame.op, frame.flags)) return;
      if (frame.op === Op.MuxServerMsg || frame.op === Op.Response) pending.delete(mux);
      ends[role].set(mux, { by: 'sent' });
    },
    arrived({ circuit, end, mux, role, frame, at }) {
      if (mux === undefined || role === undefined || ends[role].has(mux)) return;
      if (!endsReceiver(frame.op, isEof(frame), frame.flags)) return;
      ends[role].set(mux, { by: 'heard', at, congested: circuit.congested[end] });
    },
    changed(circuit, end) {
      if (!circuit.closed[end]) return;
      for (const mux of pending.keys()) if (mux.circuit === circuit) pending.delete(mux);
    },
    check() {
      for (const text of pending.values()) throw new Error(text);
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
