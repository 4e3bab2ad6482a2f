import { describe, expect, it } from '@jest/globals';
import { answerPing } from '../../lib/connection/keepalive.js';
import { closeSocket } from '../../lib/connection/linger.js';
import { linkedSockets } from '../../lib/transport/memory-socket.js';
import { encodePing } from '../../lib/wire/payloads/control.js';
import { decodeFrames } from '../../lib/wire/decode.js';
import type { Frame } from '../../lib/wire/frame.js';
import { Flag, Op } from '../../lib/wire/ops.js';
import { testChecksum } from '../support/protocol/engines.js';
import { bytesOf, frameOf, fromCaller, messageOf } from '../support/protocol/frames.js';
import { agreed } from '../support/protocol/links.js';
import { ManualRuntime } from '../support/manual-runtime.js';

/** Closes a socket whose other end is the test. */
function close(extended: boolean) {
  const runtime = new ManualRuntime();
  const [near, far] = linkedSockets();
  const frames: Frame[] = [];
  const ends: string[] = [];
  far.inbound.subscribe({
    next: (message) => frames.push(...decodeFrames(message, testChecksum.hash)),
    complete: () => ends.push('closed'),
  });
  closeSocket(near, runtime, { ...agreed, extended }, testChecksum);
  return { runtime, far, frames, ends };
}

const time = encodePing({ time: { seconds: 12, nanoseconds: 5 } });
const ping = frameOf(Op.Ping, 0, { seq: 7, deadlineMs: 900, payload: time });

describe('a closed socket', () => {
  it('closes at once towards a peer of this library', () => {
    expect(close(true).ends).toStrictEqual(['closed']);
  });

  it('answers the pings of a reference peer that were in transit, and then closes', () => {
    const { runtime, far, frames, ends } = close(false);
    far.outbound.next(messageOf([fromCaller.request(1, { payload: 'late' }), ping], testChecksum.hash));
    expect(frames).toStrictEqual([
      { muxId: 0, seq: 7, deadlineMs: 900, handler: 0, op: Op.Pong, flags: Flag.Crc, payload: answerPing(time) },
    ]);
    runtime.advance(49);
    expect(ends).toStrictEqual([]);
    runtime.advance(1);
    expect(ends).toStrictEqual(['closed']);
    expect(runtime.scheduled).toBe(0);
  });

  it('stops waiting where the peer closes, or sends something that is not a frame', () => {
    for (const end of ['closes', 'breaks'] as const) {
      const { runtime, far, ends } = close(false);
      if (end === 'closes') far.outbound.complete();
      else far.outbound.next(bytesOf('no frame'));
      expect(ends).toStrictEqual(['closed']);
      expect(runtime.scheduled).toBe(0);
    }
  });
});
