// 64 muxes queue a window of 16 frames each while the socket is full, and all leave when it is not: the ring, against a list of muxes
// with their frames.
import { SendQueue } from '../../dist/esm/mux/send-queue.js';
import { Batch, joinFragments } from '../../dist/esm/wire/batch.js';
import { decodeFrames } from '../../dist/esm/wire/decode.js';
import { Op } from '../../dist/esm/wire/ops.js';
import { noHash } from './frames.mjs';

const muxes = 64;
const framesEach = 16;
const full = 1 << 20;
const hardLimit = 64 << 20;
const payload = new Uint8Array(100);

export function create() {
  let keep;
  const take = (message) => keep?.push(...decodeFrames(joinFragments(message), noHash));
  const [queueAll, listAll] = [fairQueue(take), fairList(take)];
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

function fairQueue(take) {
  const sink = { bufferedBytes: 0, heldBytes: 0, send: take };
  const queue = new SendQueue(sink, undefined, hardLimit, (error) => {
    throw error;
  });
  const owners = Array.from({ length: muxes }, () => ({ queued: undefined, onWritable() {} }));
  return () => {
    sink.bufferedBytes = full;
    queue.sendControl(0, 0, 0, 0, Op.Pong, 0, payload);
    queue.flush();
    for (let seq = 0; seq < framesEach; seq++) {
      for (const [muxId, owner] of owners.entries()) queue.send(owner, muxId, seq, 0, 0, Op.MuxServerMsg, 0, payload);
    }
    sink.bufferedBytes = 0;
    queue.flush();
  };
}

function fairList(take) {
  const batch = new Batch((message) => {
    take(message);
    return 0;
  }, undefined);
  return () => {
    batch.add(0, 0, 0, 0, Op.Pong, 0, payload);
    batch.flush();
    const waiting = new Map();
    for (let seq = 0; seq < framesEach; seq++) {
      for (let muxId = 0; muxId < muxes; muxId++) {
        const frame = { muxId, seq, deadlineMs: 0, handler: 0, op: Op.MuxServerMsg, flags: 0, payload };
        waiting.set(muxId, [...(waiting.get(muxId) ?? []), frame]);
      }
    }
    while (waiting.size > 0) {
      for (const [owner, [frame, ...others]] of [...waiting]) {
        batch.add(frame.muxId, frame.seq, frame.deadlineMs, frame.handler, frame.op, frame.flags, frame.payload);
        if (others.length > 0) waiting.set(owner, others);
        else waiting.delete(owner);
      }
    }
    batch.flush();
  };
}
