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

describe('messages that arrive', () => {
  it('are taken at once', () => {
    const { inbound, log } = messagesOf();
    inbound.next(bytes(1));
    inbound.error(new Error('reset'));
    expect(log).toStrictEqual([1, 'reset']);
  });

  it('within a send are taken at the end of the turn, and what comes later is behind them', () => {
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

  it('while others that waited are taken go behind them', () => {
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

  it('are copied where they are lent and must wait', () => {
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

  it('are dropped once it is stopped', () => {
    const { inbound, log, runtime, withinSend } = messagesOf();
    withinSend(() => {
      inbound.next(bytes(1));
    });
    inbound.stop();
    runtime.turn();
    expect(log).toStrictEqual([]);
  });
});

it('the end of a socket within a send counts at once: what is sent from then on is lost', () => {
  const { inbound, log, withinSend } = messagesOf();
  withinSend(() => {
    inbound.error(new Error('reset'));
  });
  expect(log).toStrictEqual(['reset']);
});
