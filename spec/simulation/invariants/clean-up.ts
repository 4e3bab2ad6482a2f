import { Op } from '../../../lib/wire/ops.js';
import { describe, type MuxModel, type WireRule } from '../wire-model.js';

/** Who hears the cancel of a stream says that it is gone. */
export function cleanUp(): WireRule & { check(): void } {
  const due = new Map<MuxModel, string>();
  return {
    name: 'the cancel of a stream is answered',
    arrived(seen) {
      const { mux, frame } = seen;
      if (mux !== undefined && !mux.unary && frame.op === Op.DisconnectServerMux && !mux.gone)
        due.set(mux, describe(seen));
    },
    sent({ mux, frame }) {
      if (mux === undefined || (frame.op !== Op.DisconnectClientMux && frame.op !== Op.MuxConnectError)) return;
      mux.gone = true;
      due.delete(mux);
    },
    changed(circuit, end) {
      if (!circuit.closed[end]) return;
      for (const mux of due.keys()) if (mux.circuit === circuit) due.delete(mux);
    },
    check() {
      for (const [mux, text] of due) if (!mux.circuit.tampered) throw new Error(`${text}: no answer`);
    },
  };
}
