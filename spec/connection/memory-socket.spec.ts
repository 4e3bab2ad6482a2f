import { describe, expect, it } from '@jest/globals';
import { linkedSockets } from '../../lib/connection/memory-socket.js';
import type { Socket } from '../../lib/connection/socket.js';
import { bytesOf } from '../support/frames.js';

describe('linkedSockets', () => {
  const listen = (socket: Socket): string[] => {
    const heard: string[] = [];
    socket.inbound.subscribe({
      next: (message) => heard.push(Buffer.from(message).toString()),
      error: (error: unknown) => heard.push(`error ${String(error)}`),
      complete: () => heard.push('complete'),
    });
    return heard;
  };

  it('carries messages both ways, in the call, fragments joined', () => {
    const [left, right] = linkedSockets();
    const heard = [listen(left), listen(right)];
    left.outbound.next([bytesOf('a'), bytesOf('b')]);
    right.outbound.next(bytesOf('c'));
    expect(heard).toStrictEqual([['c'], ['ab']]);
  });

  it('closes both ends, and drops what comes later', () => {
    const [left, right] = linkedSockets();
    const heard = [listen(left), listen(right)];
    left.outbound.complete();
    left.outbound.next(bytesOf('late'));
    right.outbound.next(bytesOf('late'));
    right.outbound.error('late');
    expect(heard).toStrictEqual([['complete'], ['complete']]);
  });

  it('breaks both ends: the other one hears why', () => {
    const [left, right] = linkedSockets();
    const heard = [listen(left), listen(right)];
    right.outbound.error('cut');
    left.outbound.next(bytesOf('late'));
    expect(heard).toStrictEqual([['error cut'], ['complete']]);
  });
});
