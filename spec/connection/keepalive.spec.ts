import { describe, expect, it } from '@jest/globals';
import { answerPing, Keepalive } from '../../lib/connection/keepalive.js';
import type { Arrivals } from '../../lib/connection/silence.js';
import { ProtocolError } from '../../lib/errors.js';
import { decodePing, decodePong, encodePing, encodePong } from '../../lib/wire/payloads/control.js';
import { timestampToMs } from '../../lib/wire/msgpack/timestamp.js';
import { ManualRuntime } from '../support/manual-runtime.js';

const noArrivals: Arrivals = { lastArrival: -Infinity, unreadUntil: -Infinity, readBytes: undefined };

const theirTime = { seconds: 1_700_000_000, nanoseconds: 5 };

/** A keepalive with an interval of 10 s. `answer`: the other side answers its pings after so many ms, if at all. */
function scene({ takesEmptyPongs = true, answer = undefined as number | undefined } = {}) {
  const arrivals: { -readonly [Key in keyof Arrivals]: Arrivals[Key] } = { ...noArrivals };
  const pongs: { readonly at: number; readonly time: unknown; readonly seq: number; readonly deadlineMs: number }[] =
    [];
  const runtime = new ManualRuntime();
  const start = runtime.now();
  const pings: { at: number; payload: Uint8Array }[] = [];
  const silences: number[] = [];
  const other = { answer };
  const keepalive: Keepalive = new Keepalive(runtime, 10_000, arrivals, {
    takesEmptyPongs,
    sendPing: (payload) => {
      pings.push({ at: runtime.now() - start, payload });
      if (other.answer !== undefined) {
        runtime.schedule(() => {
          keepalive.onPong(answerPing(payload));
        }, other.answer);
      }
    },
    sendPong: ({ payload, seq, deadlineMs }) => {
      const { unknown, error, time } = decodePong(payload);
      expect([unknown, error]).toStrictEqual([false, undefined]);
      pongs.push({ at: runtime.now() - start, time, seq, deadlineMs });
    },
    onSilence: () => silences.push(runtime.now() - start),
  });
  const receivePing = (seq = 0, deadlineMs = 10_000): void => {
    keepalive.onPing({ payload: encodePing({ time: theirTime }), seq, deadlineMs });
  };
  const timesOf = (frames: readonly { readonly at: number }[]): number[] => frames.map(({ at }) => at);
  return { runtime, arrivals, keepalive, other, pongs, pings, silences, receivePing, timesOf };
}

