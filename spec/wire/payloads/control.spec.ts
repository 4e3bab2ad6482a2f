import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import * as fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { CodecError, ProtocolError } from '../../../lib/errors.js';
import { createChecksum } from '../../../lib/wire/checksum.js';
import {
  decodeConnectRequest,
  decodeConnectResponse,
  encodeConnectRequest,
  encodeConnectResponse,
  type ConnectRequest,
} from '../../../lib/wire/payloads/connect.js';
import {
  decodeConnectError,
  decodePing,
  decodePong,
  encodeConnectError,
  encodePing,
  encodePong,
} from '../../../lib/wire/payloads/control.js';
import { decodeFrames } from '../../../lib/wire/decode.js';
import { Op } from '../../../lib/wire/ops.js';
import { timestampFromMs, timestampToMs } from '../../../lib/wire/msgpack/timestamp.js';
import { decodeOpeningExtra } from '../../../lib/wire/payloads/opening-extra.js';
import { decodeAck, decodeCredit } from '../../../lib/wire/payloads/window-payloads.js';
import { CountedReads } from '../../support/counted-reads.js';
import { runs } from '../../support/property-runs.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const text = (value: string): string => hex(new TextEncoder().encode(value));

const id = Uint8Array.from({ length: 16 }, (_, i) => i);
const time = { seconds: 1_795_459_691, nanoseconds: 840_699_919 };
const request: ConnectRequest = { id, host: 'http://a:1', time, token: 'secret' };

/** What reads one kind of payload and writes it again. */
const reencode = new Map<number, (payload: Uint8Array) => Uint8Array>([
  [Op.Connect, (payload) => encodeConnectRequest(decodeConnectRequest(payload))],
  [Op.ConnectResponse, (payload) => encodeConnectResponse(decodeConnectResponse(payload))],
  [Op.Ping, (payload) => encodePing(decodePing(payload))],
  [Op.Pong, (payload) => encodePong(decodePong(payload))],
  [Op.MuxConnectError, (payload) => encodeConnectError(decodeConnectError(payload))],
]);

const decoders = [
  decodeConnectRequest,
  decodeConnectResponse,
  decodePing,
  decodePong,
  decodeConnectError,
  decodeAck,
  decodeCredit,
  decodeOpeningExtra,
];

