import { beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ProtocolError } from '../../lib/errors.js';
import { createChecksum } from '../../lib/wire/checksum.js';
import { decodeFrames, decodeMessage } from '../../lib/wire/decode.js';
import { encodeFrame, encodeMerged } from '../../lib/wire/encode.js';
import { FrameView, type Frame, type Hash32 } from '../../lib/wire/frame.js';
import { Flag, Op } from '../../lib/wire/ops.js';
import { anyFrame } from '../support/protocol/arbitrary-frames.js';
import { testChecksum } from '../support/protocol/engines.js';
import { frameOf, fromCaller, fromResponder, messageOf } from '../support/protocol/frames.js';
import {
  bytesOfHex,
  readRecording,
  readRecordings,
  recordedOf,
  type RecordedFrame,
} from '../support/protocol/vectors.js';
import { runs } from '../support/property-runs.js';

let xxh3: Hash32;
beforeAll(async () => {
  const checksum = await createChecksum();
  xxh3 = (bytes) => checksum.hash(bytes);
});

const decode = (message: Uint8Array): Frame[] => decodeFrames(message, xxh3);

/** Records like `recorded`, without what our frames do not keep. */
function comparable({ crc: _crc, merged: _merged, ...frame }: RecordedFrame): Partial<RecordedFrame> {
  return frame;
}

describe('the recordings', () => {
  it.each(readRecordings().map(({ name, messages }) => [name, messages] as const))('%s', (_name, messages) => {
    for (const { bytes, frame } of messages) {
      if (frame.malformed === true || frame.crcWrong === true) continue;
      const expected = frame.merged ?? [frame];
      const frames = decode(bytes);
      expect(frames.map((decoded, index) => recordedOf(decoded, expected[index]!))).toStrictEqual(
        expected.map(comparable),
      );
    }
  });

  it('hold frames in every form: merged with and without checksum, subroutes, extra bytes, ids above 2^53', () => {
    const frames = readRecordings().flatMap(({ messages }) => messages.map(({ frame }) => frame));
    expect(frames.length).toBeGreaterThan(300);
    const count = (test: (frame: RecordedFrame) => unknown): number => frames.filter(test).length;
    expect(count((frame) => frame.merged !== undefined && frame.crc === undefined)).toBeGreaterThan(0);
    expect(count((frame) => frame.merged !== undefined && frame.crc !== undefined)).toBe(1);
    expect(count((frame) => frame.subroute)).toBeGreaterThan(0);
    expect(count((frame) => frame.rest)).toBe(1);
    expect(count((frame) => frame.malformed)).toBe(2);
    expect(count((frame) => frame.crcWrong)).toBe(1);
  });

  it('refuses the wrong checksum of fault-crc', () => {
    const { bytes } = readRecording('fault-crc').messages.at(-1)!;
    expect(() => decode(bytes)).toThrow(new ProtocolError('The checksum of a frame differs.'));
  });

  it('refuses the truncated frame of fault-truncated', () => {
    const { bytes } = readRecording('fault-truncated').messages.at(-1)!;
    expect(() => decode(bytes)).toThrow(new ProtocolError('A payload of 16 bytes does not fit in its frame.'));
  });

  it('refuses the garbage of handshake-garbage', () => {
    const { bytes } = readRecording('handshake-garbage').messages[0]!;
    expect(() => decode(bytes)).toThrow(new ProtocolError('A frame of 3 bytes is too short.'));
  });

  it('passes the unknown op of fault-unknown-op on', () => {
    const message = readRecording('fault-unknown-op').messages.find(({ frame }) => frame.op === undefined)!;
    expect(decode(message.bytes)).toStrictEqual([frameOf(77, 1, { flags: Flag.Crc })]);
  });

  it('returns the bytes between tuple and checksum of quirk-extra-bytes', () => {
    const message = readRecording('quirk-extra-bytes').messages.find(({ frame }) => frame.rest !== undefined)!;
    expect(decode(message.bytes)).toStrictEqual([
      {
        ...fromCaller.request(9007199254740993n, { deadlineMs: 1000, handler: 9, payload: 'x' }),
        flags: Flag.Crc | Flag.Eof,
        extra: new TextEncoder().encode('extension'),
      },
    ]);
  });
});