describe('Keepalive', () => {
  it('sends a ping with the time each interval', () => {
    const { runtime, keepalive, pings, silences } = scene();
    runtime.advance(10_000);
    keepalive.onPong(answerPing(pings[0]!.payload));
    runtime.advance(10_000);
    expect(pings.map(({ at }) => at)).toStrictEqual([10_000, 20_000]);
    expect(timestampToMs(decodePing(pings[1]!.payload).time)).toBe(runtime.wallNow());
    expect(silences).toStrictEqual([]);
    keepalive.stop();
    expect(runtime.scheduled).toBe(0);
  });

  it('measures the round-trip time', () => {
    const { runtime, keepalive, pings } = scene();
    expect([keepalive.rtt, keepalive.shortest]).toStrictEqual([undefined, Infinity]);
    keepalive.ping();
    runtime.advance(25);
    keepalive.onPong(answerPing(pings[0]!.payload));
    expect([keepalive.rtt, keepalive.shortest]).toStrictEqual([25, 25]);
    runtime.advance(15);
    keepalive.onPong(answerPing(pings[0]!.payload));
    expect([keepalive.rtt, keepalive.shortest]).toStrictEqual([40, 25]);
    keepalive.onPong(encodePong({ unknown: false, error: undefined, time: undefined }));
    expect(keepalive.rtt).toBe(40);
    keepalive.onPong(encodePong({ unknown: false, error: undefined, time: { seconds: 2 ** 40, nanoseconds: 0 } }));
    expect(keepalive.rtt).toBe(0);
    keepalive.stop();
  });

  it('reports silence once, two intervals after the start, and sends no more pings', () => {
    const { runtime, keepalive, pings, silences } = scene();
    runtime.advance(100_000);
    expect(silences).toStrictEqual([20_000]);
    expect(pings.length).toBe(1);
    expect(runtime.scheduled).toBe(0);
    keepalive.stop();
  });

  it.each([-3_600_000, 3_600_000])('measures by the monotonic clock: the wall clock may be adjusted by %i ms', (ms) => {
    const { runtime, keepalive, pings, silences } = scene();
    keepalive.ping();
    runtime.advance(12);
    runtime.wallOffset += ms;
    runtime.advance(13);
    keepalive.onPong(answerPing(pings[0]!.payload));
    expect([keepalive.rtt, keepalive.shortest]).toStrictEqual([25, 25]);
    // Nobody is blamed, and further round trips are right, too.
    for (let answered = 1; answered < 4;) {
      runtime.advance(1);
      const ping = pings[answered];
      if (ping === undefined) continue;
      runtime.advance(30);
      keepalive.onPong(answerPing(ping.payload));
      answered++;
    }
    expect([keepalive.rtt, keepalive.shortest, silences]).toStrictEqual([30, 25, []]);
    keepalive.stop();
  });

  it('pings at once after the machine slept, and gives the other side an interval to answer', () => {
    const { runtime, keepalive, pings, silences } = scene();
    runtime.advance(10_000);
    keepalive.onPong(answerPing(pings[0]!.payload));
    runtime.advance(4_500);
    // Asleep for an hour: only the wall clock went on.
    runtime.wallOffset += 3_600_000;
    runtime.advance(500);
    expect(pings.map(({ at }) => at)).toStrictEqual([10_000, 15_000]);
    runtime.advance(9_999);
    expect(silences).toStrictEqual([]);
    runtime.advance(1);
    expect(silences).toStrictEqual([25_000]);
    expect(runtime.scheduled).toBe(0);
  });

  it('leaves no timer where sending a ping ends the connection, at the interval or after a sleep', () => {
    for (const asleep of [0, 3_600_000]) {
      const runtime = new ManualRuntime();
      let pings = 0;
      const keepalive: Keepalive = new Keepalive(runtime, 10_000, noArrivals, {
        takesEmptyPongs: true,
        sendPong: () => undefined,
        sendPing: () => {
          pings++;
          keepalive.stop();
        },
        onSilence: () => undefined,
      });
      runtime.wallOffset += asleep;
      runtime.advance(10_000);
      expect([pings, runtime.scheduled]).toStrictEqual([1, 0]);
    }
  });

  it('continues as before where the other side answers after a sleep', () => {
    const { runtime, keepalive, pings, silences } = scene();
    runtime.wallOffset += 3_600_000;
    runtime.advance(1_000);
    keepalive.onPong(answerPing(pings[0]!.payload));
    runtime.advance(10_000);
    keepalive.onPong(answerPing(pings[1]!.payload));
    runtime.advance(10_000);
    expect([pings.map(({ at }) => at), silences]).toStrictEqual([[1_000, 11_000, 21_000], []]);
    keepalive.stop();
  });

  it('ends where the sum of a Pong and two intervals is rounded, without repeated checks at one time', () => {
    // 59000.003… + 20000 is not quite 20000 later.
    const lastPong = 59_000 + 3 / 997;
    let now = lastPong;
    const timers: { readonly task: () => void; readonly at: number }[] = [];
    let silences = 0;
    const keepalive = new Keepalive(
      {
        now: () => now,
        wallNow: () => now,
        random: () => 0,
        defer: () => undefined,
        schedule: (task, ms) => {
          timers.push({ task, at: now + ms });
          return () => undefined;
        },
      },
      10_000,
      noArrivals,
      { takesEmptyPongs: false, sendPong: () => undefined, sendPing: () => undefined, onSilence: () => silences++ },
    );
    now = lastPong + 10_000;
    // The watch for a sleep of the machine has a timer, too: that of the keepalive is the one that is due last.
    const due = (): { readonly task: () => void; readonly at: number } =>
      timers.reduce((a, b) => (b.at >= a.at ? b : a));
    due().task();
    now = lastPong + 20_000;
    expect(now - lastPong).toBeLessThan(20_000);
    due().task();
    expect(silences).toBe(1);
    keepalive.stop();
  });

  it('does not blame the other side where this process was blocked', () => {
    let now = 0;
    let wake: (() => void) | undefined;
    const calls: string[] = [];
    const keepalive = new Keepalive(
      {
        now: () => now,
        wallNow: () => now,
        random: () => 0,
        defer: () => undefined,
        schedule: (task) => {
          wake = task;
          return () => undefined;
        },
      },
      10_000,
      noArrivals,
      {
        takesEmptyPongs: false,
        sendPong: () => undefined,
        sendPing: () => calls.push(`ping ${now}`),
        onSilence: () => calls.push(`silence ${now}`),
      },
    );
    // Timers fire late, and before the Pongs that wait in the socket are read.
    now = 10_000;
    wake!();
    now = 45_000;
    wake!();
    expect(calls).toStrictEqual(['ping 10000', 'ping 45000']);
    now = 55_000;
    wake!();
    expect(calls).toStrictEqual(['ping 10000', 'ping 45000', 'silence 55000']);
    keepalive.stop();
  });

  it('counts the silence from the last pong', () => {
    const { runtime, keepalive, pings, silences } = scene();
    runtime.advance(10_000);
    keepalive.onPong(answerPing(pings[0]!.payload));
    runtime.advance(10_000);
    expect(silences).toStrictEqual([]);
    runtime.advance(10_000);
    expect(silences).toStrictEqual([30_000]);
  });

  it('counts no silence while this side has messages to read, and pings once per interval meanwhile', () => {
    const { runtime, arrivals, silences, pings, timesOf, keepalive } = scene();
    for (let round = 0; round < 1_200; round++) {
      runtime.advance(50);
      arrivals.unreadUntil = runtime.now();
    }
    expect(silences).toStrictEqual([]);
    expect(keepalive.isPongOverdue).toBe(true);
    expect(timesOf(pings)).toStrictEqual([10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
    // The answers to the pings were to be among these messages, or come as soon as the other side can send again.
    runtime.advance(9_999);
    expect(silences).toStrictEqual([]);
    runtime.advance(1);
    expect(silences).toStrictEqual([70_000]);
    expect(timesOf(pings).length).toBe(6);
  });

  it('waits for an answer that comes late after a backlog, over a line with a long round trip', () => {
    const { runtime, arrivals, silences, pings, keepalive } = scene();
    for (let round = 0; round < 500; round++) {
      runtime.advance(50);
      arrivals.unreadUntil = runtime.now();
    }
    runtime.advance(600);
    keepalive.onPong(answerPing(pings[0]!.payload));
    runtime.advance(9_399);
    expect([silences, pings.length]).toStrictEqual([[], 3]);
    keepalive.stop();
  });

  it('counts no silence while parts of a long message arrive', () => {
    const { runtime, arrivals, silences, pings, timesOf } = scene();
    arrivals.readBytes = 0;
    for (let round = 0; round < 60; round++) {
      arrivals.readBytes += 1_024;
      runtime.advance(1_000);
    }
    expect([silences, timesOf(pings)]).toStrictEqual([[], [10_000, 20_000, 30_000, 40_000, 50_000, 60_000]]);
    runtime.advance(10_000);
    expect(silences).toStrictEqual([70_000]);
  });

  it.each([
    ['half a message, a byte per interval', 1],
    ['the pings of a proxy', 131],
    ['half a message, more slowly than a line may be', 10_239],
  ])('counts the silence where all that arrives is %s', (_, bytes) => {
    const { runtime, arrivals, silences } = scene();
    arrivals.readBytes = 0;
    for (let round = 0; round < 6; round++) {
      arrivals.readBytes += bytes;
      runtime.advance(10_000);
    }
    expect(silences).toStrictEqual([20_000]);
  });

  it('does not take the ping of a proxy for a part of a message where two checks follow closely', () => {
    const { runtime, arrivals, keepalive, pings, silences } = scene();
    arrivals.readBytes = 0;
    runtime.advance(10_001);
    keepalive.onPong(answerPing(pings[0]!.payload));
    runtime.advance(19_999);
    arrivals.readBytes = 131;
    runtime.advance(60_000);
    expect(silences).toStrictEqual([30_001]);
  });

  it('counts the silence of a host that dies in the middle of a message from its last part', () => {
    const { runtime, arrivals, silences } = scene();
    arrivals.readBytes = 0;
    for (let round = 0; round < 4; round++) {
      arrivals.readBytes += 1 << 20;
      runtime.advance(9_999);
    }
    runtime.advance(60_000);
    expect(silences).toStrictEqual([40_000]);
  });

  it('counts the silence of a side that sends messages and answers nothing: what this side sends is lost', () => {
    const { runtime, arrivals, silences } = scene();
    arrivals.readBytes = 0;
    for (let round = 0; round < 4; round++) {
      runtime.advance(4_900);
      arrivals.readBytes++;
      arrivals.lastArrival = runtime.now();
    }
    runtime.advance(399);
    expect(silences).toStrictEqual([]);
    runtime.advance(1);
    expect(silences).toStrictEqual([20_000]);
  });

  it('has a Pong that is overdue where an interval and a half have passed since the last one', () => {
    const { runtime, keepalive, pings } = scene();
    runtime.advance(10_000);
    keepalive.onPong(answerPing(pings[0]!.payload));
    runtime.advance(15_000);
    expect(keepalive.isPongOverdue).toBe(false);
    runtime.advance(1);
    expect(keepalive.isPongOverdue).toBe(true);
    keepalive.stop();
  });

  it('rejects malformed pongs', () => {
    const { keepalive } = scene();
    for (const bytes of [[], [0xc0], [0x81, 0xa1, 0x74, 0xc0], [0xdf, 255, 255, 255, 255]]) {
      expect(() => answerPing(Uint8Array.from(bytes))).toThrow(ProtocolError);
    }
    expect(() => {
      keepalive.onPong(Uint8Array.of(1));
    }).toThrow(ProtocolError);
    keepalive.stop();
  });
});

describe('a Pong that is sent without a Ping', () => {
  it('is none while the pings of the other side arrive', () => {
    const { runtime, pongs, receivePing, timesOf, keepalive } = scene({ answer: 1 });
    for (let round = 0; round < 6; round++) {
      runtime.advance(9_990 + round);
      receivePing(round);
    }
    expect(timesOf(pongs)).toStrictEqual([9_990, 19_981, 29_973, 39_966, 49_960, 59_955]);
    expect(pongs.at(-1)).toStrictEqual({ at: 59_955, time: theirTime, seq: 5, deadlineMs: 10_000 });
    keepalive.stop();
  });

  it('goes to the other side each one and a half of its intervals while none of its pings is read', () => {
    const { runtime, arrivals, pongs, receivePing, timesOf, keepalive } = scene();
    runtime.advance(3_000);
    receivePing();
    for (let round = 0; round < 600; round++) {
      runtime.advance(100);
      arrivals.unreadUntil = runtime.now();
    }
    expect(timesOf(pongs)).toStrictEqual([3_000, 18_000, 33_000, 48_000, 63_000]);
    expect(pongs.at(-1)).toStrictEqual({ at: 63_000, time: undefined, seq: 0, deadlineMs: 10_000 });
    keepalive.stop();
  });

  it.each([
    ['shorter', 2_000, [1_000, 4_000, 7_000, 10_000]],
    ['longer', 20_000, [1_000, 31_000]],
    ['impossibly short', 1, [1_000, 2_500, 4_000, 5_500]],
  ])('follows the interval of the other side where that is %s', (_, deadlineMs, times) => {
    const { runtime, arrivals, pongs, receivePing, timesOf, keepalive } = scene();
    runtime.advance(1_000);
    receivePing(0, deadlineMs);
    for (let round = 0; round < 300; round++) {
      runtime.advance(100);
      arrivals.unreadUntil = runtime.now();
    }
    expect(timesOf(pongs).slice(0, 4)).toStrictEqual(times);
    keepalive.stop();
  });

  it('repeats the answer to the newest Ping towards a reference peer, which expects its own time in each', () => {
    const { runtime, arrivals, pongs, receivePing, keepalive } = scene({ takesEmptyPongs: false });
    arrivals.unreadUntil = Infinity;
    runtime.advance(16_000);
    expect(pongs).toStrictEqual([]);
    receivePing(7, 10_000);
    runtime.advance(15_000);
    const answer = { time: theirTime, seq: 7, deadlineMs: 10_000 };
    expect(pongs).toStrictEqual([
      { at: 16_000, ...answer },
      { at: 31_000, ...answer },
    ]);
    keepalive.stop();
  });

  it('shows that the other side lives, and is no answer', () => {
    const { runtime, keepalive, silences } = scene();
    for (let round = 0; round < 6; round++) {
      runtime.advance(10_000);
      keepalive.onPong(encodePong({ unknown: false, error: undefined, time: undefined }));
    }
    expect([silences, keepalive.isPongOverdue]).toStrictEqual([[], true]);
    keepalive.stop();
  });

  it('leaves no timer where it ends the connection', () => {
    const runtime = new ManualRuntime();
    const endedByPong = (): Keepalive => {
      const keepalive: Keepalive = new Keepalive(runtime, 10_000, noArrivals, {
        takesEmptyPongs: true,
        sendPong: () => {
          keepalive.stop();
        },
        sendPing: () => undefined,
        onSilence: () => undefined,
      });
      return keepalive;
    };
    endedByPong();
    runtime.advance(15_000);
    expect(runtime.scheduled).toBe(0);
    endedByPong().onPing({ payload: encodePing({ time: theirTime }), seq: 0, deadlineMs: 1_000 });
    expect(runtime.scheduled).toBe(0);
  });
});

/** Lets `total` ms pass. After each `every` ms, the wall clock is set by the next of the given numbers of ms. */
function passWithJumps(runtime: ManualRuntime, total: number, every: number, jumps: readonly number[]): void {
  for (let passed = 0, round = 0; passed < total; passed += every, round++) {
    runtime.advance(every);
    runtime.wallOffset += jumps[round % jumps.length]!;
  }
}

describe.each([
  ['forward by 3 s each 700 ms', 700, [3_000]],
  ['forward by 3 s each 5 s', 5_000, [3_000]],
  ['forward by an hour each 9.9 s', 9_900, [3_600_000]],
  ['to and fro by 10 s each second', 1_000, [10_000, -10_000]],
  ['back by 4 s and forward by 5 s each 3 s', 3_000, [-4_000, 5_000]],
])('a wall clock that is set %s', (_, every, jumps) => {
  it('does not keep a host that is gone', () => {
    const { runtime, other, silences } = scene({ answer: 20 });
    passWithJumps(runtime, 60_000, every, jumps);
    expect(silences).toStrictEqual([]);
    other.answer = undefined;
    passWithJumps(runtime, 30_000, every, jumps);
    expect(silences.length).toBe(1);
    // Within two intervals of the last Pong, which came at the latest when the answers stopped.
    expect(silences[0]).toBeLessThanOrEqual(80_000 + every);
    expect(runtime.scheduled).toBe(0);
  });

  it.each([1, 5_000, 9_990])('does not lose a host that answers after %i ms', (answer) => {
    const { runtime, silences, keepalive } = scene({ answer });
    passWithJumps(runtime, 600_000, every, jumps);
    expect(silences).toStrictEqual([]);
    keepalive.stop();
  });

  it('has at most one ping sent per second beside those of the interval', () => {
    const { runtime, pings, keepalive } = scene({ answer: 20 });
    passWithJumps(runtime, 60_000, every, jumps);
    expect(pings.length).toBeLessThanOrEqual(60 + 6);
    keepalive.stop();
  });
});

describe('a machine that sleeps', () => {
  /** Asleep for so many ms: the wall clock goes on, and the monotonic clock stands still. */
  const sleep = (runtime: ManualRuntime, ms: number): void => {
    runtime.wallOffset += ms;
  };

  it.each([3_100, 60_000, 3_600_000])('for %i ms, again and again, keeps a connection that is answered', (ms) => {
    const { runtime, silences, keepalive } = scene({ answer: 300 });
    for (let night = 0; night < 50; night++) {
      runtime.advance(1_000 + 700 * (night % 20));
      sleep(runtime, ms);
    }
    expect(silences).toStrictEqual([]);
    keepalive.stop();
  });

  it('notices within an interval of its waking time that the other side is gone, however often it sleeps', () => {
    const { runtime, other, silences } = scene({ answer: 20 });
    runtime.advance(10_500);
    other.answer = undefined;
    for (let night = 0; night < 20; night++) {
      sleep(runtime, 60_000);
      runtime.advance(2_000);
    }
    // The first sleep is seen at 11 000.
    expect(silences).toStrictEqual([21_000]);
  });

  it('notices it as soon where its wall clock is set back as well', () => {
    const { runtime, other, silences } = scene({ answer: 20 });
    runtime.advance(10_500);
    other.answer = undefined;
    for (let night = 0; night < 20; night++) {
      sleep(runtime, 60_000);
      runtime.advance(2_000);
      runtime.wallOffset -= 55_000;
    }
    expect(silences).toStrictEqual([21_000]);
  });

  it('has no timer while its monotonic clock stands still, whatever the wall clock does', () => {
    const { runtime, silences, pings, keepalive } = scene();
    for (let jump = 0; jump < 100; jump++) {
      runtime.wallOffset += jump % 2 === 0 ? 3_600_000 : -3_000_000;
      runtime.advance(0);
    }
    expect([silences, pings]).toStrictEqual([[], []]);
    keepalive.stop();
  });
});

describe('a process that is held up at each timer', () => {
  it('gives up a host that is gone, after it has had the time to read', () => {
    const { runtime, silences, pings } = scene();
    while (silences.length === 0 && pings.length < 20) {
      runtime.block(16_000);
      runtime.advance(1);
    }
    // At 16 s it gets its interval, which is over at 32 s; the last look comes when the process runs again.
    expect(silences).toStrictEqual([48_002]);
  });

  it('keeps a host whose answers it reads after its timers', () => {
    const { runtime, silences, pings, keepalive } = scene();
    for (let round = 0; round < 20; round++) {
      const read = pings.length;
      runtime.block(16_000);
      runtime.advance(1);
      for (const ping of pings.slice(0, read).slice(-1)) keepalive.onPong(answerPing(ping.payload));
    }
    expect(silences).toStrictEqual([]);
    keepalive.stop();
  });
});

describe('the pong of a ping', () => {
  it('has its time', () => {
    const { keepalive, pings } = scene();
    keepalive.ping();
    const { payload } = pings[0]!;
    expect(decodePong(answerPing(payload))).toStrictEqual({
      unknown: false,
      error: undefined,
      time: decodePing(payload).time,
    });
    keepalive.stop();
  });
});
