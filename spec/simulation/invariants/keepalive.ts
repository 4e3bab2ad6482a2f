import { Op } from '../../../lib/wire/ops.js';
import type { Reasons } from '../reasons.js';
import type { CircuitModel, WireModel, WireRule } from '../wire-model.js';

/** Interval of the connection's pings, in ms. */
const interval = 10_000;
/** A backlog, which was read in slices, was read so many ms after its last frame had arrived. */
const readAfter = 100;

/** A connection is asked in each interval whether it lives, and given up when it has not answered for two. */
export function keepalive(reasons: () => Reasons): WireRule & { check(model: WireModel, at: number): void } {
  const asked = new Map<CircuitModel, [number, number]>();
  const answered = new Map<CircuitModel, [number, number]>();
  const arrived = new Map<CircuitModel, [number, number]>();
  const note = (times: Map<CircuitModel, [number, number]>, circuit: CircuitModel, end: 0 | 1, at: number): void => {
    const known = times.get(circuit);
    if (known === undefined) times.set(circuit, end === 0 ? [at, -1] : [-1, at]);
    else known[end] = at;
  };
  return {
    name: 'a connection is asked whether it lives, and given up when it does not answer',
    sent({ circuit, end, frame, at }) {
      if (frame.op === Op.Ping && frame.muxId === 0) note(asked, circuit, end, at);
    },
    arrived({ circuit, end, frame, at }) {
      note(arrived, circuit, end, at);
      if (frame.op === Op.Pong && frame.muxId === 0) note(answered, circuit, end, at);
    },
    changed(circuit, end, at) {
      // The end that closes first has given the other one up.
      if (!circuit.closed[end] || circuit.closed[1 - end] || circuit.live[end] === undefined || circuit.tampered)
        return;
      const [own, other] = [circuit.ends[end], circuit.ends[1 - end]!];
      if (reasons().blames(own, other, at)) throw new Error(`${own} was held up, and gives ${other} up`);
    },
    check(model, at) {
      for (const circuit of model.circuits) {
        if (circuit.tampered) continue;
        for (const end of [0, 1] as const) {
          const since = circuit.live[end];
          // The sockets of a host that has lost its power stay open.
          if (since === undefined || circuit.closed[end] || !reasons().runs(circuit.ends[end])) continue;
          const lastAsked = Math.max(since, asked.get(circuit)?.[end] ?? -1);
          const lastAnswered = Math.max(since, answered.get(circuit)?.[end] ?? -1);
          // Most often nothing is late.
          if (at - lastAsked <= interval && at - lastAnswered <= 2 * interval) continue;
          const name = `${circuit.ends[end]} to ${circuit.ends[1 - end]!}`;
          // A process that was held up reads what has come before it blames the other side.
          const own = circuit.ends[end];
          const held = (from: number): number => {
            const paused = reasons().pausedFor(own, from - 1, at + 1);
            // Nor does one whose machine seems to have slept: it asks again, and waits for an interval.
            const extra = paused > 0 || reasons().clockSet(own, from, at) ? interval : 0;
            return paused + extra;
          };
          if (at - lastAsked > interval + reasons().drift(interval) + held(lastAsked))
            throw new Error(`${name}: no ping for ${at - lastAsked} ms`);
          // The answer may come behind a backlog of other frames: there is an interval from its end.
          const backlogEnd = (arrived.get(circuit)?.[end] ?? -Infinity) + readAfter;
          const tolerated = interval + reasons().drift(interval);
          if (at > Math.max(lastAnswered + tolerated, backlogEnd) + tolerated + held(lastAnswered))
            throw new Error(`${name}: no pong for ${at - lastAnswered} ms`);
        }
      }
    },
  };
}
