import { Op } from '../../../lib/wire/ops.js';
import { describe, type MuxModel, type WireRule } from '../wire-model.js';

/** The ops that the sequence of a stream counts. */
const counted: readonly number[] = [
  Op.ConnectMux,
  Op.AckMux,
  Op.MuxClientMsg,
  Op.MuxServerMsg,
  Op.UnblockClMux,
  Op.UnblockSrvMux,
  Op.Ping,
];

/** Each direction counts its frames from 0, by one. */
export function sequence(): WireRule {
  const next = { caller: new Map<MuxModel, number>(), responder: new Map<MuxModel, number>() };
  return {
    name: 'each direction of a stream counts its frames by one',
    sent(seen) {
      const { mux, role, frame } = seen;
      if (mux === undefined || mux.unary || role === undefined || !counted.includes(frame.op)) return;
      const expected = next[role].get(mux) ?? 0;
      if (frame.seq !== expected) throw new Error(`${describe(seen)}: sequence ${frame.seq} where ${expected} is due`);
      next[role].set(mux, expected + 1);
    },
  };
}