describe('mux ids', () => {
  it.each([
    ['cf0000000000000001', 1],
    ['cf00000000ffffffff', 2 ** 32 - 1],
    ['cf0000000100000000', 2 ** 32],
    ['cf001fffffffffffff', 2 ** 53 - 1],
    ['cf0020000000000000', 2n ** 53n],
    ['cf0020000000000001', 2n ** 53n + 1n],
    ['cfffffffffffffffff', 2n ** 64n - 1n],
    ['ce00000005', 5],
    ['cd0005', 5],
    ['cc05', 5],
  ])('%s is %p, of one type only', (hex, id) => {
    expect(decode(bytesOfHex(`97${hex}00000004 00c400`.replaceAll(' ', '')))[0]!.muxId).toBe(id);
  });
});

describe('a malformed frame', () => {
  it.each([
    ['is empty', ''],
    ['begins with another type', '9600000000040000c400'],
    ['has a negative number', '97ff0000000400c400'],
    ['has a number in signed form', '97d2000000010000000400c400'],
    ['has a seq beyond 32 bits', '9700cf0000000100000000000004 00c400'],
    ['has a handler beyond 8 bits', '97000000cd01000400c400'],
    ['has an op beyond 8 bits', '9700000000cd010000c400'],
    ['has a string as payload', '97000000000400a141'],
    ['ends in the middle of its mux id', '97cf00000000000000'],
    ['ends in the middle of its deadline', '970000ce00000000'],
    ['ends before the length of its payload', '9700000000040000c6000000'],
    ['has a payload longer than itself', '97000000000400c6ffffffff'],
    ['has no room for its checksum', '97000000000401c40000'],
    ['has no room for its subroute', '97000000000420c40000'],
    ['has its payload reach into its subroute', `97000000000420c401${'00'.repeat(32)}`],
  ])('%s', (_what, hex) => {
    expect(() => decode(bytesOfHex(hex.replaceAll(' ', '')))).toThrow(ProtocolError);
  });

  it('is detected at every place where it is cut', () => {
    const whole = messageOf([
      fromCaller.request(2 ** 40, {
        seq: 70_000,
        payload: 'payload',
        flags: Flag.Eof | Flag.Subroute,
        subroute: new Uint8Array(32),
      }),
    ]);
    for (let length = 0; length < whole.length; length++) {
      expect(() => decode(whole.subarray(0, length))).toThrow(ProtocolError);
    }
  });

  it('is detected at every bit that flips under a checksum', () => {
    const whole = messageOf([frameOf(Op.Request, 7, { flags: Flag.Crc, payload: 'payload' })], xxh3);
    // The flip that takes the Crc flag away makes another frame that is whole.
    const flagsAt = 6;
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const copy = whole.slice();
      copy[bit >> 3]! ^= 1 << (bit & 7);
      if (bit === flagsAt * 8) continue;
      expect(() => decode(copy)).toThrow(ProtocolError);
    }
  });
});

