import { test } from '@jest/globals';
import { Subject } from 'rxjs';
import { RemoteError } from '../../../lib/index.js';
import { anError, frames, fromCaller, gridTest, payload } from '../../../lib/testing/index.js';
import { add, count, upper } from './routes.js';

/*
 * What keeps the frames of a mux in order, and what is not in it (protocol, section 7).
 */

test('a handler that fails ends the stream with its text', () =>
  gridTest(({ link, expectFrames, expectObservable }) => {
    const wire = link({ latency: 20 });
    wire.b.handle(count, async function* () {
      yield 0;
      throw new Error('disk full');
    });
    expectFrames(wire).toBe('o 19ms (kafg) 14ms c', {
      o: frames.open(count),
      k: frames.ack(),
      a: frames.output(count, 0),
      f: frames.fail('disk full').with({ seq: 2, flags: ['Eof'] }),
      g: frames.gone(),
      // The item came in a message of its own, and so its credit was on its way before the end was there.
      c: frames.outputCredit(1),
    });
    expectObservable(wire.a.stream(count, 1)).toBe(
      '40ms (a#)',
      { a: 0 },
      anError(RemoteError, { message: 'disk full' }),
    );
  }));

test('a gap in the sequence ends the stream, and the responder reports it', () =>
  gridTest(async ({ link, expectFrames, expectObservable, advance }) => {
    const wire = link({ latency: 20 });
    wire.b.handle(upper, (_, call) => call.input);
    expectObservable(wire.a.exchange(upper, undefined, new Subject<string>())).toBe(
      '120ms #',
      undefined,
      anError(RemoteError, { message: 'receive sequence number mismatch. want 1, got 2' }),
    );
    await advance(80);
    expectFrames(wire).toBe('i 19ms (fg)', {
      i: frames.input(upper, 'x').with({ seq: 2 }),
      f: frames.fail(),
      g: frames.gone(),
    });
    // As though a had sent its second item first.
    wire.cable.inject('a', fromCaller.item(1, 2, payload('x')));
  }));

test('a duplicate of a message is a stray', () =>
  gridTest(async ({ link, faults, expectFrames, expectObservable, settle }) => {
    const wire = link({ latency: 5 });
    wire.b.handle(add, ([first = 0]) => first);
    await settle();
    faults.duplicate(wire, { from: 'b' });
    expectFrames(wire).toBe('r----p', { r: frames.request(add), p: frames.response(add) });
    expectObservable(wire.a.request(add, [1])).toBe('10ms (r|)', { r: 1 });
  }));

test('an op unknown to the protocol is ignored', () =>
  gridTest(async ({ link, expectObservable, settle }) => {
    const wire = link({ latency: 5 });
    wire.b.handle(add, ([first = 0]) => first);
    await settle();
    wire.cable.inject('a', { ...fromCaller.cancel(1), op: 77 });
    expectObservable(wire.a.request(add, [1])).toBe('10ms (r|)', { r: 1 });
  }));
