import { afterEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { keep, lentHooks } from '../../lib/lent.js';
import { assemblyBytes, takenAssemblies } from '../../lib/transport/assembly-pool.js';
import { FrameReader } from '../../lib/transport/frame-reader.js';
import type { Unmask } from '../../lib/transport/mask-key.js';
import { bytesOf } from '../support/protocol/frames.js';
import { closePayload, wsFrame, type WsFrame } from '../support/protocol/ws-frames.js';
import { wsReceiver } from '../support/protocol/ws-receiver.js';
import { runs } from '../support/property-runs.js';

const maxMessageBytes = 70_000;
const key = [1, 2, 3, 4];

const unmask: Unmask = (source, mask, output, offset, length) => {
  for (let index = 0; index < length; index++) output[offset + index] = source[index]! ^ mask[index & 3]!;
};

afterEach(() => {
  expect(takenAssemblies()).toBe(0);
});

/** How bytes come: the read buffer may be written to, a chunk that Node emits may not. */
type Source = 'buffer' | 'chunks';

interface Found {
  /** What was found in the bytes, in order. */
  readonly found: string[];
  /** Sizes of memory that was allocated. */
  readonly allocated: number[];
  /** The messages, kept. */
  readonly messages: Uint8Array[];
  /** Sizes of the messages that were lent. */
  readonly lent: number[];
}

/**
 * What a reader, with the receiver of `ws` behind it, finds in bytes that come in `chunks`. Each of them lies in the
 * read buffer, which has other bytes after the read.
 */
async function read(
  chunks: readonly Uint8Array[],
  masked: boolean,
  bound = maxMessageBytes,
  source: Source = 'buffer',
): Promise<Found> {
  const found: string[] = [];
  const allocated: number[] = [];
  const messages: Uint8Array[] = [];
  const lent: number[] = [];
  const toWs = wsReceiver(masked, bound, found);
  const reader = new FrameReader({
    masked,
    maxMessageBytes: bound,
    // Not zeros: what is not written must not be read.
    allocate: (bytes) => {
      allocated.push(bytes);
      return new Uint8Array(bytes).fill(0xee);
    },
    unmask,
    message: (message) => {
      const kept = keep(message);
      if (kept !== message) lent.push(message.length);
      messages.push(kept);
      found.push(`message ${Buffer.from(message).toString('hex')}`);
    },
    pass: toWs,
    tooLarge: () => undefined,
  });
  const buffer = new Uint8Array(Math.max(256 << 10, ...chunks.map((chunk) => chunk.length + 7)));
  for (const [index, chunk] of chunks.entries()) {
    const at = index % 7;
    buffer.set(chunk, at);
    reader.read(buffer, at, at + chunk.length, source === 'buffer');
    if (source === 'chunks') expect(Buffer.compare(buffer.subarray(at, at + chunk.length), chunk)).toBe(0);
    buffer.fill(0xdd);
  }
  reader.stop();
  await new Promise(setImmediate);
  return { found, allocated, messages, lent };
}

/** What the receiver of `ws` alone finds. */
async function readByWs(chunks: readonly Uint8Array[], masked: boolean): Promise<string[]> {
  const found: string[] = [];
  const toWs = wsReceiver(masked, maxMessageBytes, found);
  chunks.forEach(toWs);
  await new Promise(setImmediate);
  return found;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const join = (frames: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(frames));
const binary = (payload: Uint8Array, more: Partial<WsFrame> = {}): Uint8Array =>
  wsFrame({ first: 0x82, payload, ...more });
const empty = new Uint8Array();

describe('the frame reader', () => {
  for (const size of [0, 1, 3, 125, 126, 127, 8_192, 8_193, 65_535, 65_536, maxMessageBytes]) {
    for (const masked of [false, true]) {
      it(`reads a ${masked ? 'masked' : 'plain'} message of ${size} bytes, whole, byte by byte, and cut in the middle`, async () => {
        const payload = Uint8Array.from({ length: size }, (_, index) => index * 7);
        const bytes = binary(payload, masked ? { key } : {});
        const expected = [`message ${hex(payload)}`];
        const middle = bytes.length >> 1;
        expect((await read([bytes], masked)).found).toStrictEqual(expected);
        expect((await read([bytes.subarray(0, middle), bytes.subarray(middle)], masked)).found).toStrictEqual(expected);
        const bits = Array.from({ length: Math.min(bytes.length, 200) }, (_, at) => bytes.subarray(at, at + 1));
        expect((await read([...bits, bytes.subarray(bits.length)], masked)).found).toStrictEqual(expected);
      });
    }
  }

  describe('memory', () => {
    const small = bytesOf('small');
    const large = new Uint8Array(assemblyBytes + 1).fill(3);

    it('is not allocated for messages that lie whole in the read buffer, and are small or not masked', async () => {
      const plain = await read([join([binary(small), binary(large)])], false);
      expect([plain.lent, plain.allocated.includes(large.length)]).toStrictEqual([[5, large.length], true]);
      const masked = await read([join([binary(small, { key }), binary(small, { key: [0, 0, 0, 0] })])], true);
      expect(masked.lent).toStrictEqual([5, 5]);
      expect(masked.messages.map(hex)).toStrictEqual([small, small].map(hex));
    });

    it('is allocated at the exact size for a large masked message, and is not overwritten', async () => {
      const { lent, allocated, messages } = await read([binary(large, { key })], true);
      expect([lent, allocated]).toStrictEqual([[], [large.length]]);
      expect(messages[0]!.buffer.byteLength).toBe(large.length);
    });

    it('comes from a pool for a small split message, and is its own for a large one', async () => {
      const cut = (bytes: Uint8Array): Uint8Array[] => [bytes.subarray(0, 20), bytes.subarray(20)];
      const first = new Uint8Array(assemblyBytes).fill(1);
      const again = await read([...cut(binary(first)), ...cut(binary(first)), ...cut(binary(large))], false);
      expect(again.lent).toStrictEqual([first.length, first.length]);
      expect(again.messages.map(hex)).toStrictEqual([first, first, large].map(hex));
    });

    it('is its own for a split message where the pool is exhausted, and is returned by stopped readers', () => {
      const message = binary(new Uint8Array(100));
      const make = (): { reader: FrameReader; allocated: number[]; found: number[] } => {
        const allocated: number[] = [];
        const found: number[] = [];
        const reader = new FrameReader({
          masked: false,
          maxMessageBytes,
          allocate: (bytes) => {
            allocated.push(bytes);
            return new Uint8Array(bytes);
          },
          unmask,
          message: (bytes) => {
            found.push(bytes.length);
          },
          pass: () => undefined,
          tooLarge: () => undefined,
        });
        return { reader, allocated, found };
      };
      const readers = Array.from({ length: 40 }, make);
      for (const { reader } of readers) reader.read(message, 0, 50);
      expect(takenAssemblies()).toBe(16);
      expect(readers[39]!.allocated).toStrictEqual([100]);
      for (const { reader } of readers.slice(0, 8)) reader.stop();
      expect(takenAssemblies()).toBe(8);
      for (const { reader } of readers) reader.read(message, 50, message.length);
      expect(readers.map(({ found }) => found.length)).toStrictEqual([
        ...new Array<number>(8).fill(0),
        ...new Array<number>(32).fill(1),
      ]);
    });

    it('is returned where the consumer stops the reader within its message', () => {
      const reader: FrameReader = new FrameReader({
        masked: false,
        maxMessageBytes,
        allocate: (bytes) => new Uint8Array(bytes),
        unmask,
        message: () => {
          reader.stop();
        },
        pass: () => undefined,
        tooLarge: () => undefined,
      });
      const message = binary(small);
      reader.read(message, 0, 4);
      reader.read(message, 4, message.length);
      expect(takenAssemblies()).toBe(0);
    });

    it('may be overwritten once the consumer it was lent to has returned', async () => {
      const returned: number[] = [];
      const { onReturn } = lentHooks;
      lentHooks.onReturn = (message) => returned.push(message.length);
      try {
        await read([binary(small)], false);
      } finally {
        lentHooks.onReturn = onReturn;
      }
      expect(returned).toStrictEqual([5]);
    });
  });

  it('accepts a key of zeros, and lengths in a longer form than necessary', async () => {
    const payload = bytesOf('payload');
    const frames = [binary(payload, { key: [0, 0, 0, 0] }), binary(payload, { key, lengthBytes: 8 })];
    expect((await read(frames, true)).found).toStrictEqual([`message ${hex(payload)}`, `message ${hex(payload)}`]);
  });

  it('refuses a message beyond the bound from its length alone, before memory is allocated', async () => {
    for (const size of [maxMessageBytes + 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      const { found, allocated } = await read([binary(empty, { claimed: size }), binary(bytesOf('late'))], false);
      expect([found, allocated]).toStrictEqual([['error 1009'], []]);
    }
  });

  it('counts the fragments of a message together', async () => {
    const half = new Uint8Array(40_000);
    const frames = [wsFrame({ first: 0x02, payload: half }), wsFrame({ first: 0x80, payload: half })];
    expect((await read(frames, false)).found).toStrictEqual(['error 1009']);
  });

  it('has a bound of its own: that of the receiver behind it may be larger', async () => {
    expect((await read([binary(new Uint8Array(2_000))], false, 1_000)).found).toStrictEqual(['error 1009']);
  });

  it('reads nothing after a close frame', async () => {
    const frames = [wsFrame({ first: 0x88, payload: closePayload(1000, 'bye') }), binary(bytesOf('late'))];
    expect((await read([join(frames)], false)).found).toStrictEqual(['close 1000 627965']);
  });

  // What RFC 6455 allows, and what is found, over both paths.
  const message = (text: string): string => `message ${hex(bytesOf(text))}`;
  const allowed: readonly (readonly [string, readonly Uint8Array[], readonly string[], boolean?])[] = [
    ['an empty message', [binary(empty)], ['message ']],
    ['a message in one frame', [binary(bytesOf('a'))], [message('a')]],
    ['a length in two bytes where one would do', [binary(bytesOf('a'), { lengthBytes: 2 })], [message('a')]],
    ['a length in eight bytes where one would do', [binary(bytesOf('a'), { lengthBytes: 8 })], [message('a')]],
    ['a masked message', [binary(bytesOf('a'), { key })], [message('a')], true],
    ['a masked empty message', [binary(empty, { key })], ['message '], true],
    ['a key of zeros', [binary(bytesOf('a'), { key: [0, 0, 0, 0] })], [message('a')], true],
    ['a masked ping', [wsFrame({ first: 0x89, payload: bytesOf('p'), key })], ['ping 70'], true],
    ['a ping of 125 bytes', [wsFrame({ first: 0x89, payload: new Uint8Array(125) })], [`ping ${'00'.repeat(125)}`]],
    [
      'an empty ping and a pong nobody asked for',
      [wsFrame({ first: 0x89, payload: empty }), wsFrame({ first: 0x8a, payload: empty })],
      ['ping ', 'pong '],
    ],
    [
      'fragments, some of them empty',
      [
        wsFrame({ first: 0x02, payload: empty }),
        wsFrame({ first: 0x00, payload: bytesOf('a') }),
        wsFrame({ first: 0x80, payload: empty }),
      ],
      [message('a')],
    ],
    [
      'a ping between fragments',
      [
        wsFrame({ first: 0x02, payload: bytesOf('a') }),
        wsFrame({ first: 0x89, payload: empty }),
        wsFrame({ first: 0x80, payload: bytesOf('b') }),
      ],
      ['ping ', message('ab')],
    ],
    [
      'a close between fragments',
      [wsFrame({ first: 0x02, payload: bytesOf('a') }), wsFrame({ first: 0x88, payload: closePayload(1001) })],
      ['close 1001 '],
    ],
    ['a close without a code', [wsFrame({ first: 0x88, payload: empty })], ['close 1005 ']],
    ['a close with a reason', [wsFrame({ first: 0x88, payload: closePayload(4000, 'x') })], ['close 4000 78']],
  ];
  for (const [what, frames, found, masked = false] of allowed) {
    it(`accepts ${what}`, async () => {
      for (const bytes of [frames, [join(frames)], [...join(frames)].map((byte) => Uint8Array.of(byte))]) {
        expect((await read(bytes, masked)).found).toStrictEqual(found);
        expect(await readByWs(bytes, masked)).toStrictEqual(found);
      }
    });
  }

  it('accepts control frames between the fragments of a message, and whole messages after them', async () => {
    const frames = [
      wsFrame({ first: 0x02, payload: bytesOf('a') }),
      wsFrame({ first: 0x89, payload: bytesOf('ping') }),
      wsFrame({ first: 0x00, payload: bytesOf('b') }),
      wsFrame({ first: 0x8a, payload: empty }),
      wsFrame({ first: 0x80, payload: bytesOf('c') }),
      binary(bytesOf('d')),
      wsFrame({ first: 0x81, payload: bytesOf('text is dropped') }),
      binary(bytesOf('e')),
    ];
    expect((await read([join(frames)], false)).found).toStrictEqual([
      'ping 70696e67',
      'pong ',
      'message 616263',
      'message 64',
      'message 65',
    ]);
  });

  // What RFC 6455 forbids, with the code that closes the connection.
  const refused: readonly (readonly [string, readonly Uint8Array[], boolean?])[] = [
    ['RSV1', [wsFrame({ first: 0xc2, payload: empty })]],
    ['RSV2', [wsFrame({ first: 0xa2, payload: empty })]],
    ['RSV3', [wsFrame({ first: 0x92, payload: empty })]],
    ['RSV1 of a control frame', [wsFrame({ first: 0xc9, payload: empty })]],
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(
      (opcode) => [`opcode ${opcode}`, [wsFrame({ first: 0x80 | opcode, payload: empty })]] as const,
    ),
    ['a continuation of nothing', [wsFrame({ first: 0x80, payload: empty })]],
    ['a message within a fragmented one', [wsFrame({ first: 0x02, payload: empty }), binary(empty)]],
    [
      'a text within a fragmented message',
      [wsFrame({ first: 0x02, payload: empty }), wsFrame({ first: 0x81, payload: empty })],
    ],
    ['a fragmented ping', [wsFrame({ first: 0x09, payload: empty })]],
    ['a fragmented close', [wsFrame({ first: 0x08, payload: empty })]],
    ['a ping of 126 bytes', [wsFrame({ first: 0x89, payload: new Uint8Array(126) })]],
    ['a close of one byte', [wsFrame({ first: 0x88, payload: bytesOf('x') })]],
    ['a close with code 1005', [wsFrame({ first: 0x88, payload: closePayload(1005) })]],
    ['a masked frame from the side that accepted', [binary(empty, { key })]],
    ['a frame without a mask from the side that dialed', [binary(empty)], true],
  ];
  for (const [what, frames, masked = false] of refused) {
    it(`closes with code 1002 for ${what}, and reads nothing after it`, async () => {
      const all = [...frames, binary(bytesOf('late'), masked ? { key } : {})];
      for (const bytes of [all, [join(all)]]) {
        expect((await read(bytes, masked)).found).toStrictEqual(['error 1002']);
        // The other path.
        expect(await readByWs(bytes, masked)).toStrictEqual(['error 1002']);
      }
    });
  }

  it('refuses a length before the key after it has arrived', async () => {
    const whole = binary(empty, { claimed: 2 ** 60, key });
    expect((await read([whole.subarray(0, whole.length - 4)], true)).found).toStrictEqual(['error 1009']);
  });

  it('detects a fault in two bytes, before the rest of the header arrives', async () => {
    expect((await read([Uint8Array.of(0xc2), Uint8Array.of(127)], false)).found).toStrictEqual(['error 1002']);
  });

  it('stops within a message, and in the middle of a chunk', async () => {
    const found: string[] = [];
    const reader: FrameReader = new FrameReader({
      masked: false,
      maxMessageBytes,
      allocate: (bytes) => new Uint8Array(bytes),
      unmask,
      message: (message) => {
        found.push(hex(message));
        reader.stop();
      },
      pass: () => found.push('passed'),
      tooLarge: () => undefined,
    });
    const bytes = join([binary(bytesOf('a')), binary(bytesOf('b'))]);
    reader.read(bytes, 0, bytes.length);
    expect(found).toStrictEqual(['61']);
  });
});

describe('the frame reader and the receiver of ws', () => {
  const anyKey = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
  const anyFrame = fc.record({
    first: fc.oneof(
      { weight: 6, arbitrary: fc.constant(0x82) },
      { weight: 6, arbitrary: fc.constantFrom(0x02, 0x00, 0x80, 0x81, 0x01, 0x89, 0x8a, 0x88) },
      { weight: 1, arbitrary: fc.nat(255) },
    ),
    payload: fc.oneof(
      { weight: 20, arbitrary: fc.uint8Array({ maxLength: 20 }) },
      { weight: 10, arbitrary: fc.uint8Array({ maxLength: 300, size: 'max' }) },
      { weight: 1, arbitrary: fc.constantFrom(8_192, 9_000, 70_000, 71_000).map((size) => new Uint8Array(size)) },
    ),
    lengthBytes: fc.constantFrom<0 | 2 | 8>(0, 0, 0, 2, 8),
    wrongMask: fc.constantFrom(false, false, false, false, false, false, false, false, false, true),
    key: anyKey,
  });
  const scenario = fc.record({
    masked: fc.boolean(),
    frames: fc.array(anyFrame, { minLength: 1, maxLength: 12 }),
    flip: fc.option(fc.tuple(fc.nat(), fc.nat(7)), { freq: 3 }),
    cuts: fc.array(fc.nat(), { maxLength: 8 }),
    source: fc.constantFrom<Source>('buffer', 'chunks'),
  });

  it('agree on random and mutated frames, cut at random places', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ masked, frames, flip, cuts, source }) => {
        const bytes = join(
          frames.map(({ wrongMask, key: drawn, ...frame }) =>
            wsFrame({ ...frame, key: masked !== wrongMask ? drawn : undefined }),
          ),
        );
        if (flip !== null) bytes[flip[0] % Math.min(bytes.length, 64)]! ^= 1 << flip[1];
        const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
        const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        const { found, messages } = await read(chunks, masked, maxMessageBytes, source);
        expect(found).toStrictEqual(await readByWs(chunks, masked));
        // What was kept is as it was when it came, although the memory that it came in was overwritten.
        const came = messages.map((message) => `message ${hex(message)}`);
        expect(found.filter((text) => came.includes(text))).toStrictEqual(came);
      }),
      { numRuns: runs(500) },
    );
  }, 600_000);
});
