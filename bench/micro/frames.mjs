// Frames as a busy stream sends them, many muxes and sizes mixed.
import { Op } from '../../dist/esm/wire/ops.js';

/** @returns frames of items, of `payloadBytes` each. */
export function itemFrames(count, payloadBytes) {
  return Array.from({ length: count }, (_, index) => ({
    muxId: 1 + ((index * 7) % 300),
    seq: index * 1_013,
    deadlineMs: 0,
    handler: 0,
    op: Op.MuxServerMsg,
    flags: 0,
    payload: Uint8Array.from({ length: payloadBytes }, (_, at) => at + index),
  }));
}

export const noHash = () => 0;
