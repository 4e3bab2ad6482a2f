import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { ResponderStream } from '../../lib/mux/responder-stream.js';
import { quantumBytes } from '../../lib/mux/place.js';
import { maxHeadBytes } from '../../lib/wire/encode.js';
import { Op } from '../../lib/wire/ops.js';
import type { BulkFrame } from '../../lib/mux/bulk.js';
import { loneEngine, type EngineEnd } from '../support/engines.js';
import { fromCaller } from '../support/frames.js';

/*
 * Shares, at the engine: every owner always has more to send, and the socket takes a little at a time. `sent` counts the
 * payload bytes of each owner.
 */

const full = 1 << 20;
const streamHandler = 2;
const callHandler = 1;
const credit = 1 << 30;

interface Mix {
  /** Sizes of the answers of calls; each is called again as soon as its answer has left. */
  readonly calls: readonly number[];
  /** Sizes of the items of streams that make them on request. */
  readonly pulled: readonly number[];
  /** Sizes of the items of streams that queue them, a few ahead. */
  readonly queued: readonly number[];
  /** Sizes of bulk frames; the next one is queued when the one before has left. */
  readonly files: readonly number[];
}

/** Who sent how much. */
interface Shares {
  readonly calls: number;
  readonly streams: readonly number[];
}

class Saturation {
  readonly #end: EngineEnd;
  readonly #streams: number[] = [];
  #calls = 0;
  #nextCall = 1_000_000;
  #room = 0;

  constructor({ calls, pulled, queued, files }: Mix) {
    const end = loneEngine({ limits: { maxSendQueueBytes: 1 << 30 } });
    this.#end = end;
    const sizes = new Map<string, number>();
    end.serveUnary(callHandler, (mux, payload) => {
      mux.respond(new Uint8Array(sizes.get(payload.join())!));
    });
    const streams = end.serveStream(streamHandler, 0, credit);
    end.sink.bufferedBytes = full;
    end.engine.sendControl(Op.Ping, new Uint8Array(1));
    end.runtime.turn();
    end.sink.onSend = (message) => {
      const size = message instanceof Uint8Array ? message.length : message.reduce((sum, { length }) => sum + length, 0);
      this.#room -= size;
      if (this.#room <= 0) end.sink.bufferedBytes = full;
      // A call whose answer has left is followed by the next one.
      for (const { op, payload, muxId } of end.sink.frames.splice(0)) {
        if (op === Op.Response) {
          this.#calls += payload.length;
          const kind = callSizes.get(Number(muxId))!;
          end.runtime.defer(() => {
            this.#call(kind, callSizes);
          });
        } else if (op === Op.MuxServerMsg) this.#streams[Number(muxId) - 1]! += payload.length;
      }
      end.sink.messages.length = 0;
    };
    const callSizes = new Map<number, number>();
    calls.forEach((size) => sizes.set(kindOf(size).join(), size));
    let id = 1;
    const open = (start: (mux: ResponderStream, index: number) => void): void => {
      this.#streams.push(0);
      const index = id - 1;
      end.receive(fromCaller.connectMux(id++, { handler: streamHandler, flags: 1 }));
      start(streams[index]!.mux, index);
    };
    for (const size of pulled) {
      open((mux, index) => {
        const produce = (): void => {
          while (mux.writable) mux.send(new Uint8Array(size));
        };
        streams[index]!.onWritable = produce;
        produce();
      });
    }
    for (const size of queued) {
      open((mux, index) => {
        const ahead = Math.ceil((4 * quantumBytes) / size) + 2;
        for (let count = 0; count < ahead; count++) mux.send(new Uint8Array(size));
        this.#refill.push(() => {
          // As many bytes again as have left.
          for (; this.#queuedOf[index]! * size <= this.#streams[index]!; this.#queuedOf[index]!++) {
            mux.send(new Uint8Array(size));
          }
        });
        this.#queuedOf[index] = 0;
      });
    }
    for (const size of files) {
      open((mux, index) => {
        const frame: BulkFrame = {
          prefix: new Uint8Array(0),
          length: size,
          write: (_head, done) => {
            this.#streams[index]! += size;
            this.#room -= size;
            if (this.#room <= 0) end.sink.bufferedBytes = full;
            end.runtime.defer(() => {
              done();
              mux.sendBulk(frame);
            });
          },
        };
        mux.sendBulk(frame);
      });
    }
    for (const size of calls) this.#call(size, callSizes);
    this.#callSizes = callSizes;
  }

  readonly #refill: (() => void)[] = [];
  readonly #queuedOf: number[] = [];
  readonly #callSizes: Map<number, number>;

  /** The socket takes so many bytes, a little at a time. */
  run(bytes: number, step: number): Shares {
    const before = this.#shares();
    for (let taken = 0; taken < bytes; taken += step) {
      this.#room = step;
      this.#end.sink.bufferedBytes = 0;
      for (let turns = 0; turns < 100 && this.#room > 0; turns++) {
        for (const refill of this.#refill) refill();
        this.#end.engine.drained();
        this.#end.runtime.turn();
      }
    }
    const after = this.#shares();
    return {
      calls: after.calls - before.calls,
      streams: after.streams.map((sent, index) => sent - before.streams[index]!),
    };
  }

  #call(size: number, sizes: Map<number, number>): void {
    const id = this.#nextCall++;
    sizes.set(id, size);
    this.#end.receive(fromCaller.request(id, { handler: callHandler, payload: kindOf(size) }));
  }

  #shares(): Shares {
    void this.#callSizes;
    return { calls: this.#calls, streams: [...this.#streams] };
  }
}

function kindOf(size: number): Uint8Array {
  return Uint8Array.of(size >>> 16, size >>> 8, size);
}

describe('shares', () => {
  const small = fc.integer({ min: 4_000, max: 30_000 });
  const large = fc.integer({ min: 20_000, max: 200_000 });
  const mixes = fc.record({
    calls: fc.array(small, { maxLength: 8 }),
    pulled: fc.array(fc.oneof(small, large), { maxLength: 4 }),
    queued: fc.array(small, { maxLength: 3 }),
    files: fc.array(large, { maxLength: 2 }),
  });

  it('are equal between calls and streams, and among streams, up to one frame and one turn', () => {
    fc.assert(
      fc.property(mixes, fc.constantFrom(20_000, 100_000, 500_000), (mix, step) => {
        const streams = mix.pulled.length + mix.queued.length + mix.files.length;
        const owners = streams + mix.calls.length;
        fc.pre(owners > 1);
        const saturation = new Saturation(mix);
        saturation.run(1 << 20, step);
        const { calls, streams: sent } = saturation.run(8 << 20, step);
        const frame = Math.max(...mix.calls, ...mix.pulled, ...mix.queued, ...mix.files);
        const heads = (8 << 20) / 4_000 * maxHeadBytes;
        const bound = 2 * (frame + quantumBytes) + heads;
        const total = sent.reduce((sum, bytes) => sum + bytes, calls);
        const ofStreams = mix.calls.length === 0 ? total : streams === 0 ? 0 : total / 2;
        expect(Math.abs(total - calls - ofStreams)).toBeLessThanOrEqual(bound);
        for (const bytes of sent) expect(Math.abs(bytes - ofStreams / streams)).toBeLessThanOrEqual(bound);
      }),
      { numRuns: 60 },
    );
  });
});
