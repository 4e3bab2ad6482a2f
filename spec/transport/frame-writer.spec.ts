import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import ws from 'ws';
import { FrameWriter, type MaskFrame, type RawSocket } from '../../lib/transport/frame-writer.js';
import { joinFragments, type WireMessage } from '../../lib/wire/batch.js';
import { maxMessageHead } from '../../lib/transport/message-head.js';
import { headroomBytes, slabBytes, Slabs } from '../../lib/wire/slabs.js';
import { runs } from '../support/property-runs.js';

// The types of ws do not name them.
const { Receiver, Sender } = ws as unknown as {
  Receiver: new (options: object) => NodeJS.WritableStream;
  Sender: { frame: MaskFrame };
};
const mask: MaskFrame = (data, options) => Sender.frame(data, options);

/** A raw socket that holds the very arrays it is given until `go`, as a net socket does while the network is slow. */
class SlowSocket implements RawSocket {
  readonly encrypted: boolean;
  readonly gone: Uint8Array[] = [];
  writes = 0;
  /** True: all goes out at once. */
  fast = false;
  readonly held: Uint8Array[] = [];
  readonly #written: ((() => void) | undefined)[] = [];
  #corks = 0;

  constructor(encrypted = false) {
    this.encrypted = encrypted;
  }

  get writableLength(): number {
    return this.held.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  write(bytes: Uint8Array, written?: () => void): boolean {
    if (this.#corks === 0) this.writes++;
    this.held.push(bytes);
    this.#written.push(written);
    if (this.fast) this.go(1);
    return this.fast;
  }

  cork(): void {
    this.#corks++;
    this.writes++;
  }

  uncork(): void {
    this.#corks--;
  }

  /** The oldest `count` arrays go out as they are now. */
  go(count: number): void {
    for (const bytes of this.held.splice(0, count)) this.gone.push(bytes.slice());
    for (const written of this.#written.splice(0, count)) written?.();
  }
}

/** What the receiver of `ws` makes of bytes. */
async function received(chunks: readonly Uint8Array[], isServer: boolean): Promise<Uint8Array[]> {
  const receiver = new Receiver({ isServer, allowSynchronousEvents: true });
  const messages: Uint8Array[] = [];
  receiver.on('message', (data: Uint8Array) => messages.push(data));
  await new Promise<void>((resolve, reject) => {
    receiver.on('error', reject);
    for (const chunk of chunks) receiver.write(Buffer.from(chunk));
    receiver.end(resolve);
  });
  return messages;
}

/** A socket, its writer, and a sender that writes to its slabs, as a batch does. */
function writerTo(frame: MaskFrame | undefined, encrypted = false) {
  const raw = new SlowSocket(encrypted);
  const slabs = new Slabs(() => raw.writableLength);
  const writer = new FrameWriter(raw, frame, slabs);
  return {
    raw,
    slabs,
    writer,
    /** Sends a message that is not in a slab. */
    send(message: WireMessage): void {
      slabs.pass(joinFragments(message).length);
      writer.write(message);
      slabs.reclaim();
    },
    /** Sends a message from a slab. */
    sendFromSlab(bytes: Uint8Array): void {
      const slab = slabs.take(headroomBytes + bytes.length);
      const from = slabs.at + headroomBytes;
      slab.set(bytes, from);
      writer.write(slabs.message(from, from + bytes.length));
      slabs.reclaim();
    },
  };
}

/** The numbers of the messages that differ, because printing the difference of large ones takes minutes. */
function differences(got: readonly Uint8Array[], expected: readonly Uint8Array[]): number[] {
  const count = Math.max(got.length, expected.length);
  const isSame = (index: number): boolean => Buffer.compare(got[index] ?? nothing, expected[index] ?? nothing) === 0;
  return Array.from({ length: count }, (_, index) => index).filter((index) => !isSame(index));
}

const nothing = new Uint8Array(0);

function messageOf(parts: readonly number[], value: number): WireMessage {
  const arrays = parts.map((length, index) => new Uint8Array(length).fill(value + index));
  return arrays.length === 1 ? arrays[0]! : arrays;
}

/** As {@link messageOf}, with bytes of which no two neighbours are alike. */
function patterned(parts: readonly number[], value: number): WireMessage {
  const message = messageOf(parts, value);
  for (const part of message instanceof Uint8Array ? [message] : message) {
    for (let index = 0; index < part.length; index++) part[index] = (index * 31 + (index >> 8) + value) & 0xff;
  }
  return message;
}

/** Sizes on both sides of each form of the header, of the copy limit, and of a slab. */
const edges = [
  0, 1, 125, 126, 127, 4095, 4096, 4097, 65_535, 65_536, 65_537, 262_128, 262_129, 262_130, 262_131, 524_272, 524_273,
  900_001,
];

describe.each([
  ['masked', mask],
  ['plain', undefined],
] as const)('%s', (name, frame) => {
  it.each(edges)('a message of %d bytes is one frame', async (size) => {
    const { raw, send, sendFromSlab } = writerTo(frame);
    const messages = [patterned([size], 7), patterned([size >> 1, size - (size >> 1)], 9)];
    for (const message of messages) send(message);
    if (size + headroomBytes <= slabBytes) sendFromSlab(messages[0] as Uint8Array);
    expect(raw.writes).toBe(size + headroomBytes <= slabBytes ? 3 : 2);
    raw.go(Infinity);
    const got = await received(raw.gone, name === 'masked');
    const expected = [...messages, messages[0]!].slice(0, raw.writes).map(joinFragments);
    expect(differences(got, expected)).toStrictEqual([]);
  });

  it('keeps queued data as it is, and leaves the messages unchanged', async () => {
    const size = fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 3000 }) },
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 90_000 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 600_000 }) },
    );
    const parts = fc.array(size, { minLength: 1, maxLength: 3 });
    const steps = fc.array(fc.record({ parts, go: fc.nat(6), inSlab: fc.boolean() }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(steps, async (run) => {
        const { raw, send, sendFromSlab } = writerTo(frame);
        const sent: WireMessage[] = [];
        const copies: Buffer[] = [];
        run.forEach(({ parts, go, inSlab }, index) => {
          const message = messageOf(parts, index * 3);
          sent.push(message);
          copies.push(Buffer.from(joinFragments(message)));
          const fits = message instanceof Uint8Array && message.length + headroomBytes <= slabBytes;
          if (inSlab && fits) sendFromSlab(message);
          else send(message);
          raw.go(go);
        });
        raw.go(Infinity);
        const got = await received(raw.gone, name === 'masked');
        expect(differences(got, copies)).toStrictEqual([]);
        expect(differences(sent.map(joinFragments), copies)).toStrictEqual([]);
      }),
      { numRuns: runs(60) },
    );
  });
});

