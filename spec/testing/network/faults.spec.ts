import { describe, expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import { ConfigurationError, type, unary } from '../../../lib/index.js';
import {
  type Cluster,
  type ClusterHost,
  Faults,
  fromCaller,
  gridTest,
  SeededRandom,
  VirtualClock,
} from '../../../lib/testing/index.js';
import { Cable } from '../../../lib/testing/network/cable.js';
import { Op } from '../../../lib/wire/ops.js';

/** `a` sends message 0 at 0 ms, 1 at 1 ms, …; gives what `b` hears as `time: number`. */
function scene(seed = 1, latency = 3) {
  const clock = new VirtualClock({ seed });
  const cable = new Cable({
    ends: ['a', 'b'],
    runtime: clock,
    random: new SeededRandom(seed),
    line: { latency },
    history: 1_000,
  });
  const [a, b] = cable.connect();
  const received: string[] = [];
  b.inbound.subscribe({
    next: (message) => received.push(`${clock.elapsed}: ${message.join(' ')}`),
    error: (error: unknown) => received.push(`${clock.elapsed}: ${(error as Error).message}`),
  });
  const run = (count: number): string[] => {
    for (let index = 0; index < count; index++) {
      a.outbound.next(Uint8Array.of(index));
      clock.runFor(1);
    }
    clock.runFor(200);
    return received;
  };
  return { clock, cable, faults: new Faults(clock), run, received, a, b };
}

const fates = ({ log }: Cable): string[] =>
  log.entries.flatMap((entry) => (entry.kind === 'message' ? [entry.fates.join('+')] : []));

describe('faults of messages', () => {
  it('drop: the next one, or the next ones from given times on', () => {
    const now = scene();
    now.faults.drop(now.cable);
    expect(now.run(3)).toStrictEqual(['4: 1', '5: 2']);
    expect(fates(now.cable)).toStrictEqual(['dropped', '', '']);

    const drawn = scene();
    drawn.faults.drop(drawn.cable, { at: '-x--y' });
    expect(drawn.run(6)).toStrictEqual(['3: 0', '5: 2', '6: 3', '8: 5']);

    const many = scene();
    many.faults.drop(many.cable, { at: 2, count: 2 });
    expect(many.run(6)).toStrictEqual(['3: 0', '4: 1', '7: 4', '8: 5']);
  });

  it('drop: for a time, from one end, and selected by a frame', () => {
    const timed = scene();
    timed.faults.drop(timed.cable, { at: 1, for: 2, count: Infinity });
    expect(timed.run(5)).toStrictEqual(['3: 0', '6: 3', '7: 4']);

    const other = scene();
    other.faults.drop(other.cable, { from: 'b', count: Infinity });
    expect(other.run(2)).toHaveLength(2);

    const chosen = scene();
    chosen.faults.drop(chosen.cable, { where: ({ op }) => op === Op.MuxClientMsg });
    chosen.cable.inject('a', fromCaller.cancel(1));
    chosen.cable.inject('a', fromCaller.cancel(2), fromCaller.item(1, 1, 'x'));
    chosen.cable.inject('a', fromCaller.item(1, 2, 'x'));
    chosen.clock.runFor(10);
    expect(fates(chosen.cable)).toStrictEqual(['', 'dropped', '']);
  });

  it('delay: later messages wait behind', () => {
    const { faults, cable, run } = scene();
    faults.delay(cable, 10, { at: 1 });
    expect(run(4)).toStrictEqual(['3: 0', '14: 1', '14: 2', '14: 3']);
  });

  it('duplicate: the message arrives twice', () => {
    const { faults, cable, run } = scene();
    faults.duplicate(cable, { at: 1 });
    expect(run(3)).toStrictEqual(['3: 0', '4: 1', '4: 1', '5: 2']);
  });

  it('duplicate: two messages in separate memory, as from a socket', () => {
    const { faults, cable, a, b, clock } = scene();
    faults.duplicate(cable);
    const seen: number[] = [];
    b.inbound.subscribe((message) => {
      seen.push(message[0]!);
      message.fill(9);
    });
    const message = new Uint8Array([1]);
    a.outbound.next(message);
    clock.runFor(10);
    expect([seen, message[0]]).toStrictEqual([[1, 1], 1]);
  });

  it('reorder: behind the next one, or a little later where there is none', () => {
    const { faults, cable, run } = scene();
    faults.reorder(cable, { at: 1 });
    expect(run(4)).toStrictEqual(['3: 0', '5: 2', '5: 1', '6: 3']);

    const last = scene();
    last.faults.reorder(last.cable, { at: 1 });
    expect(last.run(2)).toStrictEqual(['3: 0', '54: 1']);
  });

  it('corrupt: one bit, in a copy', () => {
    const { faults, cable, received, clock, a } = scene();
    faults.corrupt(cable);
    const message = new Uint8Array(100);
    a.outbound.next(message);
    clock.runFor(10);
    const arrived = received[0]!.slice(3).split(' ').map(Number);
    const changed = arrived.filter((byte) => byte !== 0);
    expect(changed).toHaveLength(1);
    expect(Math.log2(changed[0]!) % 1).toBe(0);
    expect(message.every((byte) => byte === 0)).toBe(true);
  });

  it('at random, by the seed, until unsubscribed', () => {
    const run = (seed: number): string[] => {
      const { faults, cable, run: go } = scene(seed);
      const fault = faults.drop(cable, { rate: 0.3 });
      const received = go(200);
      fault.unsubscribe();
      const count = received.length;
      go(50);
      expect(received).toHaveLength(count + 50);
      return received.slice(0, count);
    };
    const received = run(1);
    expect(received.length).toBeGreaterThan(110);
    expect(received.length).toBeLessThan(170);
    expect(run(1)).toStrictEqual(received);
    expect(run(2)).not.toStrictEqual(received);
  });
});

describe('faults of lines', () => {
  it('cut, at a time', () => {
    const { faults, cable, run } = scene();
    faults.cut(cable, { at: '----x' });
    expect(run(6)).toStrictEqual(['3: 0', '4: The line was cut.']);
  });

  it('stall, for a time', () => {
    const { faults, cable, run } = scene();
    faults.stall(cable, { at: 1, for: 20, from: 'a' });
    // What is on its way stands too; what waited then sets out.
    expect(run(3)).toStrictEqual(['21: 0', '24: 1', '24: 2']);
  });

  it('half-open', () => {
    const { faults, cable, run } = scene();
    faults.halfOpen(cable, { at: 4 });
    // What is on its way is lost too.
    expect(run(6)).toStrictEqual(['3: 0']);
    expect(fates(cable)).toStrictEqual(['', '', '', '', 'lost', 'lost']);
  });

  it('at random times, and not after unsubscribing', () => {
    const times = (seed: number): number[] => {
      const { clock, cable, faults } = scene(seed);
      const recorded: number[] = [];
      const fault = faults.stall(cable, { every: 1_000, for: 100 });
      clock.runFor(50_000);
      for (const entry of cable.log.entries) {
        if (entry.kind === 'event' && entry.text === 'stalled') recorded.push(entry.at);
      }
      fault.unsubscribe();
      const before = cable.log.entries.length;
      clock.runFor(10_000);
      expect(cable.log.entries.length - before).toBeLessThanOrEqual(1);
      return recorded;
    };
    const first = times(1);
    expect(first.length).toBeGreaterThan(20);
    expect(times(1)).toStrictEqual(first);
    expect(times(2)).not.toStrictEqual(first);
  });
});

describe('faults of the clocks of a host', () => {
  function machine() {
    const clock = new VirtualClock();
    const recorded: string[] = [];
    const host = {
      setWall: (ms: number) => recorded.push(`${clock.elapsed}: wall ${ms}`),
      sleep: () => {
        recorded.push(`${clock.elapsed}: asleep`);
        return () => recorded.push(`${clock.elapsed}: awake`);
      },
    };
    return { clock, recorded, host: host as unknown as ClusterHost, faults: new Faults(clock) };
  }

  it('set its wall clock, permanently', () => {
    const { clock, recorded, host, faults } = machine();
    faults.clock(host, { wall: -600_000, at: '--x' });
    clock.runFor(100);
    expect(recorded).toStrictEqual(['2: wall -600000']);
  });

  it('set its wall clock, and back again', () => {
    const { clock, recorded, host, faults } = machine();
    faults.clock(host, { wall: 60_000, for: 20 });
    const fault = faults.clock(host, { wall: 1_000, at: 5 });
    clock.runFor(10);
    fault.unsubscribe();
    clock.runFor(100);
    expect(recorded).toStrictEqual(['0: wall 60000', '5: wall 1000', '10: wall -1000', '20: wall -60000']);
  });

  it('put its machine to sleep, with a wrong wall clock meanwhile', () => {
    const { clock, recorded, host, faults } = machine();
    faults.clock(host, { sleep: true, at: 5, for: 20 });
    faults.clock(host, { sleep: true, wall: 7, at: 50, for: 1 });
    clock.runFor(100);
    expect(recorded).toStrictEqual(['5: asleep', '25: awake', '50: wall 7', '50: asleep', '51: awake', '51: wall -7']);
  });

  it.each([{}, { wall: 0 }, { wall: Number.NaN }, { sleep: false }])('refuse %j, which has no effect', (options) => {
    const { host, faults } = machine();
    expect(() => faults.clock(host, options)).toThrow(ConfigurationError);
  });
});

describe('faults of hosts', () => {
  const route = unary({ id: 7, name: 'disk', response: type<number>() });
  /** Two connected hosts whose clocks are those of `gridTest`; the second one answers when its disk has. */
  async function pair(body: (scene: { cluster: Cluster; faults: Faults; clock: VirtualClock }) => Promise<void>) {
    await gridTest(async ({ cluster: make, faults, clock }) => {
      const cluster = make({ hosts: 2, latency: 2 });
      cluster.host('b').handle(route, () =>
        cluster
          .host('b')
          .disk.access()
          .then(() => Math.round(clock.elapsed)),
      );
      await cluster.connected();
      await body({ cluster, faults, clock });
    });
  }
  const call = (cluster: Cluster, options = {}): Promise<number> =>
    firstValueFrom(cluster.host('a').connection('b').request(route, undefined, options));

  it('pause: nothing is answered until the process resumes, and then everything is', async () => {
    await pair(async ({ cluster, faults, clock }) => {
      const began = clock.elapsed;
      faults.pause(cluster.host('b'), { for: 3_000 });
      expect((await call(cluster)) - began).toBe(3_002);
    });
  });

  it('slowDisk: disk operations take that long', async () => {
    await pair(async ({ cluster, faults, clock }) => {
      const began = clock.elapsed;
      const fault = faults.slowDisk(cluster.host('b'), 500);
      faults.slowDisk(cluster.host('b'), 100, { for: 1 });
      expect((await call(cluster)) - began).toBe(502);
      fault.unsubscribe();
      const again = clock.elapsed;
      expect((await call(cluster)) - again).toBe(2);
    });
  });

  it('refuse: dials fail at once, and existing connections remain', async () => {
    await pair(async ({ cluster, faults, clock }) => {
      for (const host of cluster.hosts) faults.refuse(host, { for: 20_000 });
      const first = await call(cluster);
      faults.cut(cluster.cable('a', 'b'));
      const error: unknown = await call(cluster, { waitForConnect: 5_000 }).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'disconnected' });
      expect(clock.elapsed - first).toBeLessThan(5_100);
      expect(await call(cluster, { waitForConnect: true })).toBeGreaterThan(20_000);
    });
  });

  it('slowHandshake: the first message of a handshake takes longer', async () => {
    await pair(async ({ cluster, faults, clock }) => {
      const fault = faults.slowHandshake(cluster, 4_000, { for: 10_000 });
      faults.cut(cluster.cable('a', 'b'));
      const began = clock.elapsed;
      expect((await call(cluster, { waitForConnect: true })) - began).toBeGreaterThan(4_000);
      expect(fault.strikes).toBeGreaterThan(0);
    });
  });

  it('partition, one way: only messages of the first group are lost', async () => {
    await pair(async ({ cluster, faults }) => {
      const [a, b] = [cluster.host('a'), cluster.host('b')];
      const before = (from: string): number =>
        cluster.cable('a', 'b').log.entries.filter((entry) => entry.kind === 'message' && entry.from === from).length;
      const fault = faults.partition([a], [b], { oneWay: true });
      const sent = before('b');
      // What a sends waits, so b has nothing to answer.
      await expect(call(cluster, { timeout: 1_000 })).rejects.toMatchObject({ code: 'deadline-exceeded' });
      expect(before('b')).toBe(sent);
      fault.unsubscribe();
      faults.partition([b], [a], { oneWay: true, for: 1_000 });
      await call(cluster);
      expect(before('b')).toBeGreaterThan(sent);
    });
  });

  it('clock: both clocks drift', async () => {
    await pair(async ({ cluster, faults, clock }) => {
      faults.clock(cluster.host('a'), { rate: 2, for: 2_000 });
      const began = clock.elapsed;
      faults.pause(cluster.host('b'), { for: 10_000 });
      await expect(call(cluster, { timeout: 3_000 })).rejects.toMatchObject({ code: 'deadline-exceeded' });
      expect(clock.elapsed - began).toBe(1_500);
    });
  });

  it('are refused where they have no effect', async () => {
    await pair(async ({ cluster, faults }) => {
      const b = cluster.host('b');
      expect(() => faults.clock(b, { rate: 1 })).toThrow('give `wall`');
      expect(() => faults.clock(b, { rate: 3 })).toThrow('from 0.5 to 2');
      expect(() => faults.slowDisk(b, 0)).toThrow(ConfigurationError);
      expect(() => faults.pause('b' as never)).toThrow("such as grid.host('a'); it is 'b'");
      await Promise.resolve();
    });
  });
});
