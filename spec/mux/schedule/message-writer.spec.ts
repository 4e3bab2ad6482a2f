import { beforeEach, describe, expect, test } from '@jest/globals';
import type { RegionDone, RegionFrame } from '../../../lib/mux/schedule/region-frame.js';
import { quantumBytes, type FrameOwner, type LaneName } from '../../../lib/mux/schedule/owner-queue.js';
import { Schedule } from '../../../lib/mux/schedule/schedule.js';
import { Op } from '../../../lib/wire/ops.js';
import { FakeSink, testChecksum } from '../../support/protocol/engines.js';
import { bytesOf } from '../../support/protocol/frames.js';

interface Owner extends FrameOwner {
  readonly id: number;
}

let log: string[];
let sink: FakeSink;
let schedule: Schedule;
let done: RegionDone | undefined;

beforeEach(() => {
  log = [];
  sink = new FakeSink();
  done = undefined;
  schedule = new Schedule({
    marks: {},
    sink,
    checksum: testChecksum,
    hardLimit: 10 << 20,
    onFault: (error) => log.push(error.message),
    onThrown: (error) => log.push(String(error)),
    now: () => 0,
  });
});

function owner(id: number, lane: LaneName = 'streams'): Owner {
  return { id, lane, ended: false, queue: undefined, onWritable: () => log.push(`writable ${id}`) };
}

/** A region frame that is written when the test says so, or at once. */
function region(from: Owner, seq: number, { length = quantumBytes, atOnce = false } = {}): RegionFrame {
  const frame: RegionFrame = {
    prefix: Uint8Array.of(2),
    length,
    write: (_head, whenDone) => {
      note(`region ${from.id}.${seq}`);
      if (atOnce) whenDone();
      else done = whenDone;
    },
  };
  schedule.sendRegionFrame(from, Op.MuxServerMsg, seq, frame);
  return frame;
}

let seen = 0;
beforeEach(() => {
  seen = 0;
});

/** Adds what left by itself before. */
function note(entry?: string): void {
  for (const { muxId, seq } of sink.frames.slice(seen)) log.push(`${String(muxId)}.${seq}`);
  seen = sink.frames.length;
  if (entry !== undefined) log.push(entry);
}

function send(from: Owner, seq: number, payload = ''): void {
  schedule.send(from, Op.MuxServerMsg, 0, bytesOf(payload), seq);
}

function finish(error?: Error): void {
  const whenDone = done!;
  done = undefined;
  whenDone(error);
  note();
}

function flush(): void {
  schedule.flush();
  note();
}

describe('a region frame', () => {
  test('keeps its place among the frames of its mux', () => {
    const one = owner(1);
    send(one, 1);
    region(one, 2);
    send(one, 3);
    flush();
    expect(log).toStrictEqual(['1.1', 'region 1.2']);
    finish();
    expect(log).toStrictEqual(['1.1', 'region 1.2', '1.3']);
  });

  test('is announced with a head that states its length, prefix included', () => {
    const one = owner(1);
    let head: Uint8Array = new Uint8Array();
    const frame = region(one, 5, { length: 70_000 });
    Object.assign(frame, { write: (bytes: Uint8Array) => (head = bytes) });
    flush();
    // The tuple of 7: mux, seq, no deadline, no handler, MuxServerMsg, no flags, bin32 of 70 001 bytes; the prefix.
    const length = [0xc6, 0, 1, 0x11, 0x71];
    expect([...head]).toStrictEqual([0x97, 1, 5, 0, 0, Op.MuxServerMsg, 0, ...length, 2]);
  });

  test('delays other frames of its mux until it is complete, and no longer', () => {
    const [one, two] = [owner(1), owner(2)];
    region(one, 1);
    flush();
    region(one, 2);
    send(two, 1);
    schedule.sendControl(0, Op.Pong, 0, bytesOf(''));
    expect(schedule.hasRoomFor(two)).toBe(false);
    flush();
    expect(log).toStrictEqual(['region 1.1']);
    finish();
    // What waited for one region frame goes before the next one.
    expect(log.filter((entry) => entry !== 'writable 2')).toStrictEqual(['region 1.1', '0.0', '2.1', 'region 1.2']);
  });

  test('does not delay the frames of other muxes', () => {
    const [one, two] = [owner(1), owner(2)];
    for (const seq of [1, 2]) for (const from of [one, two]) region(from, seq);
    flush();
    for (let count = 0; count < 3; count++) finish();
    expect(log).toStrictEqual(['region 1.1', 'region 2.1', 'region 1.2', 'region 2.2']);
  });

  test('gets its turn beside muxes that saturate the connection', () => {
    const [one, two] = [owner(1), owner(2)];
    // Made when the one before has left, as those of a file are.
    region(one, 1, { length: 3 * quantumBytes });
    flush();
    for (let seq = 1; seq <= 5; seq++) send(two, seq, 'x'.repeat(quantumBytes));
    sink.bufferedBytes = 1 << 20;
    finish();
    region(one, 2);
    sink.bufferedBytes = 0;
    flush();
    // As many bytes as the last region frame had, and then the next one.
    expect(log).toStrictEqual(['region 1.1', '2.1', '2.2', '2.3', 'region 1.2']);
    finish();
    expect(log.slice(5)).toStrictEqual(['2.4', '2.5']);
  });

  test('lets the next one go in the same flush when it is written at once', () => {
    const one = owner(1);
    for (const seq of [1, 2, 3]) region(one, seq, { atOnce: true });
    flush();
    expect(log).toStrictEqual(['region 1.1', 'region 1.2', 'region 1.3']);
  });

  test('waits while the socket is full', () => {
    const one = owner(1);
    sink.bufferedBytes = 1 << 20;
    region(one, 1);
    flush();
    expect(log).toStrictEqual([]);
    sink.bufferedBytes = 0;
    flush();
    expect(log).toStrictEqual(['region 1.1']);
  });

  test('can be taken back while it is queued, but not while it is being written', () => {
    const [one, two] = [owner(1), owner(2)];
    region(one, 1);
    region(two, 1);
    flush();
    expect(schedule.purge(two)).toBe(true);
    expect(schedule.purge(one)).toBe(false);
    finish();
    expect(log).toStrictEqual(['region 1.1']);
    expect(schedule.queuedBytes).toBe(0);
  });

  test('is followed by nothing when it breaks off', () => {
    const [one, two] = [owner(1), owner(2)];
    region(one, 1);
    flush();
    send(two, 1);
    finish(new Error('torn'));
    flush();
    schedule.sendControl(0, Op.Ping, 0, bytesOf(''));
    flush();
    expect(log).toStrictEqual(['region 1.1']);
  });

  test('changes nothing when it ends after the queue has closed', () => {
    const one = owner(1);
    region(one, 1);
    region(one, 2);
    flush();
    schedule.close();
    finish();
    flush();
    expect(log).toStrictEqual(['region 1.1']);
  });
});