it.each([
  ['plain', undefined],
  ['masked', mask],
] as const)('sends a message from the memory that it was written to: %s', (_, frame) => {
  const { raw, slabs, sendFromSlab } = writerTo(frame);
  const slab = slabs.take(1);
  slabs.close(0);
  sendFromSlab(new Uint8Array(5000));
  raw.go(0);
  expect(raw.held.map(({ buffer }) => buffer === slab.buffer)).toStrictEqual([true]);
});

it('copies into other memory while the sender is writing to its slab', async () => {
  const { raw, slabs, writer, sendFromSlab } = writerTo(mask);
  const slab = slabs.take(1000);
  const from = slabs.at + headroomBytes;
  slab.fill(1, from, from + 500);
  writer.write([new Uint8Array(200).fill(2), new Uint8Array(200).fill(3)]);
  slab.fill(1, from + 500, from + 900);
  writer.write(slabs.message(from, from + 900));
  slabs.reclaim();
  sendFromSlab(new Uint8Array(10).fill(4));
  raw.go(Infinity);
  const got = await received(raw.gone, true);
  expect(got.map((bytes) => [bytes.length, ...new Set(bytes)])).toStrictEqual([
    [400, 2, 3],
    [900, 1],
    [10, 4],
  ]);
});

it('reserves room for each header', () => {
  expect(maxMessageHead).toBe(headroomBytes);
});

it('retains no slab when everything is sent, also of a message that the batch did not send', () => {
  const { raw, slabs, writer } = writerTo(mask);
  raw.fast = true;
  writer.write(new Uint8Array(100));
  expect(slabs.held).toBe(0);
});

it.each([
  ['plain', undefined],
  ['masked', mask],
] as const)('retains no slab once TLS, which takes nothing within the call, has taken everything: %s', (_, frame) => {
  const { raw, slabs, send, sendFromSlab } = writerTo(frame, true);
  sendFromSlab(new Uint8Array(100));
  send(new Uint8Array(slabBytes * 2));
  expect(slabs.held).toBeGreaterThan(0);
  raw.go(1);
  expect(slabs.held).toBeGreaterThan(0);
  raw.go(Infinity);
  expect(slabs.held).toBe(0);
});

it('does not release the slab that the sender is writing to', () => {
  const { raw, slabs, sendFromSlab } = writerTo(undefined, true);
  sendFromSlab(new Uint8Array(100));
  slabs.take(100);
  raw.go(Infinity);
  expect(slabs.held).toBe(1);
});
