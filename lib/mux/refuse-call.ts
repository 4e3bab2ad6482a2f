import { encodeConnectError } from '../wire/payloads/control.js';
import type { FrameView } from '../wire/frame.js';
import { Flag, Op } from '../wire/ops.js';
import type { Refusal } from './engine-options.js';
import type { MuxHost } from './mux.js';
import { errorTail } from './unary.js';

/** Flags that a MuxConnectError repeats: the known ones that do not describe what follows the tuple. */
const refusedFlags = Flag.Eof | Flag.Stateless | Flag.PayloadIsErr | Flag.PayloadIsZero;

/**
 * Answers the first frame of a call with a MuxConnectError, which repeats it, except for the flags of what follows the
 * tuple.
 */
export function refuseCall(
  host: MuxHost,
  { muxId, seq, deadlineMs, handler, flags }: FrameView,
  { text, error }: Refusal,
): void {
  host.marks.sometimes?.('a call was refused');
  const tail = errorTail(host, error)?.tail;
  const opening = { deadlineMs, handler, tail };
  host.schedule.sendControl(muxId, Op.MuxConnectError, flags & refusedFlags, encodeConnectError(text), seq, opening);
  host.turn.scheduleFlush();
}

/** The refusal of a call for which there is no handler. */
export function unimplemented(text: string): Refusal {
  return { text, error: { code: 'unimplemented', sent: false } };
}
