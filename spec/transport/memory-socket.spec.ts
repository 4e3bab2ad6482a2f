import { describe, expect, it } from '@jest/globals';
import { linkedSockets } from '../../lib/transport/memory-socket.js';
import type { Socket } from '../../lib/transport/socket.js';
import { bytesOf } from '../support/protocol/frames.js';

describe('linkedSockets', () => {
  const listen = (socket: Socket): string[] => {
    const received: string[] = [];
    socket.inbound.subscribe({
      next: (message) => received.push(Buffer.from(message).toString()),
      error: (error: unknown) => received.push(`error ${String(error)}`),
      complete: () => received.push('complete'),
    });
    return received;
  };

  it('carries messages both ways, within the call, with fragments joined', () => {
    const [left, right] = linkedSockets();
    const received = [listen(left), listen(right)];
    left.outbound.next([bytesOf('a'), bytesOf('b')]);
    right.outbound.next(bytesOf('c'));
    expect(received).toStrictEqual([['c'], ['ab']]);
  });

  it('yields to the event loop now and then, and keeps the order', () => {
    const yielded: (() => void)[] = [];
    const [left, right] = linkedSockets((task) => yielded.push(task));
    const received = listen(right);
    const sent = Array.from({ length: 300 }, (_, index) => String(index));
    for (const text of sent) left.outbound.next(bytesOf(text));
    expect([received.length, yielded.length]).toStrictEqual([128, 1]);
    yielded[0]!();
    left.outbound.next(bytesOf('more'));
    expect(received).toStrictEqual([...sent, 'more']);
  });

  it('keeps the order where a queued message triggers further ones', () => {
    const yielded: (() => void)[] = [];
    const [left, right] = linkedSockets((task) => yielded.push(task));
    const received = listen(right);
    let sent = 0;
    const send = (): void => {
      left.outbound.next(bytesOf(String(sent++)));
    };
    right.inbound.subscribe(() => {
      // Two more for each that arrives, as where both ends answer each other.
      for (let count = 0; count < 2 && sent < 500; count++) send();
    });
    for (let count = 0; count < 140; count++) send();
    while (yielded.length > 0) yielded.shift()!();
    expect(received).toStrictEqual(Array.from({ length: sent }, (_, index) => String(index)));
  });

  it('delivers queued messages before it closes', () => {
    const [left, right] = linkedSockets(() => undefined);
    const received = listen(right);
    const sent = Array.from({ length: 130 }, (_, index) => String(index));
    for (const text of sent) left.outbound.next(bytesOf(text));
    left.outbound.complete();
    expect(received).toStrictEqual([...sent, 'complete']);
  });

  it('closes both ends, and drops later messages', () => {
    const [left, right] = linkedSockets();
    const received = [listen(left), listen(right)];
    left.outbound.complete();
    left.outbound.next(bytesOf('late'));
    right.outbound.next(bytesOf('late'));
    right.outbound.error('late');
    expect(received).toStrictEqual([['complete'], ['complete']]);
  });

  it('breaks both ends, and the other one receives the reason', () => {
    const [left, right] = linkedSockets();
    const received = [listen(left), listen(right)];
    right.outbound.error('cut');
    left.outbound.next(bytesOf('late'));
    expect(received).toStrictEqual([['error cut'], ['complete']]);
  });
});
