import { beforeEach, describe, expect, it } from '@jest/globals';
import { maxRecycledBytes } from '../../lib/bounds.js';
import { giveBackMessage, minRecycledBytes, takeMessageMemory } from '../../lib/transport/message-memory.js';
import { maxHeadBytes, writeHead } from '../../lib/wire/encode.js';
import { Flag, Op } from '../../lib/wire/ops.js';

const mebibyte = 1 << 20;
let allocated: number[];

beforeEach(() => {
  allocated = [];
});

function take(bytes: number): Uint8Array {
  return takeMessageMemory(bytes, (size) => {
    allocated.push(size);
    return new Uint8Array(size);
  });
}

/** The payload of a message of one frame. */
function payloadOf(bytes: number, op: number = Op.MuxServerMsg, extra = 0): Uint8Array {
  const head = new Uint8Array(maxHeadBytes);
  const headBytes = writeHead(head, 0, 3, op, extra === 4 ? Flag.Crc : 0, bytes, 5);
  const message = take(headBytes + bytes + extra);
  message.set(head.subarray(0, headBytes));
  return message.subarray(headBytes, headBytes + bytes);
}

/** Memory that earlier tests have left free is used up. */
function useUp(bytes: number): void {
  while (allocated.length === 0) take(bytes);
  allocated = [];
}

describe('the memory of a message', () => {
  beforeEach(() => {
    useUp(mebibyte + 30);
  });

  it('is reused for the next one of about the same size, once it was returned', () => {
    const payload = payloadOf(mebibyte);
    expect(allocated).toStrictEqual([mebibyte + 4096]);
    // The kind of an item of files precedes its bytes.
    giveBackMessage(payload.subarray(1));
    expect(payloadOf(mebibyte - 10).buffer).toBe(payload.buffer);
    expect(payloadOf(mebibyte).buffer).not.toBe(payload.buffer);
  });

  it('has the length of the message, although its allocation may be larger', () => {
    expect(take(mebibyte + 1)).toHaveLength(mebibyte + 1);
  });

  it('is returned where a checksum follows the payload', () => {
    const payload = payloadOf(mebibyte, Op.MuxServerMsg, 4);
    giveBackMessage(payload);
    expect(payloadOf(mebibyte).buffer).toBe(payload.buffer);
  });

  it.each([
    ['the message has other frames', () => payloadOf(mebibyte, Op.Merged)],
    ['the bytes are not those up to the end of the payload', () => payloadOf(mebibyte).subarray(0, -1)],
    ['the bytes are not of the payload alone', () => new Uint8Array(payloadOf(mebibyte).buffer)],
  ])('is not returned where %s', (_, bytesOf) => {
    const bytes = bytesOf();
    giveBackMessage(bytes);
    expect(take(mebibyte + 30).buffer).not.toBe(bytes.buffer);
  });

  it('is returned only once', () => {
    const payload = payloadOf(mebibyte);
    giveBackMessage(payload);
    giveBackMessage(payload);
    expect(payloadOf(mebibyte).buffer).toBe(payload.buffer);
    expect(payloadOf(mebibyte).buffer).not.toBe(payload.buffer);
  });
});

it('the memory of a small message is never returned', () => {
  const bytes = take(minRecycledBytes - 1);
  expect(allocated).toStrictEqual([minRecycledBytes - 1]);
  giveBackMessage(bytes);
  expect(take(minRecycledBytes - 1).buffer).not.toBe(bytes.buffer);
});

it('memory of other owners is left alone', () => {
  expect(() => {
    giveBackMessage(new Uint8Array(2 * mebibyte));
  }).not.toThrow();
});

it('free memory is bounded: the oldest is dropped', () => {
  const size = mebibyte - 30;
  useUp(size);
  const count = maxRecycledBytes / mebibyte;
  const payloads = Array.from({ length: count + 2 }, () => payloadOf(size));
  for (const payload of payloads) giveBackMessage(payload);
  allocated = [];
  const again = new Set(Array.from({ length: count }, () => payloadOf(size).buffer));
  expect(allocated).toStrictEqual([]);
  expect(again).toStrictEqual(new Set(payloads.slice(2).map(({ buffer }) => buffer)));
  payloadOf(size);
  expect(allocated).toHaveLength(1);
  // A message of more than that is never kept.
  giveBackMessage(payloadOf(maxRecycledBytes));
  allocated = [];
  payloadOf(maxRecycledBytes);
  expect(allocated).toHaveLength(1);
});
