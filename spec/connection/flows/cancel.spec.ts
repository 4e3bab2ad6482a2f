import { test } from '@jest/globals';
import { frames, gridTest } from '../../../lib/testing/index.js';
import { add, count } from './routes.js';

/*
 * How a caller gives a call up (protocol, sections 6 and 7).
 */

test('cancelling a call sends a cancel, which stops the handler; no response follows', () =>
  gridTest(({ link, expectFrames, expectObservable, expectSubscriptions, cold }) => {
    const wire = link({ latency: 3 });
    const result = cold<number>('--------r|', { r: 1 });
    wire.b.handle(add, () => result);
    expectFrames(wire).toBe('r----c', {
      r: frames.request(add),
      c: frames.cancel().from('a').with({ muxId: 1, seq: 0 }),
    });
    expectObservable(wire.a.request(add, []), '^----!').toBe('------');
    // The request arrives after 3 ms, the cancel after 8.
    expectSubscriptions(result.subscriptions).toBe('---^----!');
  }));

test('cancel: unsubscribing stops the handler at the other side', () =>
  gridTest(({ link, expectFrames, expectObservable, expectSubscriptions, cold }) => {
    const wire = link({ latency: 20 });
    const endless = cold<number>('-', {});
    wire.b.handle(count, () => endless);
    expectFrames(wire).toBe('o 19ms k 29ms c 19ms g', {
      o: frames.open(count),
      k: frames.ack(),
      c: frames.cancel().from('a'),
      // The answer, which the caller ignores: its mux is gone.
      g: frames.gone().from('b'),
    });
    expectObservable(wire.a.stream(count, 0), '^ 49ms !').toBe('-');
    expectSubscriptions(endless.subscriptions).toBe('20ms ^ 49ms !');
  }));
