// One message of 64 frames of 100 bytes: one view that is filled again and again, against an object for each frame.
import { decodeFrames, decodeMessage } from '../../dist/esm/wire/decode.js';
import { encodeFrame, encodeMerged } from '../../dist/esm/wire/encode.js';
import { FrameView } from '../../dist/esm/wire/frame.js';
import { itemFrames, noHash } from './frames.mjs';
import { decodeMergedPlainly } from './plain-decoder.mjs';

export function create() {
  const frames = itemFrames(64, 100);
  const message = encodeMerged(frames.map((frame) => encodeFrame(frame)));
  const view = new FrameView();
  let bytes = 0;
  const visit = ({ payload }) => {
    bytes += payload.length;
    return true;
  };
  return {
    operations: frames.length,
    ours() {
      bytes = 0;
      decodeMessage(message, view, noHash, visit);
      return bytes;
    },
    plain: () => decodeMergedPlainly(message).reduce((sum, { payload }) => sum + payload.length, 0),
    compare: () => [decodeFrames(message, noHash), decodeMergedPlainly(message)],
  };
}
