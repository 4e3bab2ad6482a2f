import * as fc from 'fast-check';
import type { Frame, MuxId } from '../../../lib/wire/frame.js';
import { Flag, Op } from '../../../lib/wire/ops.js';

/** Where an integer changes its length on the wire, and random ones between. */
const uint = (max: number): fc.Arbitrary<number> =>
  fc.oneof(
    fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, max).filter((value) => value <= max),
    fc.integer({ min: 0, max }),
  );

/** Mux ids of all lengths; above 2^53 − 1 they are bigints. */
export const anyMuxId: fc.Arbitrary<MuxId> = fc.oneof(
  uint(0xffff_ffff),
  fc.constantFrom<MuxId>(2 ** 32, 2 ** 40, 2 ** 53 - 1, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n),
  fc.maxSafeNat(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
);

/** Payloads, mostly short; the lengths at which a header or a way of copying changes are likely. */
export const anyPayload = (maxLength: number): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      fc.oneof(
        { weight: 5, arbitrary: fc.integer({ min: 0, max: Math.min(300, maxLength) }) },
        {
          weight: 2,
          arbitrary: fc
            .constantFrom(0, 48, 49, 189, 190, 255, 256, 32_767, 32_768, 65_535, 65_536)
            .filter((length) => length <= maxLength),
        },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: maxLength }) },
      ),
      fc.integer({ min: 0, max: 255 }),
    )
    .map(([length, seed]) => {
      const payload = new Uint8Array(length);
      for (let index = 0; index < length; index++) payload[index] = seed + index * 31;
      return payload;
    });

const dataOps = Object.values(Op).filter((op) => op >= Op.Pong && op !== Op.Merged);

/** Any frame that an engine may send; without the checksum flag, which is the batch's own. */
export const anyFrame = (maxPayload: number): fc.Arbitrary<Frame> =>
  fc
    .record({
      muxId: anyMuxId,
      seq: uint(0xffff_ffff),
      deadlineMs: uint(0xffff_ffff),
      handler: uint(0xff),
      op: fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom(...dataOps) },
        { weight: 1, arbitrary: fc.constantFrom<number>(Op.Connect, Op.ConnectResponse, Op.Ping, 0, 18, 127) },
      ),
      flags: fc.integer({ min: 0, max: 127 }).map((flags) => flags & ~(Flag.Crc | Flag.Subroute)),
      payload: anyPayload(maxPayload),
      subroute: fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 }), { nil: undefined, freq: 4 }),
    })
    .map(({ subroute, ...frame }) =>
      subroute === undefined ? frame : { ...frame, flags: frame.flags | Flag.Subroute, subroute },
    );
