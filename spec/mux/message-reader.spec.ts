import { describe, expect, it } from '@jest/globals';
import type { ProtocolError } from '../../lib/errors.js';
import { MessageReader } from '../../lib/mux/message-reader.js';
import { ReadingTime } from '../../lib/mux/reading-time.js';
import { FrameView } from '../../lib/wire/frame.js';
import { fromCaller, messageOf } from '../support/protocol/frames.js';
import { ManualRuntime } from '../support/manual-runtime.js';

/** A reader whose frames take `frameTime` ms each, and what it saw. */
function makeReader(frameTime: number, maxFrames = 1_000) {
  const runtime = new ManualRuntime();
  const seen: { readonly id: unknown; readonly slice: number }[] = [];
  const faults: ProtocolError[] = [];
  const behind: boolean[] = [];
  let slice = 0;
  let time = 0;
  const now = (): number => time;
  const reader = new MessageReader({
    marks: {},
    hash: undefined,
    maxFrames,
    view: new FrameView(),
    now,
    time: new ReadingTime({
      now,
      schedule: (task, ms) =>
        runtime.schedule(() => {
          slice++;
          task();
        }, ms),
    }),
    visit: (frame) => {
      seen.push({ id: frame.muxId, slice });
      time += frameTime;
      return true;
    },
    onFault: (error) => faults.push(error),
    onBehind: (is) => behind.push(is),
  });
  const pass = (ms: number): void => {
    time += ms;
  };
  const setFrameTime = (ms: number): void => {
    frameTime = ms;
  };
  return { runtime, reader, seen, faults, behind, pass, setFrameTime };
}

const message = (from: number, count: number): Uint8Array =>
  messageOf(Array.from({ length: count }, (_, index) => fromCaller.cancel(from + index)));

