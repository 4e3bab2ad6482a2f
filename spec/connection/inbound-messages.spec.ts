import { describe, expect, it } from '@jest/globals';
import { InboundMessages } from '../../lib/connection/inbound-messages.js';
import { lend } from '../../lib/lent.js';
import { ManualRuntime } from '../support/manual-runtime.js';

const bytes = (value: number): Uint8Array => Uint8Array.of(value);

function messagesOf(take: (value: number, inbound: InboundMessages) => void = () => undefined) {
  const runtime = new ManualRuntime();
  const log: (number | string)[] = [];
  const inbound: InboundMessages = new InboundMessages(runtime, {
    message: ([value]) => {
      log.push(value!);
      take(value!, inbound);
    },
    ended: ({ message }) => log.push(message),
  });
  const withinSend = (task: () => void): void => {
    inbound.beginSend();
    task();
    inbound.endSend();
  };
  return { runtime, log, inbound, withinSend };
}

describe('inbound messages', () => {
  it('are delivered at once', () => {
    const { inbound, log } = messagesOf();
    inbound.next(bytes(1));
    inbound.error(new Error('reset'));
    expect(log).toStrictEqual([1, 'reset']);
  });

  it('within a send are delivered at the end of the turn, before later ones', () => {
    const { inbound, log, runtime, withinSend } = messagesOf();
    withinSend(() => {
      withinSend(() => undefined);
      inbound.next(bytes(1));
    });
    inbound.next(bytes(2));
    inbound.complete();
    expect(log).toStrictEqual([]);
    runtime.turn();
    expect(log).toStrictEqual([1, 2, 'The other side closed the connection.']);
    inbound.next(bytes(3));
    expect(log).toHaveLength(4);
  });

  it('queue behind earlier ones that are being delivered', () => {
    const { inbound, log, runtime, withinSend } = messagesOf((value, { next }) => {
      if (value === 1) next.call(inbound, bytes(3));
    });
    withinSend(() => {
      inbound.next(bytes(1));
      inbound.next(bytes(2));
    });
    runtime.turn();
    expect(log).toStrictEqual([1, 2, 3]);
  });

  it('are copied where their memory is lent and they are queued', () => {
    const { inbound, log, runtime, withinSend } = messagesOf();
    const memory = bytes(1);
    lend(memory, (message) => {
      withinSend(() => {
        inbound.next(message);
      });
    });
    memory[0] = 9;
    runtime.turn();
    expect(log).toStrictEqual([1]);
  });

  it('are dropped after a stop', () => {
    const { inbound, log, runtime, withinSend } = messagesOf();
    withinSend(() => {
      inbound.next(bytes(1));
    });
    inbound.stop();
    runtime.turn();
    expect(log).toStrictEqual([]);
  });
});

it('the end of a socket within a send counts at once: later sends are lost', () => {
  const { inbound, log, withinSend } = messagesOf();
  withinSend(() => {
    inbound.error(new Error('reset'));
  });
  expect(log).toStrictEqual(['reset']);
});
