import { describe, expect, it } from '@jest/globals';
import type { Socket } from '../../../lib/transport/socket.js';
import { slabHooks } from '../../../lib/wire/slabs.js';
import { SeededRandom, VirtualClock } from '../../../lib/testing/index.js';
import { Cable } from '../../../lib/testing/network/cable.js';
import { MemoryNetwork } from '../../../lib/testing/network/memory-network.js';
import type { LineOptions } from '../../../lib/testing/index.js';

const bytes = (length: number, fill = 0): Uint8Array => new Uint8Array(length).fill(fill);
const options = { headers: {}, maxMessageBytes: 1 << 20 };

/** A cable with an open WebSocket, and what `b` hears: `time: first byte or end`. */
function scene(line: LineOptions = {}, seed = 1, history = 100) {
  const clock = new VirtualClock({ seed });
  const random = new SeededRandom(seed);
  const cable = new Cable({ ends: ['a', 'b'], runtime: clock, random, line, history });
  const [a, b] = cable.connect();
  return { clock, cable, a, b, heardByA: hear(clock, a), heardByB: hear(clock, b) };
}

function hear(clock: VirtualClock, socket: Socket): string[] {
  const received: string[] = [];
  const note = (what: string): void => {
    received.push(`${clock.elapsed}: ${what}`);
  };
  socket.inbound.subscribe({
    next: (message) => {
      note(String(message[0]));
    },
    error: (error: unknown) => {
      note((error as Error).message);
    },
    complete: () => {
      note('closed');
    },
  });
  return received;
}

