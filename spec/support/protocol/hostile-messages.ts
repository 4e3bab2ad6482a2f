import * as fc from 'fast-check';
import { joinFragments } from '../../../lib/wire/batch.js';
import { encodePing, encodePong } from '../../../lib/wire/payloads/control.js';
import { encodeFrame, encodeMerged } from '../../../lib/wire/encode.js';
import type { Hash32, MuxId } from '../../../lib/wire/frame.js';
import { Flag, Op } from '../../../lib/wire/ops.js';
import { readRecordings } from './vectors.js';

/*
 * What an evil or broken peer may send: near enough to the protocol to get deep, and wrong somewhere.
 */

const muxId: fc.Arbitrary<MuxId> = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 0, max: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom<MuxId>(2 ** 40, 2 ** 53 - 1, 2n ** 64n - 1n) },
);

const payload: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(new Uint8Array()) },
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  // Of control frames: credits, an ack, a ping, a pong, an error.
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      Uint8Array.of(1),
      Uint8Array.of(0),
      Uint8Array.of(0xcf, 0, 0x1f, 255, 255, 255, 255, 255, 255),
      Uint8Array.of(0xcf, 255, 255, 255, 255, 255, 255, 255, 255),
      Uint8Array.of(0x81, 0xa2, 0x69, 0x6e, 4),
      encodePing({ time: { seconds: 1_800_000_000, nanoseconds: 0 } }),
      encodePong({ unknown: false, error: undefined, time: { seconds: -(2 ** 40), nanoseconds: 0 } }),
      encodePong({ unknown: true, error: 'gone', time: undefined }),
      Uint8Array.of(0x81, 0xa5, 0x45, 0x72, 0x72, 0x6f, 0x72, 0xa2, 0x6e, 0x6f),
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom(32_767, 32_768, 70_000).map((length) => new Uint8Array(length)) },
);

/**
 * A frame of any op, with a right checksum where it says that it has one. `flags` without a subroute that they announce
 * make it one that does not parse.
 */
const frame = (hash: Hash32, flags: fc.Arbitrary<number>): fc.Arbitrary<Uint8Array> =>
  fc
    .record({
      muxId,
      seq: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 5 }) }, { weight: 1, arbitrary: fc.nat() }),
      deadlineMs: fc.constantFrom(0, 0, 1, 1_000, 60_000, 0xffff_ffff),
      handler: fc.integer({ min: 0, max: 6 }),
      op: fc.oneof(
        { weight: 19, arbitrary: fc.constantFrom<number>(...Object.values(Op).filter((op) => op !== Op.Merged)) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: 127 }) },
      ),
      flags,
      payload,
      subroute: fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 }), { nil: undefined, freq: 6 }),
    })
    .map(({ subroute, ...others }) =>
      subroute === undefined
        ? encodeFrame(others, hash)
        : encodeFrame({ ...others, flags: others.flags | Flag.Subroute, subroute }, hash),
    );

const anyFlags = fc.integer({ min: 0, max: 127 });
const rightFlags = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<number>(0, Flag.Eof, Flag.PayloadIsErr | Flag.Eof, Flag.PayloadIsZero) },
  { weight: 1, arbitrary: anyFlags.map((flags) => flags & ~Flag.Subroute) },
);

const merged = (hash: Hash32): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(fc.array(frame(hash, rightFlags), { maxLength: 5 }), fc.boolean())
    .map(([frames, summed]) => encodeMerged(frames, summed ? hash : undefined));

/** One thing that goes wrong with bytes. */
const fault: fc.Arbitrary<(bytes: Uint8Array) => Uint8Array> = fc.oneof(
  fc.tuple(fc.nat(), fc.integer({ min: 0, max: 7 })).map(([at, bit]) => (bytes: Uint8Array) => {
    const out = bytes.slice();
    if (out.length > 0) out[at % out.length]! ^= 1 << bit;
    return out;
  }),
  fc.nat().map((at) => (bytes: Uint8Array) => bytes.slice(0, bytes.length === 0 ? 0 : at % bytes.length)),
  fc.uint8Array({ minLength: 1, maxLength: 40 }).map((more) => (bytes: Uint8Array) => joinFragments([bytes, more])),
  fc
    .tuple(fc.nat(), fc.constantFrom(0, 0x7f, 0xc0, 0xc4, 0xc6, 0xcf, 0xdf, 0xff))
    .map(([at, value]) => (bytes: Uint8Array) => {
      const out = bytes.slice();
      // Most lengths and tags are in front.
      if (out.length > 0) out[at % Math.min(out.length, 24)] = value;
      return out;
    }),
);

const mutated = (good: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(good, fc.array(fault, { minLength: 1, maxLength: 3 }))
    .map(([bytes, faults]) => faults.reduce((out, apply) => apply(out), bytes));

/** Messages that parse, but for those of unknown content: a connection may live through many of them. */
export function wildMessage(hash: Hash32): fc.Arbitrary<Uint8Array> {
  return fc.oneof({ weight: 3, arbitrary: frame(hash, rightFlags) }, { weight: 1, arbitrary: merged(hash) });
}

/** Any message: random bytes, frames, merged ones, recorded ones, and all of them mutated. */
export function hostileMessage(hash: Hash32): fc.Arbitrary<Uint8Array> {
  const recorded = fc.constantFrom(
    ...readRecordings()
      .flatMap(({ messages }) => messages.map(({ bytes }) => bytes))
      .filter(({ length }) => length < 100_000),
  );
  const anyFrame = frame(hash, anyFlags);
  return fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
    { weight: 1, arbitrary: anyFrame },
    { weight: 1, arbitrary: recorded },
    { weight: 1, arbitrary: mutated(anyFrame) },
    { weight: 1, arbitrary: mutated(merged(hash)) },
    { weight: 1, arbitrary: mutated(recorded) },
  );
}
