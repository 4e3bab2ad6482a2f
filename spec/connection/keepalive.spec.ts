import { describe, expect, it } from '@jest/globals';
import { answerPing, Keepalive, type Arrivals } from '../../lib/connection/keepalive.js';
import { ProtocolError } from '../../lib/errors.js';
import { decodePing, decodePong, encodePong } from '../../lib/wire/payloads/control.js';
import { timestampToMs } from '../../lib/wire/msgpack/timestamp.js';
import { ManualRuntime } from '../support/manual-runtime.js';

const noArrivals: Arrivals = { lastArrival: -Infinity, unreadUntil: -Infinity, readBytes: undefined };

function scene() {
  const arrivals: { -readonly [Key in keyof Arrivals]: Arrivals[Key] } = { ...noArrivals };
  const pongs: number[] = [];
  const runtime = new ManualRuntime();
  const start = runtime.now();
  const pings: { at: number; payload: Uint8Array }[] = [];
  const silences: number[] = [];
  const keepalive = new Keepalive(runtime, 10_000, arrivals, {
    sendPing: (payload) => pings.push({ at: runtime.now() - start, payload }),
    sendPong: (payload) => {
      expect(decodePong(payload)).toStrictEqual({ unknown: false, error: undefined, time: undefined });
      pongs.push(runtime.now() - start);
    },
    onSilence: () => silences.push(runtime.now() - start),
  });
  return { runtime, arrivals, keepalive, pongs, pings, silences };
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
      { sendPing: () => undefined, onSilence: () => silences++ },
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
      { sendPing: () => calls.push(`ping ${now}`), onSilence: () => calls.push(`silence ${now}`) },
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

  it('counts no silence while this side has messages to read, and sends a Pong by itself meanwhile', () => {
    const { runtime, arrivals, silences, pongs, keepalive } = scene();
    for (let round = 0; round < 1_200; round++) {
      runtime.advance(50);
      arrivals.unreadUntil = runtime.now();
    }
    expect(silences).toStrictEqual([]);
    expect(keepalive.isPongOverdue).toBe(true);
    expect(pongs.slice(0, 2)).toStrictEqual([10_000, 20_000]);
    // The answers to the pings were to be among these messages.
    runtime.advance(99);
    expect(silences).toStrictEqual([]);
    runtime.advance(1);
    expect(silences).toStrictEqual([60_100]);
  });

  it('counts no silence while parts of a long message arrive, and sends a Pong by itself meanwhile', () => {
    const { runtime, arrivals, silences, pongs } = scene();
    arrivals.readBytes = 0;
    for (let round = 0; round < 6; round++) {
      arrivals.readBytes += 10_240;
      runtime.advance(10_000);
    }
    expect([silences, pongs]).toStrictEqual([[], [10_000, 20_000, 30_000, 40_000, 50_000, 60_000]]);
    runtime.advance(10_000);
    expect(silences).toStrictEqual([70_000]);
  });

  it.each([
    ['half a message, a byte per interval', 1],
    ['the pings of a proxy', 131],
    ['half a message, more slowly than a line may be', 10_239],
  ])('counts the silence where all that arrives is %s', (_, bytes) => {
    const { runtime, arrivals, silences, pongs } = scene();
    arrivals.readBytes = 0;
    for (let round = 0; round < 6; round++) {
      arrivals.readBytes += bytes;
      runtime.advance(10_000);
    }
    expect([silences, pongs]).toStrictEqual([[20_000], []]);
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
    const { runtime, arrivals, silences, pongs } = scene();
    arrivals.readBytes = 0;
    for (let round = 0; round < 4; round++) {
      runtime.advance(4_900);
      arrivals.readBytes++;
      arrivals.lastArrival = runtime.now();
    }
    runtime.advance(399);
    expect(silences).toStrictEqual([]);
    runtime.advance(1);
    expect([silences, pongs]).toStrictEqual([[20_000], []]);
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
