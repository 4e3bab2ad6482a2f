import { describe, expect, it } from '@jest/globals';
import {
  agree,
  announcedExtensions,
  connectMessage,
  connectResponseMessage,
  firstMuxId,
  readConnect,
  readConnectResponse,
} from '../../lib/connection/handshake.js';
import { ProtocolError } from '../../lib/errors.js';
import { Flag } from '../../lib/wire/ops.js';
import { encodeFrame } from '../../lib/wire/encode.js';
import { testChecksum } from '../support/protocol/engines.js';
import { frameOf } from '../support/protocol/frames.js';
import { readRecording } from '../support/protocol/vectors.js';

const id = Uint8Array.from({ length: 16 }, (_, index) => index);
const time = { seconds: 1_800_000_000, nanoseconds: 5 };

describe('handshake messages', () => {
  it('are decoded as they were encoded', () => {
    const request = { id, host: 'http://a', time, token: 'x', ext: { ack: 1, crc: 0 }, leaf: true };
    expect(readConnect(connectMessage(request), testChecksum)).toStrictEqual(request);
    const response = { id, accepted: false, rejectedReason: 'no', ext: { credits: 1 }, name: 'http://b' };
    expect(readConnectResponse(connectResponseMessage(response), testChecksum)).toStrictEqual(response);
  });

  it('equal those of the reference', () => {
    const { messages } = readRecording('handshake-accepted');
    const [connect, response] = messages;
    expect(readConnect(connect!.bytes, testChecksum)).toMatchObject({ host: expect.stringMatching(/^http/) });
    expect(readConnectResponse(response!.bytes, testChecksum).accepted).toBe(true);
    // What is read is written to the same bytes.
    expect(connectMessage(readConnect(connect!.bytes, testChecksum))).toStrictEqual(connect!.bytes);
    expect(connectResponseMessage(readConnectResponse(response!.bytes, testChecksum))).toStrictEqual(response!.bytes);
  });

  it('are rejected where they are not the expected ones', () => {
    const ping = encodeFrame(frameOf(3, 0));
    expect(() => readConnect(ping, testChecksum)).toThrow(new ProtocolError('unexpected connect op: Ping'));
    expect(() => readConnectResponse(encodeFrame(frameOf(99, 0)), testChecksum)).toThrow(
      new ProtocolError('unexpected connect response op: 99'),
    );
    expect(() => readConnect(new Uint8Array(), testChecksum)).toThrow(ProtocolError);
  });

  it('may carry a checksum, which is then verified', () => {
    const plain = frameOf(1, 0, { payload: 'x', flags: Flag.Crc });
    const message = encodeFrame(plain, testChecksum.hash);
    message[message.length - 1]! ^= 1;
    expect(() => readConnect(message, testChecksum)).toThrow('The checksum of a frame differs.');
  });
});

describe('the agreement of two sides', () => {
  const on = announcedExtensions('auto');
  const off = announcedExtensions('off');

  it.each<[string, Parameters<typeof agree>, object]>([
    [
      'both are rxgrid',
      [on, on, false],
      { extended: true, ack: true, credits: true, bytes: true, meta: true, err: true, drain: true, sendChecksum: true },
    ],
    [
      'both use TLS',
      [on, on, true],
      {
        extended: true,
        ack: true,
        credits: true,
        bytes: true,
        meta: true,
        err: true,
        drain: true,
        sendChecksum: false,
      },
    ],
    [
      'the other is a reference peer',
      [on, undefined, false],
      {
        extended: false,
        ack: false,
        credits: false,
        bytes: false,
        meta: false,
        err: false,
        drain: false,
        sendChecksum: true,
      },
    ],
    [
      'the other wants no checksums',
      [on, off, false],
      {
        extended: true,
        ack: true,
        credits: true,
        bytes: true,
        meta: true,
        err: true,
        drain: true,
        sendChecksum: false,
      },
    ],
    [
      'this side wants none',
      [off, on, false],
      {
        extended: true,
        ack: true,
        credits: true,
        bytes: true,
        meta: true,
        err: true,
        drain: true,
        sendChecksum: false,
      },
    ],
    [
      'the other knows none of ours',
      [on, { zip: 1 }, false],
      {
        extended: true,
        ack: false,
        credits: false,
        bytes: false,
        meta: false,
        err: false,
        drain: false,
        sendChecksum: true,
      },
    ],
    [
      'the other has another version',
      [on, { ack: 2, credits: 1 }, false],
      {
        extended: true,
        ack: false,
        credits: true,
        bytes: false,
        meta: false,
        err: false,
        drain: false,
        sendChecksum: true,
      },
    ],
    [
      'the other announces crc 1',
      [on, { crc: 1 }, false],
      {
        extended: true,
        ack: false,
        credits: false,
        bytes: false,
        meta: false,
        err: false,
        drain: false,
        sendChecksum: true,
      },
    ],
  ])('%s', (_, options, agreement) => {
    expect(agree(...options)).toStrictEqual(agreement);
  });

  it('mux ids count from 1, or from 2^40 towards a reference peer', () => {
    expect(firstMuxId(agree(on, on, false))).toBe(1);
    expect(firstMuxId(agree(on, undefined, false))).toBe(2 ** 40);
  });
});
