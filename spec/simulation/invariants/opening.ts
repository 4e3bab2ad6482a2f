import type { RouteBook } from '../../../lib/testing/index.js';
import type { FrameView } from '../../../lib/wire/frame.js';
import { Op } from '../../../lib/wire/ops.js';
import type { Ledger } from '../ledger.js';
import type { Script } from '../routes.js';
import { describe, type WireRule } from '../wire-model.js';

/** A call that is over for its caller is not sent any more: what waited in the send queue is taken back. */
export function opening(book: RouteBook, ledger: () => Ledger): WireRule {
  const scriptOf = ({ handler, subroute, payload }: FrameView): Script | undefined => {
    try {
      return book.find(handler, subroute)?.request.decode(payload) as Script | undefined;
    } catch {
      // An unusual call, whose request is not meant to be decoded.
      return undefined;
    }
  };
  return {
    name: 'a call that is over is not sent',
    arrived({ circuit, frame, at }) {
      if ((frame.op !== Op.Request && frame.op !== Op.ConnectMux) || frame.deadlineMs === 0) return;
      const script = scriptOf(frame);
      const call = script && ledger().calls.get(script.id);
      // A call that a relay makes has a deadline of its own.
      if (call !== undefined && script?.via !== '' && !circuit.tampered)
        call.arrival = { at, last: at + frame.deadlineMs };
    },
    sent(seen) {
      const { frame, at } = seen;
      if (frame.op !== Op.Request && frame.op !== Op.ConnectMux) return;
      const script = scriptOf(frame);
      const call = script && ledger().calls.get(script.id);
      // Neither a transfer of files nor a route of the library itself is a call of the ledger.
      if (script === undefined || call === undefined) return;
      // The call that a relay makes has a life of its own.
      const { timeout } = call.operation;
      if (timeout > 0 && (frame.deadlineMs === 0 || frame.deadlineMs > timeout)) {
        throw new Error(`${describe(seen)}: a deadline of ${frame.deadlineMs} ms for a timeout of ${timeout}`);
      }
      if (script.via === '' || call.overAt === undefined || call.overAt >= at) return;
      throw new Error(`${describe(seen)}: ${call.toString()} was over at ${Math.round(call.overAt)} ms`);
    },
  };
}