describe('a message with many frames', () => {
  it('is read in slices, in order, and yields to the event loop between them', () => {
    const { runtime, reader, seen, behind } = makeReader(1);
    reader.receive(message(1, 100));
    // At first the clock is read after 16 frames.
    expect([seen.length, behind]).toStrictEqual([16, [true]]);
    runtime.advance(0);
    expect(seen.map(({ id }) => id)).toStrictEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    expect(new Set(seen.map(({ slice }) => slice)).size).toBeGreaterThan(5);
    expect(behind.at(-1)).toBe(false);
  });

  it('has a slice end sooner where its payloads are large', () => {
    const { runtime, reader, seen, behind } = makeReader(5);
    const payload = new Uint8Array(8 << 10);
    const requests = Array.from({ length: 12 }, (_, index) => fromCaller.request(index + 1, { payload }));
    reader.receive(messageOf(requests));
    expect([seen.length, behind]).toStrictEqual([2, [true]]);
    runtime.advance(0);
    expect(seen.map(({ slice }) => slice)).toStrictEqual([0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('has the clock read after each frame where frames take long, and after 16 again where they do not', () => {
    const { runtime, reader, seen, setFrameTime } = makeReader(5);
    reader.receive(message(1, 40));
    runtime.advance(0);
    const sizes = (): number[] => {
      const counts = new Map<number, number>();
      for (const { slice } of seen) counts.set(slice, (counts.get(slice) ?? 0) + 1);
      return [...counts.values()];
    };
    expect(sizes()).toStrictEqual([16, ...Array.from({ length: 24 }, () => 1)]);
    seen.length = 0;
    setFrameTime(0.01);
    runtime.advance(100);
    reader.receive(message(1, 1_000));
    runtime.advance(0);
    // A slice of 4 ms has 400 of them.
    expect(sizes().length).toBeLessThanOrEqual(4);
  });

  it('is read before messages that arrive meanwhile', () => {
    const { runtime, reader, seen, behind } = makeReader(1);
    reader.receive(message(1, 20));
    reader.receive(message(21, 1));
    reader.receive(message(22, 40));
    runtime.advance(0);
    expect(seen.map(({ id }) => id)).toStrictEqual(Array.from({ length: 61 }, (_, index) => index + 1));
    expect(behind.at(-1)).toBe(false);
    // And nothing twice, whatever the last one was.
    reader.receive(message(62, 1));
    expect(seen.length).toBe(62);
  });

  it('is read at once where reading takes no time', () => {
    const { reader, seen, behind } = makeReader(0);
    reader.receive(message(1, 500));
    expect([seen.length, behind]).toStrictEqual([500, []]);
  });

  it('is not read further after a stop', () => {
    const { runtime, reader, seen } = makeReader(1);
    reader.receive(message(1, 100));
    reader.stop();
    runtime.advance(0);
    expect([seen.length, runtime.scheduled]).toStrictEqual([16, 0]);
  });

  it('is a fault beyond maxMessageFrames', () => {
    const { reader, seen, faults } = makeReader(0, 10);
    reader.receive(message(1, 10));
    reader.receive(message(11, 11));
    expect([seen.length, faults.length]).toStrictEqual([10, 1]);
    expect(faults[0]!.message).toContain('maxMessageFrames');
  });
});

describe('many messages with one frame each', () => {
  const ids = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

  it('share the time of one slice while the event loop does not turn', () => {
    const { runtime, reader, seen, behind } = makeReader(1);
    for (let id = 1; id <= 100; id++) reader.receive(message(id, 1));
    // The run is watched from its third millisecond on, and has 4 then.
    expect([seen.length, behind]).toStrictEqual([6, [true]]);
    runtime.advance(0);
    expect(seen.map(({ id }) => id)).toStrictEqual(ids(100));
    expect(new Set(seen.map(({ slice }) => slice)).size).toBeGreaterThan(5);
    expect(behind.at(-1)).toBe(false);
    // Those that follow a slice in the same turn have what is left of its time.
    for (let id = 101; id <= 140; id++) reader.receive(message(id, 1));
    expect(seen.length).toBeLessThan(115);
    runtime.advance(0);
    expect(seen.map(({ id }) => id)).toStrictEqual(ids(140));
  });

  it('count the time that passes between them', () => {
    const { reader, seen, behind, pass } = makeReader(0);
    for (let id = 1; id <= 100; id++) {
      reader.receive(message(id, 1));
      pass(1);
    }
    expect([seen.length, behind]).toStrictEqual([6, [true]]);
  });

  it('are read at once where the event loop turns between them', () => {
    const { runtime, reader, seen, behind } = makeReader(1);
    for (let id = 1; id <= 100; id++) {
      reader.receive(message(id, 1));
      runtime.advance(0);
    }
    expect([seen.length, behind]).toStrictEqual([100, []]);
  });

  it('set no timer where they are sparse', () => {
    const { runtime, reader, seen, behind, pass } = makeReader(0.5);
    for (let id = 1; id <= 20; id++) {
      reader.receive(message(id, 1));
      pass(50);
    }
    expect([seen.length, behind, runtime.scheduled]).toStrictEqual([20, [], 0]);
  });

  it('share a slice where each takes long, too', () => {
    const { runtime, reader, seen, behind } = makeReader(20);
    for (let id = 1; id <= 10; id++) reader.receive(message(id, 1));
    expect([seen.length, behind]).toStrictEqual([2, [true]]);
    runtime.advance(0);
    expect(seen.map(({ id }) => id)).toStrictEqual(ids(10));
    // Two before the first one, and then one in each.
    expect(seen.map(({ slice }) => slice)).toStrictEqual([0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('leave no timer after a stop', () => {
    const { runtime, reader, seen } = makeReader(1);
    for (let id = 1; id <= 5; id++) reader.receive(message(id, 1));
    expect(runtime.scheduled).toBe(1);
    reader.stop();
    expect([seen.length, runtime.scheduled]).toStrictEqual([5, 0]);
  });
});

describe('whenRead', () => {
  it('waits for the messages that have arrived, and does not wait where there are none', () => {
    const { runtime, reader, seen } = makeReader(1);
    const lengths: number[] = [];
    const note = (): void => void lengths.push(seen.length);
    reader.whenRead(note);
    reader.receive(message(1, 20));
    reader.receive(message(21, 5));
    reader.whenRead(note);
    expect(lengths).toStrictEqual([0]);
    runtime.advance(0);
    expect(lengths).toStrictEqual([0, 25]);
    runtime.advance(100);
    reader.receive(message(26, 20));
    runtime.advance(100);
    expect(lengths).toStrictEqual([0, 25]);
  });

  it('does nothing after a stop', () => {
    const { runtime, reader } = makeReader(1);
    const notes: string[] = [];
    reader.receive(message(1, 20));
    reader.whenRead(() => notes.push('before'));
    reader.stop();
    reader.whenRead(() => notes.push('after'));
    runtime.advance(100);
    expect(notes).toStrictEqual([]);
  });
});

it.each([
  ['copied out of a message of more than 64 KiB, or whoever keeps it keeps the message', 100_000, false],
  ['a view into a smaller message', 1_000, true],
])('a small payload is %s', (_, otherBytes, isView) => {
  const kept: Uint8Array[] = [];
  const reader = new MessageReader({
    marks: {},
    hash: undefined,
    maxFrames: 10,
    view: new FrameView(),
    now: () => 0,
    time: new ReadingTime({ now: () => 0, schedule: () => () => undefined }),
    visit: ({ payload }) => kept.push(payload) > 0,
    onFault: (error) => {
      throw error;
    },
    onBehind: () => undefined,
  });
  const received = messageOf([fromCaller.item(1, 1, 'small'), fromCaller.item(2, 1, new Uint8Array(otherBytes))]);
  reader.receive(received);
  expect(Buffer.from(kept[0]!).toString()).toBe('small');
  expect([kept[0]!.buffer === received.buffer, kept[1]!.buffer === received.buffer]).toStrictEqual([isView, true]);
});

it('reports when a message arrived, however late it is read', () => {
  const { runtime, reader, seen } = makeReader(1);
  const arrived: number[] = [];
  reader.receive(message(1, 20));
  reader.receive(message(21, 1));
  const { length } = seen;
  expect(length).toBe(16);
  runtime.advance(0);
  arrived.push(reader.arrivedAt);
  // It came at 16, and was read at 20.
  expect(arrived).toStrictEqual([16]);
});
