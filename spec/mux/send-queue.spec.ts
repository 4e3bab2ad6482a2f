import { beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { ProtocolError } from '../../lib/errors.js';
import { SendQueue, type FrameOwner } from '../../lib/mux/send-queue.js';
import { Op } from '../../lib/wire/ops.js';
import { FakeSink, testChecksum } from '../support/engines.js';
import { bytesOf } from '../support/frames.js';

const full = 1 << 20;

let sink: FakeSink;
let faults: ProtocolError[];
let queue: SendQueue;
let writable: string[];
beforeEach(() => {
  sink = new FakeSink();
  faults = [];
  writable = [];
  queue = new SendQueue(sink, testChecksum, 10 << 20, (error) => faults.push(error));
});

type Owner = FrameOwner & { readonly id: number };

function owner(id: number): Owner {
  return { id, queued: undefined, onWritable: () => writable.push(`${id}`) };
}

function send(from: Owner, seq: number, payload = ''): void {
  queue.send(from, from.id, seq, 0, 0, Op.MuxServerMsg, 0, bytesOf(payload));
}

/** Frames that have left, as `mux.seq`, since the last call. */
let shown = 0;
beforeEach(() => {
  shown = 0;
});
function left(): string[] {
  const frames = sink.frames.slice(shown);
  shown = sink.frames.length;
  return frames.map(({ muxId, seq }) => `${muxId}.${seq}`);
}

/** Makes the socket full, so that frames wait. */
function congest(): void {
  sink.bufferedBytes = full;
  queue.sendControl(0, 0, 0, 0, Op.Pong, 0, bytesOf(''));
  queue.flush();
  left();
}

function drain(): void {
  sink.bufferedBytes = 0;
  queue.flush();
}

describe('while the socket keeps up', () => {
  it('sends in the order of sending, in one message', () => {
    const [one, two] = [owner(1), owner(2)];
    send(one, 1);
    send(two, 1);
    queue.sendControl(0, 0, 0, 0, Op.Pong, 0, bytesOf(''));
    send(one, 2);
    queue.flush();
    expect(sink.messages).toHaveLength(1);
    expect(left()).toStrictEqual(['1.1', '2.1', '0.0', '1.2']);
    expect([queue.hasRoomFor(one), queue.queuedBytes]).toStrictEqual([true, 0]);
  });

  it('sends nothing where there is nothing', () => {
    queue.flush();
    expect(sink.messages).toStrictEqual([]);
  });
});

describe('while the socket is full', () => {
  it('holds frames of muxes back, and lets control pass', () => {
    congest();
    const one = owner(1);
    send(one, 1);
    queue.sendControl(0, 5, 0, 0, Op.Ping, 0, bytesOf(''));
    queue.flush();
    expect(left()).toStrictEqual(['0.5']);
    expect(queue.queuedBytes).toBeGreaterThan(0);
    drain();
    expect(left()).toStrictEqual(['1.1']);
    expect(queue.queuedBytes).toBe(0);
  });

  it('takes one frame of each mux in turn, and keeps the order within a mux', () => {
    congest();
    const [one, two, three] = [owner(1), owner(2), owner(3)];
    for (let seq = 1; seq <= 3; seq++) send(one, seq);
    send(two, 1);
    send(three, 1);
    send(three, 2);
    drain();
    expect(left()).toStrictEqual(['1.1', '2.1', '3.1', '1.2', '3.2', '1.3']);
  });

  it('goes on with the next mux where the socket was full again', () => {
    congest();
    const bulk = owner(1);
    const others = [2, 3, 4].map(owner);
    const large = 'x'.repeat(100_000);
    for (let seq = 1; seq <= 3; seq++) send(bulk, seq, large);
    for (const other of others) send(other, 1, large);
    // Room for one frame each time.
    sink.onSend = () => {
      sink.bufferedBytes = full;
    };
    const order: string[] = [];
    for (let round = 0; round < 6; round++) {
      drain();
      order.push(...left());
    }
    expect(order).toStrictEqual(['1.1', '2.1', '3.1', '4.1', '1.2', '1.3']);
  });

  it('queues behind what waits, also where there is room again', () => {
    congest();
    const one = owner(1);
    send(one, 1);
    sink.bufferedBytes = 0;
    send(one, 2);
    queue.flush();
    expect(left()).toStrictEqual(['1.1', '1.2']);
  });

  it('tells who asked for room, once, when everything has gone', () => {
    congest();
    const [one, two, three] = [owner(1), owner(2), owner(3)];
    send(one, 1);
    expect([queue.hasRoomFor(one), queue.hasRoomFor(two), queue.hasRoomFor(two)]).toStrictEqual([false, false, false]);
    queue.flush();
    expect(writable).toStrictEqual([]);
    drain();
    expect(writable).toStrictEqual(['1', '2']);
    drain();
    expect([writable, queue.hasRoomFor(three)]).toStrictEqual([['1', '2'], true]);
  });

  it('tells first who was not told the last time: one with much to send does not keep the others out', () => {
    congest();
    const told: number[] = [];
    const greedy = [1, 2, 3].map((id): Owner => ({
      ...owner(id),
      onWritable() {
        told.push(id);
        // As much as it may, each time.
        for (let seq = 1; queue.hasRoomFor(this); seq++) send(this, seq, 'x'.repeat(100_000));
      },
    }));
    for (const from of greedy) queue.hasRoomFor(from);
    sink.onSend = () => {
      sink.bufferedBytes = full;
    };
    for (let round = 0; round < 6; round++) drain();
    expect(told).toStrictEqual([1, 2, 3, 1, 2, 3]);
  });

  it('takes back what has not gone out', () => {
    congest();
    const [one, two, three] = [owner(1), owner(2), owner(3)];
    for (const from of [one, two, three]) {
      send(from, 1, 'payload');
      send(from, 2, 'payload');
      queue.hasRoomFor(from);
    }
    const before = queue.queuedBytes;
    expect(queue.purge(two)).toBe(true);
    expect(queue.purge(two)).toBe(false);
    expect(queue.queuedBytes).toBeCloseTo((before * 2) / 3);
    drain();
    expect(left()).toStrictEqual(['1.1', '3.1', '1.2', '3.2']);
    expect([writable, queue.queuedBytes]).toStrictEqual([['1', '3'], 0]);
  });

  it('takes nothing back where nothing waits', () => {
    const one = owner(1);
    send(one, 1);
    expect(queue.purge(one)).toBe(false);
  });

  it('does work in proportion to the frames: 100 000 muxes wait, half of them give up', () => {
    congest();
    const owners = Array.from({ length: 100_000 }, (_, index) => owner(index + 1));
    const before = performance.now();
    for (const from of owners) send(from, 1);
    let purged = 0;
    for (const from of owners) if (from.id % 2 === 0 && queue.purge(from)) purged++;
    drain();
    // Looking at all of them for each of them takes minutes.
    expect(performance.now() - before).toBeLessThan(10_000);
    expect(purged).toBe(50_000);
    expect([left().length, queue.queuedBytes]).toStrictEqual([50_000, 0]);
  });
});

describe('a peer that does not read', () => {
  it('is a fault when socket and queue hold too much', () => {
    congest();
    const one = owner(1);
    for (let seq = 1; seq <= 100 && faults.length === 0; seq++) send(one, seq, 'x'.repeat(200_000));
    expect(faults).toHaveLength(1);
    expect(queue.queuedBytes + sink.bufferedBytes).toBeGreaterThan(10 << 20);
    expect(queue.queuedBytes + sink.bufferedBytes).toBeLessThan(11 << 20);
  });

  it('is a fault where only control frames wait for it', () => {
    sink.onSend = (message) => {
      sink.bufferedBytes += (message as Uint8Array).length;
    };
    for (let count = 0; count < 2000 && faults.length === 0; count++) {
      queue.sendControl(0, 0, 0, 0, Op.Pong, 0, new Uint8Array(10_000));
      queue.flush();
    }
    expect(faults).toHaveLength(1);
  });
});

describe('the sink', () => {
  it('that sends from inside send() gets its frames out, in the order of each mux', () => {
    const [one, two] = [owner(1), owner(2)];
    let seq = 1;
    const next = (payload = ''): void => {
      const own = seq++;
      send(one, own, payload);
    };
    let more = 20;
    sink.onSend = () => {
      if (more-- > 0) {
        // Every other one is a message of its own too, and would overtake the one that is being added.
        next(more % 2 === 0 ? 'x'.repeat(40_000) : '');
        send(two, 20 - more);
      }
    };
    // Each is a message of its own, so the sink is called in the middle of send().
    for (let count = 0; count < 20; count++) next('x'.repeat(40_000));
    for (let count = 0; count < 50; count++) queue.flush();
    const order = left();
    const of = (id: number): number[] =>
      order.filter((name) => name.startsWith(`${id}.`)).map((name) => Number(name.slice(2)));
    expect(of(1)).toStrictEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect(of(2)).toStrictEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  it('that drains from inside send() does not overtake', () => {
    congest();
    const one = owner(1);
    for (let seq = 1; seq <= 20; seq++) send(one, seq, 'x'.repeat(40_000));
    sink.onSend = () => {
      queue.flush();
    };
    drain();
    expect(left()).toStrictEqual(Array.from({ length: 20 }, (_, index) => `1.${index + 1}`));
  });

  it('that asks for room from inside send() is told', () => {
    const one = owner(1);
    const answers: boolean[] = [];
    sink.onSend = () => answers.push(queue.hasRoomFor(one));
    send(one, 1);
    queue.flush();
    expect([answers, writable]).toStrictEqual([[false], ['1']]);
  });
});

describe('after close', () => {
  it('nothing leaves, whatever is sent', () => {
    congest();
    const [one, two] = [owner(1), owner(2)];
    send(one, 1);
    queue.hasRoomFor(two);
    queue.close();
    drain();
    send(two, 1, 'x'.repeat(100_000));
    for (let count = 0; count < 10_000; count++) queue.sendControl(1, 0, 0, 0, Op.DisconnectServerMux, 0, bytesOf(''));
    queue.flush();
    expect([left(), writable, queue.queuedBytes]).toStrictEqual([[], [], 0]);
  });
});

it('keeps the order within a mux and loses nothing, whatever the socket does', () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        what: fc.constant('send' as const),
        id: fc.nat(4),
        size: fc.constantFrom(0, 10, 5000, 40_000),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ what: fc.constant('flush' as const), id: fc.nat(4), size: fc.constantFrom(0, full) }),
    },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('ask' as const), id: fc.nat(4), size: fc.constant(0) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      sink = new FakeSink();
      shown = 0;
      queue = new SendQueue(sink, testChecksum, 1 << 30, (error) => faults.push(error));
      writable = [];
      const owners = [0, 1, 2, 3, 4].map(owner);
      const sent: string[][] = owners.map(() => []);
      const asked = new Set<string>();
      for (const { what, id, size } of steps) {
        const from = owners[id]!;
        if (what === 'send') {
          const seq = sent[id]!.length;
          sent[id]!.push(`${id}.${seq}`);
          send(from, seq, 'x'.repeat(size));
        } else if (what === 'ask') {
          if (!queue.hasRoomFor(from)) asked.add(String(id));
        } else {
          sink.bufferedBytes = size;
          queue.flush();
        }
      }
      drain();
      const order = left();
      sent.forEach((frames, id) => {
        expect(order.filter((name) => name.startsWith(`${id}.`))).toStrictEqual(frames);
      });
      expect(new Set(writable)).toStrictEqual(asked);
      expect(queue.queuedBytes).toBe(0);
    }),
    { numRuns: 300 },
  );
});
