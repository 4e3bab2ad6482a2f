import { beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Batch, fragmentBytes, joinFragments, maxBatchBytes, type WireMessage } from '../../lib/wire/batch.js';
import { createChecksum, type Checksum } from '../../lib/wire/checksum.js';
import { decodeFrames } from '../../lib/wire/decode.js';
import { encodeFrame } from '../../lib/wire/encode.js';
import type { Frame } from '../../lib/wire/frame.js';
import { Flag, Op } from '../../lib/wire/ops.js';
import { Slabs } from '../../lib/wire/slabs.js';
import { anyFrame } from '../support/protocol/arbitrary-frames.js';
import { frameOf, fromCaller, fromResponder, inHex } from '../support/protocol/frames.js';
import { hexOf } from '../support/protocol/vectors.js';
import { runs } from '../support/property-runs.js';

let checksum: Checksum;
beforeAll(async () => {
  checksum = await createChecksum();
});

const hash = (bytes: Uint8Array): number => checksum.hash(bytes);

function add(batch: Batch, frame: Frame): void {
  const { muxId, seq, deadlineMs, handler, op, flags, payload, subroute } = frame;
  batch.add(muxId, op, flags, payload, seq, { deadlineMs, handler, tail: subroute });
}

/** A sink that holds the messages it is given, so that their memory must not be used again. */
function keepIn(messages: WireMessage[]): (message: WireMessage) => void {
  return (message) => {
    messages.push(message);
  };
}

/** Adds all frames, flushing after each whose index `flushAfter` holds and at the end. */
function send(frames: readonly Frame[], sum: boolean, flushAfter: readonly number[] = []): WireMessage[] {
  const messages: WireMessage[] = [];
  const batch = new Batch(keepIn(messages), sum ? checksum : undefined);
  frames.forEach((frame, index) => {
    add(batch, frame);
    if (flushAfter.includes(index)) batch.flush();
  });
  batch.flush();
  expect(batch.count).toBe(0);
  return messages;
}

/** What the messages carry, without the checksum flag. */
function read(messages: readonly WireMessage[]): Frame[] {
  return messages
    .flatMap((message) => decodeFrames(joinFragments(message), hash))
    .map((frame) => ({ ...frame, flags: frame.flags & ~Flag.Crc }));
}

function expectSame(got: readonly Frame[], frames: readonly Frame[]): void {
  expect(got.map(inHex)).toStrictEqual(frames.map(inHex));
}

const ping = frameOf(Op.Ping, 0, { payload: 'p' });
const connect = frameOf(Op.Connect, 0, { payload: 'c' });

describe('added frames', () => {
  // The first test: the slab is new, so no message is split at its end.
  it('merge with a count of any length', () => {
    for (const count of [2, 127, 128, 255, 256, 800]) {
      const frames = Array.from({ length: count }, (_, index) => fromResponder.ack(index));
      const messages = send(frames, true);
      expect(messages).toHaveLength(1);
      expectSame(read(messages), frames);
    }
  });

  it('decode to the same frames, whatever their mix', () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame(70_000), { maxLength: 40 }),
        fc.boolean(),
        fc.array(fc.nat({ max: 39 }), { maxLength: 5 }),
        (frames, sum, flushAfter) => {
          expectSame(read(send(frames, sum, flushAfter)), frames);
        },
      ),
      { numRuns: runs(500) },
    );
  });

  it('decode to the same frames by the thousand, across the ends of slabs', () => {
    const frames = Array.from({ length: 5_000 }, (_, index) =>
      fromCaller.item(index, index, new Uint8Array(index % 700).fill(index)),
    );
    const messages = send(frames, true);
    expectSame(read(messages), frames);
    expect(Math.max(...messages.map((message) => joinFragments(message).length))).toBeLessThanOrEqual(
      maxBatchBytes + 1024,
    );
  });

  it('are sent early where they are many and small', () => {
    const sizes = (count: number, bytes: number): number[] =>
      send(
        Array.from({ length: count }, (_, index) => fromCaller.item(index, 1, new Uint8Array(bytes))),
        true,
      ).map((message) => joinFragments(message).length >> 10);
    expect(sizes(64, 512)).toStrictEqual([11, 11, 9]);
    expect(sizes(12, 5_000)).toStrictEqual([58]);
  });

  it('are copied into the message at once: later changes of a payload have no effect', () => {
    const payload = Uint8Array.of(1, 2, 3);
    const messages: WireMessage[] = [];
    const batch = new Batch(keepIn(messages), undefined);
    add(batch, fromCaller.item(1, 1, payload));
    payload.fill(9);
    batch.flush();
    expect(read(messages)[0]!.payload).toStrictEqual(Uint8Array.of(1, 2, 3));
  });

  it('are unchanged in messages that are retained, while others are made', () => {
    const messages: WireMessage[] = [];
    const first = new Batch(keepIn(messages), checksum);
    const second = new Batch(keepIn(messages), checksum);
    const frames: Frame[] = [];
    for (let index = 0; index < 3000; index++) {
      const frame = fromCaller.item(index, 1, new Uint8Array(500).fill(index));
      frames.push(frame);
      const batch = index % 2 === 0 ? first : second;
      add(batch, frame);
      batch.flush();
    }
    expectSame(read(messages), frames);
  });

  it('are unchanged where the ends of two batches fall in between', () => {
    const messages: WireMessage[] = [];
    const batches = [0, 1, 2].map(() => new Batch(keepIn(messages), checksum));
    const perBatch: Frame[][] = [[], [], []];
    for (let index = 0; index < 900; index++) {
      const frame = fromCaller.item(index, index % 3, new Uint8Array(1000).fill(index));
      perBatch[index % 3]!.push(frame);
      add(batches[index % 3]!, frame);
      if (index % 7 === 0) batches[index % 3]!.flush();
    }
    for (const batch of batches) batch.flush();
    const got = read(messages);
    perBatch.forEach((frames, which) => {
      expectSame(
        got.filter(({ seq }) => seq === which),
        frames,
      );
    });
  });
});

