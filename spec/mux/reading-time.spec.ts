import { describe, expect, it } from '@jest/globals';
import { MessageReader } from '../../lib/mux/message-reader.js';
import { ReadingTime, type ReadingRuntime } from '../../lib/mux/reading-time.js';
import { FrameView } from '../../lib/wire/frame.js';
import { ManualRuntime } from '../support/manual-runtime.js';
import { TestConnection } from '../support/protocol/links.js';
import { linkedSockets } from '../../lib/transport/memory-socket.js';
import { fromCaller, messageOf } from '../support/protocol/frames.js';
import { testChecksum } from '../support/protocol/engines.js';

const message = (count: number): Uint8Array =>
  messageOf(Array.from({ length: count }, (_, index) => fromCaller.cancel(index + 1)));

/** A loop whose turns the test counts, and readers whose frames take time. */
function scene() {
  let now = 1_000;
  const turns: number[] = [now];
  let tasks: (() => void)[] = [];
  const runtime: ReadingRuntime = {
    now: () => now,
    schedule: (task) => {
      tasks.push(task);
      return () => {
        tasks = tasks.filter((each) => each !== task);
      };
    },
  };
  const time = new ReadingTime(runtime);
  /** Lets the event loop turn, until nobody waits for that. */
  const turn = (times = Infinity): void => {
    for (let count = 0; count < times && tasks.length > 0; count++) {
      turns.push(now);
      const due = tasks;
      tasks = [];
      for (const task of due) task();
    }
  };
  const readers: MessageReader[] = [];
  const read: number[] = [];
  const behind: boolean[] = [];
  /** `frameTime`: in ms. */
  const addReader = (frameTime: number, onFrame?: () => void): number => {
    const index = readers.length;
    read.push(0);
    behind.push(false);
    readers.push(
      new MessageReader({
        marks: {},
        hash: undefined,
        maxFrames: 10_000,
        view: new FrameView(),
        now: () => now,
        time,
        visit: () => {
          read[index]!++;
          now += frameTime;
          onFrame?.();
          return true;
        },
        onFault: (error) => {
          throw error;
        },
        onBehind: (is) => (behind[index] = is),
      }),
    );
    return index;
  };
  const longestTurn = (): number => Math.max(...turns.slice(1).map((at, index) => at - turns[index]!), 0);
  const pass = (ms: number): void => void (now += ms);
  return { time, turn, turns, readers, read, behind, addReader, longestTurn, pass, scheduled: () => tasks.length };
}

