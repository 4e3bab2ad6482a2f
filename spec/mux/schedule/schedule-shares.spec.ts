import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { RegionFrame } from '../../../lib/mux/schedule/region-frame.js';
import { quantumBytes } from '../../../lib/mux/schedule/owner-queue.js';
import type { ResponderStream } from '../../../lib/mux/stream/responder-stream.js';
import { maxBatchBytes, sizeOf } from '../../../lib/wire/batch.js';
import { maxHeadBytes } from '../../../lib/wire/encode.js';
import { Flag, Op } from '../../../lib/wire/ops.js';
import { loneEngine } from '../../support/protocol/engines.js';
import { fromCaller } from '../../support/protocol/frames.js';
import { runs } from '../../support/property-runs.js';

/** Owners that always have more to send, by the sizes of their frames. */
interface Mix {
  /** Callers, each with so many calls open that one always waits. */
  readonly calls: readonly number[];
  /** Streams that make an item when there is room for it. */
  readonly pulled: readonly number[];
  /** Streams whose items wait, several at a time. */
  readonly queued: readonly number[];
  /** Streams of files: another component writes the frames, one at a time. */
  readonly files: readonly number[];
}

/** Bytes of payload. */
interface Shares {
  readonly calls: number;
  readonly streams: readonly number[];
}

const full = 1 << 20;
const waiting = 4 * maxBatchBytes;

/** An engine whose socket takes so many bytes, `step` at a time; what the owners of the mix sent in the second half. */
function sharesOf({ calls, pulled, queued, files }: Mix, bytes: number, step: number): Shares {
  const end = loneEngine({ checksum: false, limits: { maxSendQueueBytes: 1 << 30, maxUnaryBytes: 1 << 20 } });
  let room = 0;
  let ofCalls = 0;
  const ofStreams: number[] = [];
  const next = new Map<number, () => void>();
  const passed = (size: number): void => {
    room -= size;
    if (room <= 0) end.sink.bufferedBytes = full;
  };
  end.sink.onSend = (message) => {
    passed(sizeOf(message));
    for (const { op, muxId, payload } of end.sink.frames.splice(0)) {
      if (op === Op.Response) ofCalls += payload.length;
      else if (op === Op.MuxServerMsg) ofStreams[Number(muxId) - 1]! += payload.length;
      const then = next.get(Number(muxId));
      if (then !== undefined) end.runtime.defer(then);
    }
    end.sink.messages.length = 0;
  };
  const streams = end.serveStream(2, 0, 1 << 30);
  const open = (): { index: number; mux: ResponderStream } => {
    const index = ofStreams.push(0) - 1;
    end.receive(fromCaller.connectMux(index + 1, { handler: 2, flags: Flag.Eof }));
    return { index, mux: streams[index]!.mux };
  };
  for (const size of pulled) {
    const { index, mux } = open();
    const produce = (): void => {
      while (mux.writable) mux.send(new Uint8Array(size));
    };
    streams[index]!.onWritable = produce;
    end.sink.bufferedBytes = full;
    end.engine.sendControl(Op.Ping, new Uint8Array(1));
    end.runtime.turn();
    produce();
  }
  for (const size of queued) {
    const { index, mux } = open();
    const send = (): void => {
      mux.send(new Uint8Array(size));
    };
    next.set(index + 1, send);
    for (let count = 0; count * size < waiting; count++) send();
  }
  for (const size of files) {
    const { index, mux } = open();
    const frame: RegionFrame = {
      prefix: new Uint8Array(0),
      length: size,
      write: (_head, done) => {
        ofStreams[index]! += size;
        passed(size);
        end.runtime.defer(() => {
          mux.sendRegionFrame(frame);
          done();
        });
      },
    };
    mux.sendRegionFrame(frame);
  }
  let id = 1_000;
  end.serveUnary(1, (mux, payload) => {
    mux.respond(new Uint8Array(new DataView(payload.slice().buffer).getUint32(0)));
  });
  const call = (size: number): void => {
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, size);
    next.set(++id, () => {
      call(size);
    });
    end.receive(fromCaller.request(id, { handler: 1, payload }));
  };
  for (const size of calls) for (let count = 0; count * size < waiting; count++) call(size);
  let half: Shares | undefined;
  for (let taken = 0; taken < bytes; taken += step) {
    room = step;
    end.sink.bufferedBytes = 0;
    end.engine.drained();
    end.runtime.turn();
    if (taken >= bytes / 2) half ??= { calls: ofCalls, streams: [...ofStreams] };
  }
  return {
    calls: ofCalls - half!.calls,
    streams: ofStreams.map((sent, index) => sent - half!.streams[index]!),
  };
}

const small = fc.integer({ min: 2_000, max: 30_000 });
const large = fc.integer({ min: 20_000, max: 200_000 });
const mixes = fc.record({
  calls: fc.array(small, { maxLength: 3 }),
  pulled: fc.array(fc.oneof(small, large), { maxLength: 4 }),
  queued: fc.array(small, { maxLength: 2 }),
  files: fc.array(large, { maxLength: 2 }),
});

it('calls and streams share equally, and so do streams among themselves, within one frame and one turn', () => {
  fc.assert(
    fc.property(mixes, fc.constantFrom(20_000, 100_000, 400_000), (mix, step) => {
      const count = mix.pulled.length + mix.queued.length + mix.files.length;
      fc.pre(count > 0 && count + mix.calls.length > 1);
      const bytes = 4 << 20;
      const { calls, streams } = sharesOf(mix, bytes, step);
      const total = streams.reduce((sum, sent) => sum + sent, calls);
      const frame = Math.max(...mix.calls, ...mix.pulled, ...mix.queued, ...mix.files);
      const heads = (bytes / Math.min(...mix.calls, ...mix.pulled, ...mix.queued, ...mix.files)) * maxHeadBytes;
      const bound = 2 * (frame + quantumBytes) + heads;
      const ofStreams = mix.calls.length === 0 ? total : total / 2;
      expect(Math.abs(total - calls - ofStreams)).toBeLessThanOrEqual(bound);
      for (const sent of streams) expect(Math.abs(sent - ofStreams / count)).toBeLessThanOrEqual(bound);
      expect(total).toBeGreaterThan(bytes / 4);
    }),
    { numRuns: runs(50) },
  );
});