/** Runs a decoder on bytes that may be anything: it returns, or throws ProtocolError. */
function tryDecode(decode: (payload: Uint8Array) => unknown, payload: Uint8Array): void {
  try {
    decode(payload);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
}

const recorded: { name: string; op: number; payload: Uint8Array }[] = [];

beforeAll(async () => {
  const { hash } = await createChecksum();
  for (const file of readdirSync('spec/vectors')) {
    if (!file.endsWith('.json')) continue;
    const recording = JSON.parse(readFileSync(`spec/vectors/${file}`, 'utf8'));
    if (Array.isArray(recording)) continue;
    for (const message of recording.messages) {
      if (message.hex === undefined) continue;
      try {
        for (const { op, payload } of decodeFrames(bytes(message.hex), hash)) {
          // A stream's Ping has no payload.
          if (reencode.has(op) && payload.length > 0) recorded.push({ name: recording.name, op, payload });
        }
      } catch {
        // Three recordings are of bytes that are no frame.
        expect(['fault-crc', 'fault-truncated', 'handshake-garbage']).toContain(recording.name);
      }
    }
  }
});

describe('recorded control payloads', () => {
  it('decode, and encode to the same bytes', () => {
    const seen = new Map<number, number>();
    for (const { name, op, payload } of recorded) {
      // A Ping with the payload of a Connect; a Connect with unknown keys and the other timestamp.
      if (name === 'handshake-not-connect' && op === Op.Ping) continue;
      if (name === 'handshake-extra-keys' && op === Op.Connect) continue;
      expect(hex(reencode.get(op)!(payload))).toBe(hex(payload));
      seen.set(op, (seen.get(op) ?? 0) + 1);
    }
    for (const op of reencode.keys()) expect(seen.get(op)).toBeGreaterThan(4);
  });

  it('decode with unknown keys and the standard timestamp', () => {
    const extra = recorded.find(({ name, op }) => name === 'handshake-extra-keys' && op === Op.Connect)!;
    expect(decodeConnectRequest(extra.payload)).toStrictEqual({
      id,
      host: 'http://127.0.0.1:7213',
      time: { seconds: 0x6b048a6d, nanoseconds: 0 },
      token: 'debug',
    });
  });

  it('decode to the recorded values', () => {
    const first = recorded.find(({ name, op }) => name === 'handshake-accepted' && op === Op.Connect)!;
    expect(decodeConnectRequest(first.payload)).toStrictEqual({
      id: bytes('b5279533ee774e9da1d87ae41d7e140e'),
      host: 'http://127.0.0.1:7201',
      time: { seconds: 0x6b048a6b, nanoseconds: 0x329dc40f },
      token: 'debug',
    });
    const rejection = recorded.find(({ name, op }) => name === 'handshake-bad-token' && op === Op.ConnectResponse)!;
    expect(decodeConnectResponse(rejection.payload)).toMatchObject({
      accepted: false,
      rejectedReason: 'auth token: invalid token',
    });
    const refused = recorded.find(({ name, op }) => name === 'quirk-stateless' && op === Op.MuxConnectError)!;
    expect(decodeConnectError(refused.payload)).toBe('Stateless streams not supported');
    const streamPong = recorded.find(
      ({ op, payload }) => op === Op.Pong && hex(payload).startsWith('83a26e66c2a165c0a174c70c05fffffff1'),
    )!;
    expect(decodePong(streamPong.payload)).toStrictEqual({
      unknown: false,
      error: undefined,
      time: { seconds: -62_135_596_800, nanoseconds: 0 },
    });
  });
});

describe('Connect and ConnectResponse', () => {
  it('carry the extensions', () => {
    const leaf = { ...request, host: '', ext: { ack: 1, credits: 1, crc: 0 }, leaf: true };
    expect(decodeConnectRequest(encodeConnectRequest(leaf))).toStrictEqual(leaf);
    const response = { id, accepted: true, rejectedReason: '', ext: { ack: 1, big: 2 ** 53 - 1 }, name: 'https://ü:1' };
    expect(decodeConnectResponse(encodeConnectResponse(response))).toStrictEqual(response);
  });

  it('write Ext and Leaf after the four keys of the protocol', () => {
    const encoded = hex(encodeConnectRequest({ ...request, ext: { ack: 1 }, leaf: true }));
    expect(encoded.startsWith('86a24944c410')).toBe(true);
    expect(encoded.endsWith(`${text('Ext')}81a361636b01a4${text('Leaf')}c3`)).toBe(true);
  });

  it('keep a key with a special meaning in JavaScript as an extension like any other', () => {
    const payload = encodeConnectRequest({ ...request, ext: Object.fromEntries([['__proto__', 1]]) });
    const { ext } = decodeConnectRequest(payload);
    expect(Object.entries(ext!)).toStrictEqual([['__proto__', 1]]);
    expect(Object.getPrototypeOf(ext)).toBe(Object.prototype);
    // "constructor" is an unknown key, not a field.
    const pong = bytes(`84 ab${text('constructor')}c0 a26e66c2 a165c0 a174c0`);
    expect(decodePong(pong)).toStrictEqual({ unknown: false, error: undefined, time: undefined });
  });

  it.each<[string, string]>([
    ['ID is missing', '80'],
    ['not a map', '90'],
    ['ID has 15 bytes instead of 16', `81a24944c40f${'00'.repeat(15)}`],
    ['ID is not a bin', '81a24944b0'],
    ['ID is cut off', '81a24944c410'],
    ['Host is missing', `81a24944c410${hex(id)}`],
    ['Host is not a string', '81a4486f737401'],
    ['Host is not UTF-8', '81a4486f7374a2c328'],
    ['Host has 1025 bytes; the limit is 1024', `81a4486f7374da0401${'61'.repeat(1_025)}`],
    ['Token has 4294967295 bytes; the limit is 16384', '81a5546f6b656edbffffffff'],
    ['Time is not an ext', '81a454696d6500'],
    ['Time is not a timestamp: ext type 7 of 1 bytes', '81a454696d65d40700'],
    ['Time is out of range', '81a454696d65c70c050000000000000000 3b9aca00'],
    ['Time is out of range', '81a454696d65c70c050000000000000000 ffffffff'],
    ['Time is out of range', '81a454696d65c70c050020000000000000 00000000'],
    ['Leaf is not a boolean', '81a44c65616601'],
    ['Ext is not a map', '81a3457874c0'],
    ['Ext.a is -1, not an integer from 0', '81a345787481a161ff'],
    ['Ext.a is 9007199254740992, not an integer from 0', '81a345787481a161cf0020000000000000'],
    ['Ext has the key "a" twice', '81a345787482a16101a16102'],
    ['the payload has the key "Host" twice', '82a4486f7374a0a4486f7374a0'],
    ['declares 2147483648 entries, more than there are bytes', 'df80000000'],
    ['257 entries; the limit is 256', `de0101${'00'.repeat(600)}`],
    ['key of the payload is not a string', '81c001'],
    ['is not a value: it starts with 0xc1', '81a158c1'],
    ['value of "X" is cut off', '81a158c6ffffffff00'],
    ['declares more elements than there are bytes', '81a158ddffffffff00'],
    ['nested deeper than 32', `81a158${'91'.repeat(33)}00`],
  ])('are refused with a reason: %s', (reason, payload) => {
    expect(() => decodeConnectRequest(bytes(payload))).toThrow(ProtocolError);
    expect(() => decodeConnectRequest(bytes(payload))).toThrow(reason);
  });

  it('are refused with trailing bytes, or more than 64 extensions', () => {
    const payload = encodeConnectRequest(request);
    expect(() => decodeConnectRequest(Uint8Array.of(...payload, 0))).toThrow('1 bytes follow the value');
    const many = Array.from({ length: 65 }, (_, i) => `a2${text(String(i + 10))}00`).join('');
    expect(() => decodeConnectRequest(bytes(`81a3457874de0041${many}`))).toThrow('more than 64 entries');
  });

  it('skip a value of any type under an unknown key', () => {
    const values =
      '7f ff c0 c2 c3 a161 c40100 c5000100 c600000001 00 c7010100 c800010100 c9000000010100 ca00000000 cb0000000000000000 ' +
      'cc00 cd0000 ce00000000 cf0000000000000000 d000 d10000 d200000000 d30000000000000000 d40100 d5010000 d60100000000 ' +
      `d7010000000000000000 d801${'00'.repeat(16)} d90161 da000161 db0000000161 92 90 80 dc000101 dd00000001c0 ` +
      'de0001a16101 df0000000100c0 81 90 9101';
    const payload = bytes(`82a158 dc0024 ${values} a1${text('t')}c70c05${'00'.repeat(12)}`);
    expect(decodePing(payload)).toStrictEqual({ time: { seconds: 0, nanoseconds: 0 } });
    const nested = bytes(`82a158${'91'.repeat(32)}00a174c70c05${'00'.repeat(12)}`);
    expect(decodePing(nested)).toStrictEqual({ time: { seconds: 0, nanoseconds: 0 } });
  });

  it('own what they decode, although the message is overwritten', () => {
    const payload = encodeConnectRequest(request);
    const decoded = decodeConnectRequest(payload);
    payload.fill(0xff);
    expect(decoded).toStrictEqual(request);
  });

  it('are not encoded with values that a reader refuses', () => {
    expect(() => encodeConnectRequest({ ...request, id: new Uint8Array(15) })).toThrow(CodecError);
    expect(() => encodeConnectRequest({ ...request, host: 'é'.repeat(513) })).toThrow('1026 bytes');
    expect(() => encodeConnectRequest({ ...request, token: 'x'.repeat(20_000) })).toThrow(CodecError);
    expect(() => encodeConnectRequest({ ...request, ext: { a: -1 } })).toThrow(CodecError);
    expect(() => encodeConnectRequest({ ...request, time: { seconds: 0.5, nanoseconds: 0 } })).toThrow(CodecError);
    expect(() => encodeConnectRequest({ ...request, time: { seconds: 0, nanoseconds: 1e9 } })).toThrow(CodecError);
    const reason = 'é'.repeat(20_000);
    const response = encodeConnectResponse({ id, accepted: false, rejectedReason: `x${reason}`, name: 'http://a' });
    expect(decodeConnectResponse(response).rejectedReason).toBe(`x${'é'.repeat(8_191)}`);
  });
});

describe('timestamps', () => {
  it.each<[string, string, { seconds: number; nanoseconds: number }]>([
    ['standard, 4 bytes', 'd6ff ffffffff', { seconds: 0xffff_ffff, nanoseconds: 0 }],
    ['standard, 8 bytes', 'd7ff ee6b27ff ffffffff', { seconds: 2 ** 34 - 1, nanoseconds: 999_999_999 }],
    ['standard, 12 bytes', 'c70cff 00000001 fffffff1886e0900', { seconds: -62_135_596_800, nanoseconds: 1 }],
    ['of the protocol', 'c70c05 ffffffffffffffff 00000002', { seconds: -1, nanoseconds: 2 }],
    [
      'of the protocol, the largest',
      'c70c05 001fffffffffffff 3b9ac9ff',
      { seconds: 2 ** 53 - 1, nanoseconds: 999_999_999 },
    ],
  ])('are read: %s', (_, encoded, expected) => {
    expect(decodePing(bytes(`81a174${encoded}`))).toStrictEqual({ time: expected });
    expect(decodePing(encodePing({ time: expected }))).toStrictEqual({ time: expected });
  });

  it('keep the precision of milliseconds', () => {
    for (const ms of [0, 1, 1_795_459_691_840, 1_795_459_691_840.25, -1, -62_135_596_800_000, 999.999_999_9]) {
      const stamp = timestampFromMs(ms);
      expect(stamp.nanoseconds).toBeLessThan(1e9);
      expect(Math.abs(timestampToMs(stamp) - ms)).toBeLessThan(0.001);
    }
    expect(timestampFromMs(-1)).toStrictEqual({ seconds: -1, nanoseconds: 999_000_000 });
  });
});

describe('payloads within a stream', () => {
  it('round trip', () => {
    const pong = { unknown: true, error: 'gone', time: undefined };
    expect(decodePong(encodePong(pong))).toStrictEqual(pong);
    expect(decodePong(bytes('81a26e66c3'))).toStrictEqual({ unknown: true, error: undefined, time: undefined });
    const long = `x${'y'.repeat(70_000)}`;
    expect(decodeConnectError(encodeConnectError(long))).toBe(long.slice(0, 16_384));
  });

  it('keep an error text that is not UTF-8 readable', () => {
    expect(decodeConnectError(bytes('81a54572726f72a3c32861'))).toBe('\ufffd(a');
  });
});

describe('hostile bytes', () => {
  it('of any kind throw only ProtocolError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (payload) => {
        for (const decode of decoders) tryDecode(decode, payload);
      }),
      { numRuns: runs(2_000) },
    );
  });

  it('of a map with a known key and any value throw only ProtocolError', () => {
    const key = fc.constantFrom(
      'ID',
      'Host',
      'Time',
      'Token',
      'Ext',
      'Leaf',
      'Accepted',
      't',
      'e',
      'nf',
      'Error',
      'in',
      'outBytes',
      'w',
      'X',
    );
    fc.assert(
      fc.property(key, fc.uint8Array({ maxLength: 40 }), (name, value) => {
        const payload = Uint8Array.of(0x81, 0xa0 | name.length, ...new TextEncoder().encode(name), ...value);
        for (const decode of decoders) tryDecode(decode, payload);
      }),
      { numRuns: runs(3_000) },
    );
  });

  it('that are cut off or have one byte changed throw only ProtocolError', () => {
    for (const { op, payload } of recorded) {
      for (let length = 0; length < payload.length; length++) {
        expect(() => reencode.get(op)!(payload.subarray(0, length))).toThrow(ProtocolError);
      }
    }
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (which, where, flip) => {
        const payload = recorded[which % recorded.length]!.payload.slice();
        payload[where % payload.length]! ^= flip;
        for (const decode of decoders) tryDecode(decode, payload);
      }),
      { numRuns: runs(3_000) },
    );
  });

  it('at an offset of a larger buffer are read within their bounds', () => {
    const payload = encodePing({ time });
    const large = new Uint8Array(payload.length + 20).fill(0xc0);
    large.set(payload, 10);
    expect(decodePing(large.subarray(10, 10 + payload.length))).toStrictEqual({ time });
    expect(() => decodePing(large.subarray(10, 9 + payload.length))).toThrow(ProtocolError);
  });

  it('of 16 MiB that claim more than they have are refused after a few bytes', () => {
    const large = new Uint8Array(16 << 20).fill(0xdd);
    large.set(bytes('81a158'));
    const reads = new CountedReads();
    const heads = jest.spyOn(DataView.prototype, 'getUint8');
    expect(() => decodePing(reads.bytes(large))).toThrow(ProtocolError);
    expect(() => decodePing(reads.bytes(large.fill(0x91, 3)))).toThrow('nested deeper than 32');
    const count = reads.count + heads.mock.calls.length;
    heads.mockRestore();
    expect(count).toBeGreaterThan(32);
    expect(count).toBeLessThan(1_000);
  });
});