describe('the readers of a process', () => {
  it('block the event loop together for no longer than a run, and the frames of a reader between two looks', () => {
    const { turn, readers, read, addReader, longestTurn } = scene();
    for (let index = 0; index < 50; index++) addReader(0.05);
    for (const reader of readers) reader.receive(message(1_000));
    turn();
    expect(new Set(read)).toStrictEqual(new Set([1_000]));
    // 16 frames take 0.8 ms. Each on its own would take 4 ms of a turn: 200 in all.
    expect(longestTurn()).toBeLessThanOrEqual(8 + 0.8);
  });

  it('have equal shares, whoever came first', () => {
    const { turn, readers, read, addReader } = scene();
    for (let index = 0; index < 10; index++) addReader(0.01);
    for (const reader of readers) reader.receive(message(5_000));
    for (let round = 0; round < 60; round++) {
      turn(1);
      const [least, most] = [Math.min(...read.slice(1)), Math.max(...read.slice(1))];
      expect(most - least).toBeLessThanOrEqual(2 * 64);
    }
    // The first one began with a slice of its own.
    expect(read[0]! - read[1]!).toBeLessThanOrEqual(400 + 2 * 64);
  });

  it('read a little where others have used up the slice: once, until the event loop has turned', () => {
    const { turn, readers, read, behind, addReader } = scene();
    const busy = addReader(0.3);
    const light = addReader(0.01);
    readers[busy]!.receive(message(100));
    expect([read[busy], behind[busy]]).toStrictEqual([16, true]);
    readers[light]!.receive(message(3));
    expect([read[light], behind[light]]).toStrictEqual([3, false]);
    readers[light]!.receive(message(3));
    expect([read[light], behind[light]]).toStrictEqual([3, true]);
    // The busy one is the first in line.
    turn(2);
    expect([read[light], behind[light]]).toStrictEqual([6, false]);
    // What comes after the slices is a new run.
    readers[light]!.receive(message(3));
    expect([read[light], behind[light]]).toStrictEqual([9, false]);
    turn();
    expect(read[busy]).toBe(100);
  });

  it('read nothing more in a turn that has lasted for two slices', () => {
    const { turn, readers, read, behind, addReader } = scene();
    const busy = addReader(0.6);
    const light = addReader(0.01);
    readers[busy]!.receive(message(100));
    readers[light]!.receive(message(3));
    expect([read[light], behind[light]]).toStrictEqual([0, true]);
    turn(2);
    expect([read[light], behind[light]]).toStrictEqual([3, false]);
  });

  it('wait in line: one with little to read does not wait for all that the others have', () => {
    const { turn, readers, read, addReader } = scene();
    for (let index = 0; index < 20; index++) addReader(0.02);
    for (const reader of readers) reader.receive(message(2_000));
    const light = addReader(0.02);
    readers[light]!.receive(message(30));
    // 20 shares of half a ms.
    turn(6);
    expect(read[light]).toBe(30);
    expect(read[0]).toBeLessThan(500);
  });

  it('are not held up by one whose slice throws', () => {
    const { turn, readers, read, addReader } = scene();
    const broken = addReader(0.3, () => {
      if (read[0] === 20) throw new TypeError('broken');
    });
    const other = addReader(0.3);
    readers[broken]!.receive(message(100));
    readers[other]!.receive(message(100));
    expect(() => {
      turn();
    }).toThrow(new TypeError('broken'));
    turn();
    expect([read[broken], read[other]]).toStrictEqual([20, 100]);
  });

  it('leave the line when they stop, also within the slice of another one; the last one leaves no timer', () => {
    const { turn, readers, read, addReader, scheduled } = scene();
    let readBefore = 0;
    const first = addReader(0.3, () => {
      if (read[0] !== 30) return;
      readers[1]!.stop();
      readBefore = read[1]!;
    });
    const second = addReader(0.3);
    readers[first]!.receive(message(100));
    readers[second]!.receive(message(100));
    turn();
    expect([read[first], read[second], scheduled()]).toStrictEqual([100, readBefore, 0]);
    expect(readBefore).toBeLessThan(100);
    readers[first]!.receive(message(100));
    expect(scheduled()).toBe(1);
    readers[first]!.stop();
    readers[first]!.stop();
    expect(scheduled()).toBe(0);
  });

  it('share the time with the readers of the same runtime only', () => {
    const [one, two] = [new ManualRuntime(), new ManualRuntime()];
    expect(ReadingTime.of(one)).toBe(ReadingTime.of(one));
    expect(ReadingTime.of(one)).not.toBe(ReadingTime.of(two));
  });

  it('are those of all connections', () => {
    const runtime = new ManualRuntime();
    const answered = [0, 0];
    const ends = answered.map((_, index) => {
      const connection = new TestConnection(runtime);
      connection.serve(1, {
        kind: 'unary',
        respond: (mux, payload) => {
          answered[index]!++;
          runtime.block(3);
          mux.respond(payload);
        },
      });
      const [near, far] = linkedSockets();
      connection.link(near);
      return far;
    });
    const calls = Array.from({ length: 100 }, (_, index) => fromCaller.request(index + 1, { deadlineMs: 1e6 }));
    for (const far of ends) far.outbound.next(messageOf(calls, testChecksum.hash));
    expect(answered).toStrictEqual([16, 0]);
    runtime.advance(1_000);
    expect(answered).toStrictEqual([100, 100]);
  });
});

describe('the next turn of the event loop', () => {
  it('is asked for by its own method, where the runtime has one', () => {
    const asked: (() => void)[] = [];
    const runtime: ReadingRuntime = {
      now: () => 0,
      schedule: () => {
        throw new Error('not needed');
      },
      nextTurn: (task) => {
        asked.push(task);
        return () => void asked.pop();
      },
    };
    const time = new ReadingTime(runtime);
    const slices: number[] = [];
    const reader = { readSlice: (end: number) => void slices.push(end) };
    time.join();
    time.wait(reader);
    asked.shift()!();
    expect(slices).toStrictEqual([4]);
    time.wait(reader);
    time.leave(reader);
    expect(asked).toStrictEqual([]);
  });
});