describe('a line in memory', () => {
  it('delivers after the latency, in order, one message per task', () => {
    const { clock, a, heardByB } = scene({ latency: 7 });
    a.outbound.next(bytes(1, 1));
    a.outbound.next([bytes(1, 2), bytes(1, 3)]);
    clock.runFor(6);
    expect(heardByB).toStrictEqual([]);
    clock.runFor(1);
    expect(heardByB).toStrictEqual(['7: 1', '7: 2']);
  });

  it.each([100, 0])('does not change a message whose memory its sender uses again; history %i', (history) => {
    const { clock, cable, a, b } = scene({ latency: 7 }, 1, history);
    const arrived: Uint8Array[] = [];
    b.inbound.subscribe((message) => arrived.push(message));
    const memory = bytes(3, 1);
    a.outbound.next(memory);
    memory.fill(2);
    clock.runFor(7);
    expect(arrived).toStrictEqual([bytes(3, 1)]);
    // What the receiver does to it is no matter of the log.
    arrived[0]!.fill(3);
    const logged = cable.log.entries.flatMap((entry) => (entry.kind === 'message' ? [entry.bytes] : []));
    expect(logged).toStrictEqual(history === 0 ? [] : [bytes(3, 1)]);
  });

  it('gives a sender memory, which is free once it is full or the socket is closed', () => {
    const { a } = scene();
    const slabs = a.slabs!;
    let freed = 0;
    slabHooks.onFree = () => {
      freed++;
    };
    const send = (size: number): void => {
      slabs.take(size);
      a.outbound.next(slabs.message(slabs.at, slabs.at + size));
      slabs.reclaim();
    };
    try {
      for (let count = 0; count < 2; count++) send(100 << 10);
      // The next message follows behind these, as on a socket that still holds the last one.
      expect([slabs.at, slabs.held, freed]).toStrictEqual([200 << 10, 1, 0]);
      send(100 << 10);
      expect([slabs.at, slabs.held, freed]).toStrictEqual([100 << 10, 1, 1]);
      a.outbound.complete();
      expect([slabs.held, freed]).toStrictEqual([0, 2]);
    } finally {
      slabHooks.onFree = undefined;
    }
  });

  it('adds a jitter from the seed, and keeps the order', () => {
    const run = (seed: number): string[] => {
      const { clock, a, heardByB } = scene({ latency: 1, jitter: 20 }, seed);
      for (let index = 0; index < 30; index++) {
        a.outbound.next(bytes(1, index));
        clock.runFor(3);
      }
      clock.runFor(100);
      return heardByB;
    };
    const received = run(1);
    expect(received.map((each) => Number(each.split(': ')[1]))).toStrictEqual(
      Array.from({ length: 30 }, (_, index) => index),
    );
    expect(new Set(received.map((each, index) => Number(each.split(':')[0]) - 3 * index)).size).toBeGreaterThan(5);
    expect(run(1)).toStrictEqual(received);
    expect(run(2)).not.toStrictEqual(received);
  });

  it('sends at its bandwidth; bufferedBytes counts queued data, and drained reports when it shrinks', () => {
    const { clock, a, heardByB } = scene({ latency: 5, bandwidth: 100_000 });
    const drained: number[] = [];
    a.drained.subscribe(() => drained.push(clock.elapsed));
    for (let index = 0; index < 3; index++) a.outbound.next(bytes(50_000, index));
    expect(a.bufferedBytes).toBe(150_000);
    clock.runFor(500);
    expect(a.bufferedBytes).toBe(100_000);
    clock.runFor(1_000);
    expect(a.bufferedBytes).toBe(0);
    clock.runFor(100);
    expect(heardByB).toStrictEqual(['505: 0', '1005: 1', '1505: 2']);
    // Below 64 KiB, as the socket of the platform.
    expect(drained).toStrictEqual([1_000, 1_500]);
  });

  it('does not round up the bandwidth of small messages', () => {
    const { clock, a, heardByB } = scene({ latency: 0, bandwidth: 1_000_000 });
    for (let index = 0; index < 200; index++) a.outbound.next(bytes(100, index));
    clock.runFor(100);
    // 20 000 bytes at 1 000 bytes a ms.
    expect(heardByB.at(-1)).toBe('20: 199');
  });

  it('delivers messages sent before a close and before a break; both ends are notified once', () => {
    const polite = scene();
    polite.a.outbound.next(bytes(1, 1));
    polite.a.outbound.complete();
    polite.a.outbound.complete();
    polite.a.outbound.next(bytes(1, 2));
    polite.clock.runFor(10);
    expect(polite.heardByB).toStrictEqual(['1: 1', '1: closed']);
    expect(polite.heardByA).toStrictEqual(['0: closed']);

    const broken = scene();
    broken.a.outbound.next(bytes(1, 1));
    broken.a.outbound.error(new Error('why'));
    broken.clock.runFor(10);
    expect(broken.heardByB).toStrictEqual(['1: 1', '1: The socket closed with code 1006.']);
    expect(broken.cable.open).toBe(false);
    const events = broken.cable.log.entries.map((entry) => (entry.kind === 'event' ? entry.text : 'message'));
    expect(events).toStrictEqual(['opened by a', 'message', 'broken by a: why']);
  });

  it('loses messages in transit when it is cut', () => {
    const { clock, cable, a, heardByA, heardByB } = scene({ latency: 5 });
    a.outbound.next(bytes(1, 1));
    clock.runFor(4);
    cable.cut();
    clock.runFor(10);
    expect([heardByA, heardByB]).toStrictEqual([['4: The line was cut.'], ['4: The line was cut.']]);
  });

  it('half-open: notifies no end, not even of a close', () => {
    const { clock, cable, a, b, heardByA, heardByB } = scene({ latency: 5 });
    cable.halfOpen('a');
    a.outbound.next(bytes(1, 1));
    b.outbound.next(bytes(1, 2));
    a.outbound.error(new Error('why'));
    clock.runFor(100);
    expect(heardByB).toStrictEqual([]);
    expect(heardByA).toStrictEqual(['0: closed']);
    const [again] = cable.connect('b');
    const received = hear(clock, again);
    cable.inject('a', { muxId: 1, seq: 0, deadlineMs: 0, handler: 0, op: 8, flags: 0, payload: new Uint8Array(0) });
    clock.runFor(10);
    expect(received).toStrictEqual(['105: 151']);
  });

  it('stalled: loses nothing, and the sender waits with its data', () => {
    const { clock, cable, a, heardByB } = scene({ latency: 5 });
    a.outbound.next(bytes(1, 1));
    clock.runFor(3);
    const resume = cable.stall('a');
    const resumeToo = cable.stall();
    a.outbound.next(bytes(1, 2));
    clock.runFor(100);
    expect(heardByB).toStrictEqual([]);
    expect(a.bufferedBytes).toBe(1);
    resume();
    resume();
    clock.runFor(10);
    expect(heardByB).toStrictEqual([]);
    resumeToo();
    clock.runFor(10);
    expect(heardByB).toStrictEqual(['113: 1', '118: 2']);
  });

  it.each([undefined, 1_000_000])('stalled: reports when queued data has drained (bandwidth %s)', (bandwidth) => {
    const { clock, cable, a } = scene(bandwidth === undefined ? {} : { bandwidth });
    const drained: number[] = [];
    a.drained.subscribe(() => drained.push(clock.elapsed));
    const resume = cable.stall('a');
    a.outbound.next(bytes(100_000, 1));
    clock.runFor(50);
    expect([a.bufferedBytes, drained]).toStrictEqual([100_000, []]);
    resume();
    clock.runFor(200);
    expect([a.bufferedBytes, drained]).toStrictEqual([0, [bandwidth === undefined ? 50 : 150]]);
  });

  it('stalled: regains its bandwidth only after the stall; a new WebSocket is stalled, too', () => {
    const { clock, cable, a, heardByB } = scene({ latency: 5, bandwidth: 100_000 });
    a.outbound.next(bytes(50_000, 1));
    clock.runFor(100);
    const resume = cable.stall();
    const [again, far] = cable.connect();
    const heardAgain = hear(clock, far);
    again.outbound.next(bytes(1, 7));
    clock.runFor(900);
    resume();
    clock.runFor(1_000);
    expect(heardByB).toStrictEqual(['1505: 1']);
    expect(heardAgain).toStrictEqual(['1006: 7']);
  });

  it('keeps a bounded log', () => {
    const { clock, cable, a } = scene();
    for (let index = 0; index < 1_000; index++) a.outbound.next(bytes(1, index));
    clock.runFor(10);
    expect(cable.log.entries.length).toBeLessThan(200);
    expect(cable.log.dropped + cable.log.entries.length).toBe(1_001);
    expect(() => cable.stall('c')).toThrow('c is no end of the cable a ⇄ b. There are: a, b.');
    expect(() => {
      cable.inject('c');
    }).toThrow('c is no end of the cable a ⇄ b.');
  });
});

