import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { keep } from '../../lib/lent.js';
import { FrameReader } from '../../lib/transport/frame-reader.js';
import type { PipedPayload } from '../../lib/piped.js';
import { runs } from '../support/property-runs.js';
import { wsFrame } from '../support/protocol/ws-frames.js';

/** A pipe in memory, with room for so many bytes. */
class MemoryPipe implements PipedPayload {
  readonly memory: Uint8Array;
  readonly headBytes: number;
  readonly content: number[] = [];
  readonly room: number;
  loaded = false;
  piping = true;
  dropped = false;

  constructor(size: number, head: Uint8Array, room: number) {
    this.room = room;
    // What is not written must not be read.
    this.memory = new Uint8Array(size).fill(0xee);
    this.memory.set(head);
    this.headBytes = head.length;
  }

  put(bytes: Uint8Array): number {
    if (!this.piping) return 0;
    const taken = Math.min(bytes.length, this.room - this.content.length);
    for (const byte of bytes.subarray(0, taken)) this.content.push(byte);
    this.piping = taken === bytes.length;
    return taken;
  }

  get bytes(): Uint8Array {
    return this.memory.subarray(this.headBytes);
  }

  load(): Uint8Array {
    if (!this.loaded) this.memory.set(this.content, this.headBytes);
    this.loaded = true;
    this.piping = false;
    return this.bytes;
  }

  writeTo(): void {
    throw new Error('Nothing is written here.');
  }

  drop(): void {
    this.dropped = true;
    this.piping = false;
  }
}

/** What is done to the bytes of a connection. */
interface Plan {
  readonly sizes: readonly number[];
  readonly room: number;
  readonly headBytes: number;
  readonly cuts: readonly number[];
  /** Of each cut: how many of the bytes that may be spliced are. */
  readonly spliced: readonly number[];
  /** The cut after which the payload that is being piped is loaded. */
  readonly loadedAt: number;
  readonly key: readonly number[] | undefined;
  /** Of each message that may be piped, whether it is. */
  readonly taken: readonly boolean[];
}

const empty = (): undefined => undefined;

/** Reads all bytes, the way that the plan says, and returns the messages. */
function read(bytes: Uint8Array, plan: Plan, pipes: MemoryPipe[] | undefined): string[] {
  const found: string[] = [];
  let asked = 0;
  const reader = new FrameReader({
    masked: plan.key !== undefined,
    maxMessageBytes: 1 << 22,
    allocate: (size) => new Uint8Array(size).fill(0xee),
    unmask: (source, key, output, offset, length) => {
      for (let index = 0; index < length; index++) output[offset + index] = source[index]! ^ key[index & 3]!;
    },
    message: (message) => {
      const pipe = pipes?.find(({ memory }) => memory.buffer === message.buffer);
      pipe?.load();
      found.push(Buffer.from(keep(message)).toString('base64'));
    },
    pass: empty,
    tooLarge: empty,
    ...(pipes === undefined
      ? {}
      : {
          pipe: (head: Uint8Array, size: number) => {
            if (head.length < plan.headBytes || !plan.taken[asked++ % plan.taken.length]!) return undefined;
            const pipe = new MemoryPipe(size, head.slice(0, plan.headBytes), plan.room);
            pipes.push(pipe);
            return pipe;
          },
        }),
  });
  let at = 0;
  for (let index = 0; at < bytes.length; index++) {
    const end = Math.min(bytes.length, at + plan.cuts[index % plan.cuts.length]!);
    reader.read(bytes.slice(at, end), 0, end - at, true);
    at = end;
    const pipe = pipes?.at(-1);
    if (index === plan.loadedAt && pipe?.piping === true) pipe.load();
    const most = Math.min(reader.pipingBytes, plan.spliced[index % plan.spliced.length]!);
    const count = most === 0 ? 0 : pipe!.put(bytes.subarray(at, at + most));
    if (count > 0) reader.moved(count);
    at += count;
  }
  expect(reader.pipingBytes).toBe(0);
  return found;
}

const plans: fc.Arbitrary<Plan> = fc.record({
  sizes: fc.array(fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 65_000, max: 300_000 })), {
    minLength: 1,
    maxLength: 4,
  }),
  room: fc.oneof(fc.constant(1 << 20), fc.integer({ min: 0, max: 200_000 })),
  headBytes: fc.integer({ min: 1, max: 64 }),
  cuts: fc.array(fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 100_000 })), {
    minLength: 1,
    maxLength: 8,
  }),
  spliced: fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 300_000 })), { minLength: 1, maxLength: 5 }),
  loadedAt: fc.integer({ min: 0, max: 20 }),
  key: fc.constantFrom(undefined, [0, 0, 0, 0], [1, 2, 3, 4]),
  taken: fc.array(fc.boolean(), { minLength: 1, maxLength: 3 }),
});

describe('a message that goes to a pipe', () => {
  it('is the one that goes to memory, however the bytes are cut, spliced and loaded, and whatever room the pipe has', () => {
    let piped = 0;
    fc.assert(
      fc.property(plans, (plan) => {
        const payloads = plan.sizes.map((size) => new Uint8Array(size).map((_, index) => index * 7 + size));
        const { key } = plan;
        const frames = payloads.map((payload) =>
          wsFrame({ first: 0x82, payload, ...(key === undefined ? {} : { key }) }),
        );
        const bytes = new Uint8Array(Buffer.concat(frames));
        const pipes: MemoryPipe[] = [];
        expect(read(bytes, plan, pipes)).toStrictEqual(read(bytes, { ...plan, spliced: [0] }, undefined));
        piped += pipes.length;
        if (key?.[0] === 1) expect(pipes).toHaveLength(0);
      }),
      { numRuns: runs(1_000) },
    );
    expect(piped).toBeGreaterThan(0);
  });

  it('is dropped where the connection ends within it', () => {
    const bytes = wsFrame({ first: 0x82, payload: new Uint8Array(200_000) });
    const pipes: MemoryPipe[] = [];
    const reader = new FrameReader({
      masked: false,
      maxMessageBytes: 1 << 20,
      allocate: (size) => new Uint8Array(size),
      unmask: empty,
      message: empty,
      pass: empty,
      tooLarge: empty,
      pipe: (head, size) => {
        pipes.push(new MemoryPipe(size, head.slice(0, 10), 1 << 20));
        return pipes[0];
      },
    });
    reader.read(bytes, 0, 100_000, true);
    expect(reader.pipingBytes).toBe(bytes.length - 100_000);
    reader.stop();
    expect([pipes[0]!.dropped, reader.pipingBytes]).toStrictEqual([true, 0]);
  });
});
