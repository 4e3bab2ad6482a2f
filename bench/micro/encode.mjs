// 64 frames of 100 bytes into one message: into a slab, against an array for each frame that are then joined.
import { Batch } from '../../dist/esm/wire/batch.js';
import { decodeFrames } from '../../dist/esm/wire/decode.js';
import { encodeFrame, encodeMerged } from '../../dist/esm/wire/encode.js';
import { Slabs } from '../../dist/esm/wire/slabs.js';
import { itemFrames, noHash } from './frames.mjs';

export function create() {
  const frames = itemFrames(64, 100);
  let message;
  const keep = (emitted) => {
    message = emitted;
  };
  const batch = new Batch(keep, undefined, new Slabs(() => 0));
  const ours = () => {
    for (const { muxId, seq, op, flags, payload } of frames) batch.add(muxId, op, flags, payload, seq);
    batch.flush();
    return message;
  };
  const plain = () => encodeMerged(frames.map((frame) => encodeFrame(frame)));
  return {
    operations: frames.length,
    ours,
    plain,
    compare: () => [decodeFrames(ours(), noHash), decodeFrames(plain(), noHash)],
  };
}
