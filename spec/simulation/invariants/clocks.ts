import { defaultLimits } from '../../../lib/limits.js';
import { Op } from '../../../lib/wire/ops.js';
import { decodeConnectResponse } from '../../../lib/wire/payloads/connect.js';
import { leafPrefix, type Reasons } from '../reasons.js';
import type { CircuitModel, WireRule } from '../wire-model.js';

/** Ms by which clocks may be wrong without a jump: what drifts, and a handshake that is late. */
const tolerance = 15_000;

/** A host accepts no other one whose wall clock shows another time than its own. */
export function clocks(reasons: () => Reasons): WireRule {
  // Of each circuit: how far the wall clock of the dialer was ahead when it said so, and by how much the two differed
  // when that came.
  const ahead = new Map<CircuitModel, number>();
  const differed = new Map<CircuitModel, number>();
  const skewOf = (circuit: CircuitModel, at: number): number =>
    Math.abs((ahead.get(circuit) ?? 0) - reasons().wallOffset(circuit.ends[1], at));
  return {
    name: 'a handshake compares the clocks',
    arrived({ circuit, end, frame, at }) {
      if (end === 1 && frame.op === Op.Connect) differed.set(circuit, skewOf(circuit, at));
    },
    sent({ circuit, end, frame, at }) {
      const [dialer, acceptor] = circuit.ends;
      if (end === 0 && frame.op === Op.Connect) ahead.set(circuit, reasons().wallOffset(dialer, at));
      if (end === 0 || frame.op !== Op.ConnectResponse || dialer.startsWith(leafPrefix)) return;
      if (!decodeConnectResponse(frame.payload).accepted) return;
      // An acceptor may ask first whether an old connection still lives, and its clock may be set meanwhile.
      const skew = Math.min(skewOf(circuit, at), differed.get(circuit) ?? Infinity);
      if (skew > defaultLimits.maxClockSkew + tolerance)
        throw new Error(`${acceptor} accepts ${dialer}, whose clock differs by ${skew} ms`);
    },
  };
}
