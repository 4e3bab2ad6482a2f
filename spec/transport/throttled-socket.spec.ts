import { describe, expect, it } from '@jest/globals';
import { linkedSockets } from '../../lib/transport/memory-socket.js';
import { ThrottledSocket } from '../../lib/transport/throttled-socket.js';
import { ManualRuntime } from '../support/manual-runtime.js';

function throttled() {
  const runtime = new ManualRuntime();
  const [near, far] = linkedSockets();
  const calls: string[] = [];
  const socket = new ThrottledSocket(
    { ...near, pause: () => calls.push('pause'), resume: () => calls.push('resume') },
    1_000,
    runtime,
  );
  const received: number[] = [];
  const reading = socket.inbound.subscribe(({ length }) => received.push(length));
  return { runtime, socket, far, calls, received, reading };
}

describe('a socket that is read at 1 000 bytes/s', () => {
  it('takes a second’s worth of bytes at once after a silence, pauses beyond that, and loses nothing', () => {
    const { runtime, far, calls, received } = throttled();
    runtime.advance(10_000);
    far.outbound.next(new Uint8Array(1_000));
    expect(calls).toStrictEqual([]);
    far.outbound.next(new Uint8Array(500));
    expect([calls, received]).toStrictEqual([['pause'], [1_000, 500]]);
    runtime.advance(499);
    expect(calls).toStrictEqual(['pause']);
    runtime.advance(1);
    expect(calls).toStrictEqual(['pause', 'resume']);
  });

  it('pauses at most a second at a time, whatever was read ahead: pings must be read', () => {
    const { runtime, far, calls } = throttled();
    far.outbound.next(new Uint8Array(100_000));
    runtime.advance(1_000);
    expect(calls).toStrictEqual(['pause', 'resume']);
    far.outbound.next(new Uint8Array(1));
    expect(calls).toStrictEqual(['pause', 'resume', 'pause']);
  });

  it('stays paused where its user paused it, and resumes for both', () => {
    const { runtime, socket, far, calls } = throttled();
    far.outbound.next(new Uint8Array(1_500));
    socket.pause();
    runtime.advance(5_000);
    expect(calls).not.toContain('resume');
    socket.resume();
    expect(calls.at(-1)).toBe('resume');
  });

  it('leaves no timer when it is abandoned', () => {
    const { runtime, far, reading } = throttled();
    far.outbound.next(new Uint8Array(5_000));
    expect(runtime.scheduled).toBe(1);
    reading.unsubscribe();
    expect(runtime.scheduled).toBe(0);
  });
});