describe('MemoryNetwork', () => {
  const dialed = (network: MemoryNetwork, clock: VirtualClock, url: string, from = 'a') => {
    const outcome: string[] = [];
    const subscription = network
      .dialer(from)(url, options)
      .subscribe({
        next: () => outcome.push(`${clock.elapsed}: open`),
        error: (error: unknown) => outcome.push(`${clock.elapsed}: ${(error as Error).message}`),
      });
    return { outcome, subscription };
  };

  it('opens after a round trip, and refuses where there is no listener', () => {
    const clock = new VirtualClock();
    const network = new MemoryNetwork({ runtime: clock, latency: 10 });
    const accepted: number[] = [];
    const stop = network.listen('http://b:80', '/p', () => accepted.push(clock.elapsed));
    const open = dialed(network, clock, 'ws://b:80/p');
    const otherPath = dialed(network, clock, 'ws://b:80/q');
    const otherPort = dialed(network, clock, 'ws://b/p');
    clock.runFor(30);
    expect(accepted).toStrictEqual([10]);
    expect(open.outcome).toStrictEqual(['20: open']);
    expect(otherPath.outcome).toStrictEqual(['20: Dialing ws://b:80/q failed: nobody listens there.']);
    expect(otherPort.outcome).toStrictEqual(['20: Dialing ws://b/p failed: nobody listens there.']);
    stop();
    const later = dialed(network, clock, 'ws://b:80/p');
    clock.runFor(30);
    expect(later.outcome).toStrictEqual(['50: Dialing ws://b:80/p failed: nobody listens there.']);
  });

  it('does not answer across a partition; an abandoned dial leaves nothing open', () => {
    const clock = new VirtualClock();
    const network = new MemoryNetwork({ runtime: clock, latency: 10 });
    network.listen('http://b', '/p', () => undefined);
    const heal = network.cable('b', 'a').partition();
    const lost = dialed(network, clock, 'ws://b/p');
    clock.runFor(1_000);
    expect(lost.outcome).toStrictEqual([]);
    heal();
    const given = dialed(network, clock, 'ws://b/p');
    clock.runFor(15);
    expect(network.cable('a', 'b').open).toBe(true);
    given.subscription.unsubscribe();
    clock.runFor(100);
    expect(given.outcome).toStrictEqual([]);
    expect(network.cable('a', 'b').open).toBe(false);
  });

  it('has a separate line for each pair', () => {
    const clock = new VirtualClock();
    const network = new MemoryNetwork({
      runtime: clock,
      latency: 1,
      line: (from, to) => (from === 'a' && to === 'far' ? { latency: 100 } : undefined),
    });
    for (const host of ['near', 'far']) network.listen(`http://${host}`, '/', () => undefined);
    const near = dialed(network, clock, 'ws://near/');
    const far = dialed(network, clock, 'ws://far/');
    clock.runFor(500);
    expect([near.outcome, far.outcome]).toStrictEqual([['2: open'], ['200: open']]);
    expect(network.cables.map(({ ends }) => ends)).toStrictEqual([
      ['a', 'near'],
      ['a', 'far'],
    ]);
  });
});

describe('an isolated host', () => {
  it('is unreachable over any cable, also one added later, until it is healed', () => {
    const clock = new VirtualClock();
    const network = new MemoryNetwork({ runtime: clock });
    const cables = [network.cable('a', 'b'), network.cable('b', 'c')];
    const heal = network.isolate('a');
    const again = network.isolate('a');
    cables.push(network.cable('a', 'c'));
    const reachable = (): boolean[] => cables.map((cable) => cable.reachable);
    expect(reachable()).toStrictEqual([false, true, false]);
    heal();
    heal();
    expect(reachable()).toStrictEqual([false, true, false]);
    again();
    cables.push(network.cable('a', 'd'));
    expect(reachable()).toStrictEqual([true, true, true, true]);
  });
});
