import { test } from '@jest/globals';
import { frames, gridTest } from '../../../lib/testing/index.js';
import { upload } from './routes.js';

/*
 * How the input of a stream ends while its output goes on (protocol, section 7). The line takes 20 ms a way.
 */

const latency = 20;

test('half-close: the input ends without a credit, the output goes on', () =>
  gridTest(({ link, expectFrames, expectObservable }) => {
    const wire = link({ latency });
    wire.b.handle(upload, async function* (_, call) {
      let bytes = 0;
      for await (const chunk of call.input) bytes += chunk.length;
      await new Promise((resolve) => setTimeout(resolve, 100));
      yield bytes;
    });
    expectFrames(wire, { from: 'a' }).toBe('o 39ms (ih)', {
      o: frames.open(upload).with({ seq: 0 }),
      i: frames.input(upload),
      // An Eof without a payload: the reference would drop one.
      h: frames.halfClose().with({ seq: 2 }),
    });
    expectObservable(wire.a.exchange(upload, undefined, [new Uint8Array(10)])).toBe('180ms (n|)', { n: 10 });
  }));
