import { beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { ProtocolError } from '../../../lib/errors.js';
import { quantumBytes, type FrameOwner, type LaneName } from '../../../lib/mux/schedule/owner-queue.js';
import { Schedule } from '../../../lib/mux/schedule/schedule.js';
import { maxHeadBytes } from '../../../lib/wire/encode.js';
import { Op } from '../../../lib/wire/ops.js';
import { CountedReads } from '../../support/counted-reads.js';
import { FakeSink, testChecksum } from '../../support/protocol/engines.js';
import { bytesOf } from '../../support/protocol/frames.js';
import { runs } from '../../support/property-runs.js';

const full = 1 << 20;
/** A payload that uses so many turns up, with the most that its head may have. */
function ofTurns(count: number): string {
  return 'x'.repeat(count * quantumBytes - maxHeadBytes);
}
const turnful = ofTurns(1);

let sink: FakeSink;
let faults: ProtocolError[];
let schedule: Schedule;
let thrown: unknown[];
let writable: string[];
beforeEach(() => {
  sink = new FakeSink();
  faults = [];
  writable = [];
  thrown = [];
  schedule = newSchedule(10 << 20);
});

function newSchedule(hardLimit: number): Schedule {
  return new Schedule({
    marks: {},
    sink,
    checksum: testChecksum,
    hardLimit,
    onFault: (error) => faults.push(error),
    onThrown: (error) => thrown.push(error),
    now: () => 0,
  });
}

type Owner = FrameOwner & { readonly id: number; ended: boolean };

function owner(id: number, lane: LaneName = 'streams'): Owner {
  return { id, lane, ended: false, queue: undefined, onWritable: () => writable.push(`${id}`) };
}

function send(from: Owner, seq: number, payload = ''): void {
  schedule.send(from, Op.MuxServerMsg, 0, bytesOf(payload), seq);
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
  schedule.sendControl(0, Op.Pong, 0, bytesOf(''));
  schedule.flush();
  left();
}

function drain(): void {
  sink.bufferedBytes = 0;
  schedule.flush();
}

describe('while the socket keeps up', () => {
  it('sends frames in order, in one message', () => {
    const [one, two] = [owner(1), owner(2)];
    send(one, 1);
    send(two, 1);
    schedule.sendControl(0, Op.Pong, 0, bytesOf(''));
    send(one, 2);
    schedule.flush();
    expect(sink.messages).toHaveLength(1);
    expect(left()).toStrictEqual(['1.1', '2.1', '0.0', '1.2']);
    expect([schedule.hasRoomFor(one), schedule.queuedBytes]).toStrictEqual([true, 0]);
  });

  it('sends nothing where nothing is queued', () => {
    schedule.flush();
    expect(sink.messages).toStrictEqual([]);
  });
});

describe('while the socket is full', () => {
  it('holds mux frames back, and lets control frames pass', () => {
    congest();
    const one = owner(1);
    send(one, 1);
    schedule.sendControl(0, Op.Ping, 0, bytesOf(''), 5);
    schedule.flush();
    expect(left()).toStrictEqual(['0.5']);
    expect(schedule.queuedBytes).toBeGreaterThan(0);
    drain();
    expect(left()).toStrictEqual(['1.1']);
    expect(schedule.queuedBytes).toBe(0);
  });

  it('gives each mux a turn of a bounded number of bytes, and keeps the order within a mux', () => {
    congest();
    const [one, two, three] = [owner(1), owner(2), owner(3)];
    for (let seq = 1; seq <= 3; seq++) send(one, seq, turnful);
    // Three frames that are one turn together.
    for (let seq = 1; seq <= 4; seq++) send(two, seq, 'x'.repeat(turnful.length / 3));
    send(three, 1, turnful);
    send(three, 2, turnful);
    drain();
    expect(left()).toStrictEqual(['1.1', '2.1', '2.2', '2.3', '3.1', '1.2', '2.4', '3.2', '1.3']);
  });

  it('skips a mux that has sent more than its share, until the debt is paid', () => {
    congest();
    const [large, small] = [owner(1), owner(2)];
    for (let seq = 1; seq <= 2; seq++) send(large, seq, ofTurns(3));
    for (let seq = 1; seq <= 6; seq++) send(small, seq, turnful);
    drain();
    expect(left()).toStrictEqual(['1.1', '2.1', '2.2', '2.3', '1.2', '2.4', '2.5', '2.6']);
  });

  it('remembers a debt while the mux has nothing to send and others have', () => {
    congest();
    const [large, small] = [owner(1), owner(2)];
    send(large, 1, ofTurns(3));
    for (let seq = 1; seq <= 6; seq++) send(small, seq, turnful);
    // The next large frame comes only when the one before has left, as that of a file does.
    sink.onSend = () => {
      sink.onSend = undefined;
      send(large, 2, ofTurns(3));
    };
    drain();
    expect(left()).toStrictEqual(['1.1', '2.1', '2.2', '2.3', '1.2', '2.4', '2.5', '2.6']);
  });

  it('gives calls and streams equal shares, however many there are of either', () => {
    congest();
    const stream = owner(1000);
    for (let seq = 1; seq <= 10; seq++) send(stream, seq, turnful);
    for (let id = 1; id <= 10; id++) send(owner(id, 'calls'), 0, turnful);
    drain();
    const order = left().map((name) => (name.startsWith('1000.') ? 's' : 'c'));
    expect(order.join('')).toBe('cs'.repeat(10));
  });

  it('lets calls out in the order of arrival', () => {
    congest();
    for (let id = 1; id <= 5; id++) send(owner(id, 'calls'), 0, id === 2 ? turnful.repeat(8) : turnful);
    drain();
    expect(left()).toStrictEqual(['1.0', '2.0', '3.0', '4.0', '5.0']);
  });

  it('continues with the next mux after the socket was full again', () => {
    congest();
    const bulk = owner(1);
    const others = [2, 3, 4].map((id) => owner(id));
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

  it('queues a new frame behind the waiting ones, also where there is room again', () => {
    congest();
    const one = owner(1);
    send(one, 1);
    sink.bufferedBytes = 0;
    send(one, 2);
    schedule.flush();
    expect(left()).toStrictEqual(['1.1', '1.2']);
  });

  it('gives an owner that asked for room its turn among the owners of queued frames', () => {
    congest();
    let seq = 1;
    const stream: Owner = {
      ...owner(5),
      onWritable() {
        while (seq <= 3 && schedule.hasRoomFor(this)) send(this, seq++, turnful);
      },
    };
    schedule.hasRoomFor(stream);
    for (const from of [owner(1), owner(2)]) for (let count = 1; count <= 3; count++) send(from, count, turnful);
    drain();
    expect(left()).toStrictEqual(['5.1', '1.1', '2.1', '5.2', '1.2', '2.2', '5.3', '1.3', '2.3']);
  });

  it('gives an owner that has ended no turn', () => {
    congest();
    const one = owner(1);
    schedule.hasRoomFor(one);
    one.ended = true;
    schedule.leave(one, false);
    expect(one.queue).toBeUndefined();
    drain();
    expect(writable).toStrictEqual([]);
  });

  it('releases an owner that has ended with its last frame, while others wait', () => {
    congest();
    const [one, two] = [owner(1), owner(2)];
    send(one, 1, turnful.repeat(20));
    one.ended = true;
    schedule.leave(one, true);
    for (let seq = 1; seq <= 3; seq++) send(two, seq, turnful);
    expect(schedule.isLeaving(1)).toBe(true);
    sink.onSend = () => {
      sink.bufferedBytes = full;
    };
    drain();
    expect([left(), one.queue, schedule.isLeaving(1)]).toStrictEqual([['1.1'], undefined, false]);
    expect(two.queue).toBeDefined();
  });

  it('protects other owners from one that throws in its turn', () => {
    congest();
    const bad: Owner = {
      ...owner(1),
      onWritable() {
        send(this, 1);
        throw new Error('mine');
      },
    };
    for (const from of [bad, owner(2)]) schedule.hasRoomFor(from);
    drain();
    expect([thrown, writable, left()]).toStrictEqual([[new Error('mine')], ['2'], ['1.1']]);
    send(owner(3), 1);
    schedule.flush();
    expect(left()).toStrictEqual(['3.1']);
  });

  it('gives each owner that asked for room one turn', () => {
    congest();
    const [one, two, three] = [owner(1), owner(2), owner(3)];
    send(one, 1);
    expect([schedule.hasRoomFor(one), schedule.hasRoomFor(two), schedule.hasRoomFor(two)]).toStrictEqual([
      false,
      false,
      false,
    ]);
    schedule.flush();
    expect(writable).toStrictEqual([]);
    drain();
    expect(writable).toStrictEqual(['1', '2']);
    drain();
    expect([writable, schedule.hasRoomFor(three)]).toStrictEqual([['1', '2'], true]);
  });

  it('notifies first the owners it skipped last time: a large sender does not starve the others', () => {
    congest();
    const order: number[] = [];
    const greedy = [1, 2, 3].map((id): Owner => ({
      ...owner(id),
      onWritable() {
        order.push(id);
        // As much as it may, each time.
        for (let seq = 1; schedule.hasRoomFor(this); seq++) send(this, seq, 'x'.repeat(100_000));
      },
    }));
    for (const from of greedy) schedule.hasRoomFor(from);
    sink.onSend = () => {
      sink.bufferedBytes = full;
    };
    for (let round = 0; round < 6; round++) drain();
    expect(order).toStrictEqual([1, 2, 3, 1, 2, 3]);
  });

  it('takes back frames that have not been sent', () => {
    congest();
    const [one, two, three] = [owner(1), owner(2), owner(3)];
    for (const from of [one, two, three]) {
      send(from, 1, 'payload');
      send(from, 2, 'payload');
      schedule.hasRoomFor(from);
    }
    const before = schedule.queuedBytes;
    expect(schedule.purge(two)).toBe(true);
    expect(schedule.purge(two)).toBe(false);
    expect(schedule.queuedBytes).toBeCloseTo((before * 2) / 3);
    drain();
    expect(left()).toStrictEqual(['1.1', '1.2', '3.1', '3.2']);
    expect([writable, schedule.queuedBytes]).toStrictEqual([['1', '3'], 0]);
  });

  it('takes nothing back where nothing is queued', () => {
    const one = owner(1);
    send(one, 1);
    expect(schedule.purge(one)).toBe(false);
  });

  it('looks at the queues of others a few times at most: 10 000 muxes wait, and half of them give up', () => {
    schedule = newSchedule(1 << 30);
    congest();
    const reads = new CountedReads();
    const owners = Array.from({ length: 10_000 }, (_, index) => owner(index + 1));
    for (const from of owners) {
      send(from, 1);
      reads.object(from.queue!);
    }
    let purged = 0;
    for (const from of owners) if (from.id % 2 === 0 && schedule.purge(from)) purged++;
    drain();
    expect(reads.count / owners.length).toBeGreaterThan(1);
    expect(reads.count / owners.length).toBeLessThan(100);
    expect(purged).toBe(5_000);
    expect([left().length, schedule.queuedBytes]).toStrictEqual([5_000, 0]);
  });
});

describe('a peer that does not read', () => {
  it('is a fault when socket and queue hold too much', () => {
    congest();
    const one = owner(1);
    for (let seq = 1; seq <= 100 && faults.length === 0; seq++) send(one, seq, 'x'.repeat(200_000));
    expect(faults).toHaveLength(1);
    expect(schedule.queuedBytes + sink.bufferedBytes).toBeGreaterThan(10 << 20);
    expect(schedule.queuedBytes + sink.bufferedBytes).toBeLessThan(11 << 20);
  });

  it('is a fault where only control frames are queued for it', () => {
    sink.onSend = (message) => {
      sink.bufferedBytes += (message as Uint8Array).length;
    };
    for (let count = 0; count < 2000 && faults.length === 0; count++) {
      schedule.sendControl(0, Op.Pong, 0, new Uint8Array(10_000));
      schedule.flush();
    }
    expect(faults).toHaveLength(1);
  });
});

describe('the sink', () => {
  it('preserves the order of each mux when it sends from inside send()', () => {
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
    for (let count = 0; count < 50; count++) schedule.flush();
    const order = left();
    const of = (id: number): number[] =>
      order.filter((name) => name.startsWith(`${id}.`)).map((name) => Number(name.slice(2)));
    expect(of(1)).toStrictEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect(of(2)).toStrictEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  it('does not let frames overtake when it drains from inside send()', () => {
    congest();
    const one = owner(1);
    for (let seq = 1; seq <= 20; seq++) send(one, seq, 'x'.repeat(40_000));
    sink.onSend = () => {
      schedule.flush();
    };
    drain();
    expect(left()).toStrictEqual(Array.from({ length: 20 }, (_, index) => `1.${index + 1}`));
  });

  it('is notified when it asks for room from inside send()', () => {
    const one = owner(1);
    const answers: boolean[] = [];
    sink.onSend = () => answers.push(schedule.hasRoomFor(one));
    send(one, 1);
    schedule.flush();
    expect([answers, writable]).toStrictEqual([[false], ['1']]);
  });
});

describe('after close', () => {
  it('sends nothing any more', () => {
    congest();
    const [one, two] = [owner(1), owner(2)];
    send(one, 1);
    schedule.hasRoomFor(two);
    schedule.close();
    drain();
    send(two, 1, 'x'.repeat(100_000));
    for (let count = 0; count < 10_000; count++) schedule.sendControl(1, Op.DisconnectServerMux, 0, bytesOf(''));
    schedule.flush();
    expect([left(), writable, schedule.queuedBytes]).toStrictEqual([[], [], 0]);
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
      schedule = newSchedule(1 << 30);
      writable = [];
      const owners = [0, 1, 2, 3, 4].map((id) => owner(id, id < 2 ? 'calls' : 'streams'));
      const sent: string[][] = owners.map(() => []);
      const asked = new Set<string>();
      for (const { what, id, size } of steps) {
        const from = owners[id]!;
        if (what === 'send') {
          const seq = sent[id]!.length;
          sent[id]!.push(`${id}.${seq}`);
          send(from, seq, 'x'.repeat(size));
        } else if (what === 'ask') {
          if (!schedule.hasRoomFor(from)) asked.add(String(id));
        } else {
          sink.bufferedBytes = size;
          schedule.flush();
        }
      }
      drain();
      const order = left();
      sent.forEach((frames, id) => {
        expect(order.filter((name) => name.startsWith(`${id}.`))).toStrictEqual(frames);
      });
      expect(new Set(writable)).toStrictEqual(asked);
      expect(schedule.queuedBytes).toBe(0);
    }),
    { numRuns: runs(300) },
  );
});
