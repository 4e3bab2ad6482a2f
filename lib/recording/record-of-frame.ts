import type { Frame } from '../wire/frame.js';
import type { FrameRecord } from './records.js';

/** The record of a frame. It has the payload of the frame, which may be lent, and not the number of a route. */
export function recordOfFrame(
  { op, muxId, seq, deadlineMs, handler, flags, payload, extra, subroute }: Frame,
  { t, link, by }: Pick<FrameRecord, 't' | 'link' | 'by'>,
): FrameRecord {
  return {
    ...{ kind: 'frame', t, link, by, op, mux: muxId, seq, deadlineMs, handler, flags },
    ...{ size: payload.length, payload, extra, subroute, route: undefined },
  };
}
