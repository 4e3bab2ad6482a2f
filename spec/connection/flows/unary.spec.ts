import { expect, test } from '@jest/globals';
import { EMPTY } from 'rxjs';
import { RemoteError, RefusedError } from '../../../lib/index.js';
import { anError, frames, gridTest } from '../../../lib/testing/index.js';
import { add } from './routes.js';

/*
 * Unary calls on the wire (protocol, section 6). In all diagrams one character is 1 ms; the line takes 3 ms a way.
 */

const latency = 3;

test('a request, and its response a round trip later', () =>
  gridTest(({ link, expectFrames, expectObservable }) => {
    const wire = link({ latency });
    wire.b.handle(add, (numbers) => numbers.reduce((sum, each) => sum + each, 0));
    expectFrames(wire).toBe('r--p', {
      r: frames
        .request(add, [1, 2])
        .from('a')
        .with({ muxId: 1, seq: 0, deadlineMs: 60_000, flags: ['Eof'] }),
      p: frames
        .response(add, 3)
        .from('b')
        .with({ muxId: 1, seq: 0, flags: ['Eof'] }),
    });
    expectObservable(wire.a.request(add, [1, 2])).toBe('------(s|)', { s: 3 });
  }));

test('both sides call each other: the same mux id names two muxes', () =>
  gridTest(({ link, expectFrames, expectObservable }) => {
    const wire = link({ latency });
    wire.a.handle(add, ([first = 0]) => first);
    wire.b.handle(add, ([first = 0]) => -first);
    expectFrames(wire, { from: 'a' }).toBe('r--p', {
      r: frames.request(add, [1]).with({ muxId: 1 }),
      p: frames.response(add, 2).with({ muxId: 1 }),
    });
    expectObservable(wire.a.request(add, [1])).toBe('------(s|)', { s: -1 });
    expectObservable(wire.b.request(add, [2])).toBe('------(s|)', { s: 2 });
  }));

test('a handler that takes a while', () =>
  gridTest(({ link, expectFrames, expectObservable }) => {
    const wire = link({ latency });
    wire.b.handle(add, async () => {
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      return 7;
    });
    expectFrames(wire).toBe('r 4002ms p', { r: frames.request(add), p: frames.response(add, 7) });
    expectObservable(wire.a.request(add, [])).toBe('4006ms (s|)', { s: 7 });
  }));

test('a handler that fails answers with a text', () =>
  gridTest(({ link, expectFrames, expectObservable }) => {
    const wire = link({ latency });
    wire.b.handle(add, () => {
      throw new TypeError('not numbers');
    });
    expectFrames(wire).toBe('r--p', {
      r: frames.request(add),
      p: frames.responseError('not numbers').with({ flags: ['Eof'] }),
    });
    expectObservable(wire.a.request(add, [])).toBe(
      '------#',
      undefined,
      anError(RemoteError, { message: 'not numbers' }),
    );
  }));

test('a handler that emits no item reports a distinct error', () =>
  gridTest(({ link, expectFrames }) => {
    const wire = link({ latency });
    wire.b.handle(add, () => EMPTY);
    expectFrames(wire).toBe('r--p', { r: frames.request(add), p: frames.responseError() });
    wire.a.request(add, []).subscribe({ error: () => undefined });
  }));

test('a route without a handler is refused', () =>
  gridTest(({ link, expectFrames, expectObservable }) => {
    const wire = link({ latency });
    expectFrames(wire).toBe('r--p', {
      r: frames.request(add),
      p: frames.refused(
        'No handler for id 1. Register one there with handle(…), and check that both sides declare the route with the same id.',
      ),
    });
    expectObservable(wire.a.request(add, [])).toBe('------#', undefined, anError(RefusedError));
  }));

test('calls of one turn travel in one message', () =>
  gridTest(async ({ link, advance }) => {
    const wire = link({ latency });
    wire.b.handle(add, ([first = 0]) => first);
    await advance('1s');
    const before = wire.cable.log.entries.length;
    for (const number of [1, 2, 3]) wire.a.request(add, [number]).subscribe();
    await advance('1s');
    const messages = wire.cable.log.entries.slice(before);
    expect(messages.map((entry) => entry.kind === 'message' && entry.from)).toStrictEqual(['a', 'b']);
  }));