describe('a merged message', () => {
  const one = encodeFrame(fromCaller.request(1, { payload: 'one' }));
  const two = encodeFrame(fromCaller.request(2, { payload: 'two' }));

  it('ignores surplus bytes beyond its count', () => {
    const message = encodeMerged([one, two]);
    message[2] = 1;
    expect(decode(message).map(({ muxId }) => muxId)).toStrictEqual([1]);
  });

  it('of no frames is empty', () => {
    expect(decode(encodeMerged([]))).toStrictEqual([]);
  });

  it('is refused where it counts more frames than it has', () => {
    const message = encodeMerged([one]);
    message[2] = 2;
    expect(() => decode(message)).toThrow(ProtocolError);
  });

  it('is refused where a frame is longer than the message, or reaches into the checksum', () => {
    const message = encodeMerged([one], xxh3);
    const broken = message.slice(0, -4);
    broken[10] = one.length + 4;
    const summed = Uint8Array.from([...broken, ...crcOf(broken)]);
    expect(() => decode(summed)).toThrow(new ProtocolError('A merged frame is longer than its message.'));
  });

  it('is refused where it nests', () => {
    expect(() => decode(encodeMerged([encodeMerged([one])]))).toThrow(new ProtocolError('Merged frames do not nest.'));
  });

  it('is verified with its own checksum and with those of its frames', () => {
    const summed = encodeFrame(frameOf(Op.Request, 1, { flags: Flag.Crc, payload: 'one' }), xxh3);
    expect(decode(encodeMerged([summed, two], xxh3))).toHaveLength(2);
    const wrong = summed.slice();
    wrong[wrong.length - 1]! ^= 1;
    expect(() => decode(encodeMerged([wrong, two], xxh3))).toThrow(ProtocolError);
    const outside = encodeMerged([summed, two], xxh3);
    outside[outside.length - 1]! ^= 1;
    expect(() => decode(outside)).toThrow(ProtocolError);
  });

  it('has visited the frames before a fault', () => {
    const seen: unknown[] = [];
    const message = encodeMerged([one, two, Uint8Array.of(0xc1, 0, 0, 0, 0, 0, 0, 0, 0)]);
    const visit = (): void => {
      decodeMessage(message, new FrameView(), xxh3, ({ muxId }) => seen.push(muxId) > 0);
    };
    expect(visit).toThrow(ProtocolError);
    expect(seen).toStrictEqual([1, 2]);
  });

  it('stops where the visitor says so', () => {
    let count = 0;
    decodeMessage(encodeMerged([one, two, one]), new FrameView(), xxh3, () => ++count < 2);
    expect(count).toBe(2);
  });

  it('may be read while another one is read', () => {
    const seen: unknown[] = [];
    const inner = encodeMerged([two, two]);
    decodeMessage(encodeMerged([one, one, one]), new FrameView(), xxh3, ({ muxId }) => {
      seen.push(muxId);
      decodeMessage(inner, new FrameView(), xxh3, (frame) => seen.push(frame.muxId) > 0);
      return true;
    });
    expect(seen).toStrictEqual([1, 2, 2, 1, 2, 2, 1, 2, 2]);
  });

  it('is read in time linear in its length', () => {
    // 16 MiB of the smallest frames; quadratic work would take hours.
    const smallest = encodeFrame(fromResponder.ack(1));
    const count = Math.floor((16 << 20) / (smallest.length + 2));
    const message = encodeMerged(new Array<Uint8Array>(count).fill(smallest), testChecksum.hash);
    let visited = 0;
    decodeMessage(message, new FrameView(), testChecksum.hash, () => ++visited > 0);
    expect(visited).toBe(count);
  });

  it('is refused at the first missing frame where it claims 2^32 − 1 frames', () => {
    const message = bytesOfHex('9700ceffffffff00001100c400');
    expect(() => decode(message)).toThrow(ProtocolError);
  });
});

describe('random bytes', () => {
  /** Decodes; what is thrown must be a ProtocolError. */
  function survive(bytes: Uint8Array): void {
    try {
      decodeFrames(bytes, testChecksum.hash);
    } catch (error) {
      expect(error).toBeInstanceOf(ProtocolError);
    }
  }

  it('throw nothing but ProtocolError', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), survive), { numRuns: runs(2000) });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => survive(Uint8Array.of(0x97, ...bytes))),
      { numRuns: runs(2000) },
    );
  });

  it('throw nothing else when they are changed, cut or joined frames', () => {
    const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(
        fc.array(anyFrame(300), { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.nat(),
        (frames, crc, changes, cut) => {
          const encoded = frames.map((frame) => encodeFrame(frame));
          const message =
            encoded.length === 1 ? encoded[0]! : encodeMerged(encoded, crc ? testChecksum.hash : undefined);
          for (const { at, value } of changes) message[at % message.length] = value;
          survive(message);
          survive(message.subarray(0, cut % message.length));
        },
      ),
      { numRuns: runs(2000) },
    );
  });
});

function crcOf(bytes: Uint8Array): number[] {
  const crc = xxh3(bytes);
  return [crc & 0xff, (crc >>> 8) & 0xff, (crc >>> 16) & 0xff, crc >>> 24];
}