describe('a single frame', () => {
  it.each([true, false])('is byte for byte the result of encodeFrame, checksum %p', (sum) => {
    fc.assert(
      fc.property(anyFrame(70_000), (frame) => {
        const unsummed = frame.op < Op.Ping || (frame.op === Op.Ping && frame.muxId === 0) || !sum;
        const oracle = encodeFrame(unsummed ? frame : { ...frame, flags: frame.flags | Flag.Crc }, hash);
        expect(send([frame], sum).map((message) => hexOf(joinFragments(message)))).toStrictEqual([hexOf(oracle)]);
      }),
      { numRuns: runs(500) },
    );
  });

  it('of the handshake, and the connection-level Ping, carry no checksum', () => {
    for (const frame of [connect, frameOf(Op.ConnectResponse, 0), ping]) {
      expect(decodeFrames(joinFragments(send([frame], true)[0]!), hash)[0]!.flags).toBe(0);
    }
    const streamPing = fromCaller.ping(7, 1);
    expect(decodeFrames(joinFragments(send([streamPing], true)[0]!), hash)[0]!.flags).toBe(Flag.Crc);
  });
});

describe('a merged message', () => {
  it('has one checksum, on the outside', () => {
    const [message] = send([ping, fromResponder.ack(1), fromResponder.ack(2)], true);
    const bytes = joinFragments(message!);
    expect(bytes[5]).toBe(Op.Merged);
    expect(bytes[6]).toBe(Flag.Crc);
    expect(decodeFrames(bytes, hash).map(({ flags }) => flags)).toStrictEqual([0, 0, 0]);
    bytes[bytes.length - 6]! ^= 1;
    expect(() => decodeFrames(bytes, hash)).toThrow('checksum');
  });

  it('has no checksum where none is sent', () => {
    expect(joinFragments(send([ping, ping], false)[0]!)[6]).toBe(0);
  });
});

describe('a large payload', () => {
  const large = (muxId: number, size: number): Frame => fromCaller.item(muxId, 1, new Uint8Array(size).fill(muxId));

  it('travels alone, by reference, from its threshold size on', () => {
    const frame = large(2, fragmentBytes);
    const messages = send([fromResponder.ack(1), frame, fromResponder.ack(3)], true);
    expect(messages.map((message) => Array.isArray(message))).toStrictEqual([false, true, false]);
    expect((messages[1] as readonly Uint8Array[])[1]).toBe(frame.payload);
    expect(Array.isArray(send([large(2, fragmentBytes - 1)], true)[0])).toBe(false);
  });

  it('decodes alike with a subroute, with and without a checksum', () => {
    const frame: Frame = {
      ...fromCaller.connectMux(1, { payload: new Uint8Array(100_000).fill(7), flags: Flag.Subroute }),
      subroute: new Uint8Array(32).fill(5),
    };
    for (const sum of [true, false]) expectSame(read(send([frame], sum)), [frame]);
  });
});

describe('the sink', () => {
  it('may add frames while it is given a message', () => {
    // Each message makes another small frame, which must not take the room that was found for the one being added.
    const messages: WireMessage[] = [];
    let more = 400;
    const batch = new Batch((message) => {
      messages.push(message);
      if (more-- > 0) add(batch, fromCaller.item(1_000_000 + more, 1, new Uint8Array(900)));
    }, checksum);
    const frames = Array.from({ length: 100 }, (_, index) =>
      fromCaller.item(index, 1, new Uint8Array(fragmentBytes - 1).fill(index)),
    );
    for (const frame of frames) add(batch, frame);
    while (batch.count > 0) batch.flush();
    const got = read(messages);
    expectSame(
      got.filter(({ muxId }) => (muxId as number) < 1_000_000),
      frames,
    );
    expect(got).toHaveLength(500);
  });
});

it('reuses the memory of a message that the socket has released, and appends to it otherwise', () => {
  const places: number[] = [];
  const copies: WireMessage[] = [];
  let held = 0;
  const emit = (message: WireMessage): void => {
    places.push((message as Uint8Array).byteOffset);
    copies.push((message as Uint8Array).slice());
  };
  const batch = new Batch(emit, checksum, new Slabs(() => held));
  const frames = Array.from({ length: 6 }, (_, index) => fromCaller.item(index, 1, new Uint8Array(1000).fill(index)));
  frames.forEach((frame, index) => {
    held = index === 3 ? 1 : 0;
    add(batch, frame);
    batch.flush();
  });
  expect(places.map((place) => place === places[0])).toStrictEqual([true, true, true, true, false, true]);
  expectSame(read(copies), frames);
});

it('forgets discarded frames', () => {
  const messages: WireMessage[] = [];
  const batch = new Batch(keepIn(messages), checksum);
  add(batch, ping);
  expect(batch.bytes).toBeGreaterThan(0);
  batch.discard();
  expect([batch.count, batch.bytes]).toStrictEqual([0, 0]);
  batch.flush();
  expect(messages).toStrictEqual([]);
  add(batch, connect);
  batch.flush();
  expect(read(messages)).toStrictEqual([connect]);
});
