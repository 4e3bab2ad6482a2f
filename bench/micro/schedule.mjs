// 64 muxes queue 160 frames each while the socket is full, and all leave when it is not: the schedule, against a list
// of muxes with their frames.
import { Schedule } from '../../dist/esm/mux/schedule/schedule.js';
import { quantumBytes } from '../../dist/esm/mux/schedule/owner-queue.js';
import { Batch, joinFragments } from '../../dist/esm/wire/batch.js';
import { decodeFrames } from '../../dist/esm/wire/decode.js';
import { maxHeadBytes } from '../../dist/esm/wire/encode.js';
import { Op } from '../../dist/esm/wire/ops.js';
import { Slabs } from '../../dist/esm/wire/slabs.js';
import { noHash } from './frames.mjs';

const muxes = 64;
/** Together more than a turn. */
const framesEach = 160;
const full = 1 << 20;
const hardLimit = 64 << 20;
const payload = new Uint8Array(100);

export function create() {
  let keep;
  const take = (message) => keep?.push(...decodeFrames(joinFragments(message), noHash));
  const [queueAll, listAll] = [fairSchedule(take), fairList(take)];
  const framesOf = (sendAll) => {
    keep = [];
    sendAll();
    const frames = keep;
    keep = undefined;
    return frames;
  };
  return {
    operations: muxes * framesEach,
    ours: queueAll,
    plain: listAll,
    compare: () => [framesOf(queueAll), framesOf(listAll)],
  };
}

function fairSchedule(take) {
  const sink = { bufferedBytes: 0, slabs: new Slabs(() => 0), send: take };
  const fail = (error) => {
    throw error;
  };
  const schedule = new Schedule({
    sink,
    checksum: undefined,
    hardLimit,
    onFault: fail,
    onThrown: fail,
    now: () => 0,
  });
  const owners = Array.from({ length: muxes }, (_, id) => ({
    id,
    lane: 'streams',
    ended: false,
    queue: undefined,
    onWritable() {},
  }));
  return () => {
    sink.bufferedBytes = full;
    schedule.sendControl(0, Op.Pong, 0, payload);
    schedule.flush();
    for (let seq = 0; seq < framesEach; seq++) {
      for (const owner of owners) schedule.send(owner, Op.MuxServerMsg, 0, payload, seq);
    }
    sink.bufferedBytes = 0;
    schedule.flush();
  };
}

function fairList(take) {
  const batch = new Batch(take, undefined, new Slabs(() => 0));
  return () => {
    batch.add(0, Op.Pong, 0, payload);
    batch.flush();
    const waiting = new Map();
    for (let seq = 0; seq < framesEach; seq++) {
      for (let muxId = 0; muxId < muxes; muxId++) {
        const frame = { muxId, seq, op: Op.MuxServerMsg, flags: 0, payload };
        if (seq === 0) waiting.set(muxId, { frames: [], deficit: 0 });
        waiting.get(muxId).frames.push(frame);
      }
    }
    while (waiting.size > 0) {
      for (const [muxId, owner] of waiting) {
        owner.deficit += quantumBytes;
        while (owner.deficit > 0 && owner.frames.length > 0) {
          const { op, flags, payload, seq } = owner.frames.shift();
          owner.deficit -= payload.length + maxHeadBytes;
          batch.add(muxId, op, flags, payload, seq);
        }
        if (owner.frames.length === 0) waiting.delete(muxId);
      }
    }
    batch.flush();
  };
}
