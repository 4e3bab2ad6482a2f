import { beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { createChecksum } from '../../lib/wire/checksum.js';
import { decodeFrames } from '../../lib/wire/decode.js';
import { encodeFrame, encodeMerged } from '../../lib/wire/encode.js';
import type { Frame, Hash32 } from '../../lib/wire/frame.js';
import { Flag, Op } from '../../lib/wire/ops.js';
import { anyFrame } from '../support/protocol/arbitrary-frames.js';
import { testChecksum } from '../support/protocol/engines.js';
import { frameOf, inHex } from '../support/protocol/frames.js';
import { hexOf, readRecording, readRecordings } from '../support/protocol/vectors.js';
import { runs } from '../support/property-runs.js';

let xxh3: Hash32;
beforeAll(async () => {
  const checksum = await createChecksum();
  xxh3 = (bytes) => checksum.hash(bytes);
});

/** Encodes what a message decodes to. A Merged one has a checksum where its tuple says so. */
function again(message: Uint8Array): Uint8Array {
  const frames = decodeFrames(message, xxh3);
  const isMerged = message[5] === Op.Merged;
  if (!isMerged) return encodeFrame(frames[0]!, xxh3);
  return encodeMerged(
    frames.map((frame) => encodeFrame(frame, xxh3)),
    (message[6]! & Flag.Crc) === 0 ? undefined : xxh3,
  );
}

describe('the recordings', () => {
  it.each(readRecordings().map(({ name, messages }) => [name, messages] as const))('%s', (_name, messages) => {
    for (const { bytes, frame } of messages) {
      if (frame.malformed === true || frame.crcWrong === true) continue;
      expect(hexOf(again(bytes))).toBe(hexOf(bytes));
    }
  });

  it('include the checksum that fault-crc should have had', () => {
    const { bytes } = readRecording('fault-crc').messages.at(-1)!;
    const right = encodeFrame(
      frameOf(Op.Request, 2, { deadlineMs: 1000, handler: 9, flags: Flag.Crc | Flag.Eof, payload: 'x' }),
      xxh3,
    );
    expect(hexOf(right.subarray(0, -4))).toBe(hexOf(bytes.subarray(0, -4)));
    expect(hexOf(right)).not.toBe(hexOf(bytes));
  });

  it('include an op without a name, as in fault-unknown-op', () => {
    expect(hexOf(encodeFrame(frameOf(77, 1, { flags: Flag.Crc }), xxh3))).toBe('97010000004d01c40084c7e55b');
  });
});

describe('encoded fields', () => {
  it.each([
    [{ muxId: 127 }, '977f00000004 00c400'],
    [{ muxId: 128 }, '97cc8000000004 00c400'],
    [{ muxId: 255 }, '97ccff00000004 00c400'],
    [{ muxId: 256 }, '97cd010000000004 00c400'],
    [{ muxId: 65_536 }, '97ce0001000000000004 00c400'],
    [{ muxId: 2 ** 32 }, '97cf000000010000000000000004 00c400'],
    [{ muxId: 2 ** 53 - 1 }, '97cf001fffffffffffff00000004 00c400'],
    [{ muxId: 2n ** 64n - 2n }, '97cffffffffffffffffe00000004 00c400'],
    [{ seq: 128 }, '9700cc80000004 00c400'],
    [{ seq: 0xffff_ffff }, '9700ceffffffff000004 00c400'],
    [{ deadlineMs: 60_000 }, '970000cdea600004 00c400'],
    [{ handler: 255 }, '97000000ccff04 00c400'],
    [{ payload: new Uint8Array(256) }, `970000000004 00c50100${'00'.repeat(256)}`],
  ])('take the shortest form: %p', (fields, hex) => {
    const frame = frameOf(Op.Pong, 0, fields);
    expect(hexOf(encodeFrame(frame))).toBe(hex.replaceAll(' ', ''));
  });
});

it('encodes any decoded frame to the same frame', () => {
  fc.assert(
    fc.property(
      anyFrame(70_000),
      fc.boolean(),
      fc.option(fc.uint8Array({ minLength: 1 }), { nil: undefined }),
      (plain, crc, extra) => {
        const frame: Frame = {
          ...plain,
          flags: crc ? plain.flags | Flag.Crc : plain.flags,
          ...(extra === undefined ? {} : { extra }),
        };
        const read = decodeFrames(encodeFrame(frame, testChecksum.hash), testChecksum.hash);
        expect(read.map(inHex)).toStrictEqual([inHex(frame)]);
      },
    ),
    { numRuns: runs(1000) },
  );
});
