import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import ws from 'ws';
import { FrameWriter, type MaskFrame, type RawSocket } from '../../lib/transport/frame-writer.js';
import { joinFragments, type WireMessage } from '../../lib/wire/batch.js';

// The types of ws do not name them.
const { Receiver, Sender } = ws as unknown as {
  Receiver: new (options: object) => NodeJS.WritableStream;
  Sender: { frame: MaskFrame };
};
const mask: MaskFrame = (data, options) => Sender.frame(data, options);

/** A raw socket that holds the very arrays it is given until `go`, as a net socket does while the network is slow. */
class SlowSocket implements RawSocket {
  readonly gone: Uint8Array[] = [];
  writes = 0;
  readonly #held: Uint8Array[] = [];
  #corks = 0;

  get writableLength(): number {
    return this.#held.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#corks === 0) this.writes++;
    this.#held.push(bytes);
    return false;
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
    for (const bytes of this.#held.splice(0, count)) this.gone.push(bytes.slice());
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

function messageOf(parts: readonly number[], value: number): WireMessage {
  const arrays = parts.map((length, index) => new Uint8Array(length).fill(value + index));
  return arrays.length === 1 ? arrays[0]! : arrays;
}

/** Sizes on both sides of each form of the header, of the copy limit, and of a slab. */
const edges = [0, 1, 125, 126, 127, 4095, 4096, 4097, 65_535, 65_536, 65_537, 262_129, 262_130, 262_131, 300_000];

describe.each([
  ['masked', mask],
  ['plain', undefined],
] as const)('%s', (name, frame) => {
  it.each(edges)('a message of %d bytes is one frame', async (size) => {
    const raw = new SlowSocket();
    const writer = new FrameWriter(raw, frame);
    const messages = [messageOf([size], 7), messageOf([size >> 1, size - (size >> 1)], 9)];
    for (const message of messages) writer.write(message);
    expect(raw.writes).toBe(2);
    raw.go(Infinity);
    const got = await received(raw.gone, name === 'masked');
    expect(got.map((bytes) => Buffer.from(bytes))).toStrictEqual(
      messages.map((message) => Buffer.from(joinFragments(message))),
    );
  });

  it('keeps what waits as it is, and leaves the messages as they are', async () => {
    const size = fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 90_000 }));
    const steps = fc.array(fc.record({ parts: fc.array(size, { minLength: 1, maxLength: 3 }), go: fc.nat(6) }), {
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(steps, async (run) => {
        const raw = new SlowSocket();
        const writer = new FrameWriter(raw, frame);
        const sent: WireMessage[] = [];
        const copies: Buffer[] = [];
        run.forEach(({ parts, go }, index) => {
          const message = messageOf(parts, index * 3);
          sent.push(message);
          copies.push(Buffer.from(joinFragments(message)));
          writer.write(message);
          raw.go(go);
        });
        raw.go(Infinity);
        const got = await received(raw.gone, name === 'masked');
        expect(got.map((bytes) => Buffer.from(bytes))).toStrictEqual(copies);
        expect(sent.map((message) => Buffer.from(joinFragments(message)))).toStrictEqual(copies);
      }),
      { numRuns: 60 },
    );
  });
});

it('refers to no message once it is masked, and to what the socket holds where it is not', () => {
  const raw = new SlowSocket();
  const [masked, plain] = [new FrameWriter(raw, mask), new FrameWriter(raw, undefined)];
  masked.write(new Uint8Array(5000));
  expect([masked.heldBytes, plain.heldBytes]).toStrictEqual([0, 5008]);
});
