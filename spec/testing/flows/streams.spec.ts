import { expect, test } from '@jest/globals';
import { concatMap, delay, of, Subject, toArray } from 'rxjs';
import { consume, RemoteError } from '../../../lib/index.js';
import {
  ack,
  anError,
  cancel,
  end,
  fail,
  fromCaller,
  gone,
  gridTest,
  halfClose,
  input,
  inputCredit,
  open,
  output,
  outputCredit,
  payload,
} from '../../../lib/testing/index.js';
import { count, upper, upload } from './routes.js';

/*
 * Streams on the wire (protocol, section 7). One character is 1 ms; the line takes 20 ms a way, because a group of frames
 * at one time takes room in a diagram.
 */

const latency = 20;

/** Gives 0, 1, 2, … */
function* numbers(count: number): Generator<number> {
  for (let number = 0; number < count; number++) yield number;
}

test('output: as many items as the window, then one for each credit', () =>
  gridTest(({ link, expectFrames, expectObservable }) => {
    const wire = link({ latency });
    wire.b.handle(count, numbers);
    expectFrames(wire).toBe('o 19ms (kab) 15ms c 19ms (deg)', {
      o: open(count, 3)
        .from('a')
        .with({ muxId: 1, seq: 0, flags: ['Eof'] }),
      k: ack().from('b').with({ seq: 0 }),
      a: output(count, 0).from('b').with({ seq: 1 }),
      b: output(count, 1).from('b').with({ seq: 2 }),
      c: outputCredit(2).from('a').with({ seq: 1 }),
      d: output(count, 2).from('b').with({ seq: 3 }),
      // The end takes a credit, as an item does; here one is left for it.
      e: end().from('b').with({ seq: 4 }),
      g: gone().from('b'),
    });
    expectObservable(wire.a.stream(count, 3)).toBe('40ms (ab) 36ms (c|)', { a: 0, b: 1, c: 2 });
  }));

test('a consumer that is slow holds the producer back', () =>
  gridTest(async ({ link, advance }) => {
    const wire = link({ latency });
    let produced = 0;
    wire.b.handle(count, function* (until) {
      while (produced < until) yield produced++;
    });
    const saved: number[] = [];
    wire.a
      .stream(count, 100)
      .pipe(consume((number: number) => of(number).pipe(delay(1_000))))
      .subscribe((number) => saved.push(number));
    await advance('5s');
    // The first arrives after 40 ms, and each takes a second.
    expect(saved).toEqual([0, 1, 2, 3]);
    // At most the window of 2 and one more.
    expect(produced - saved.length).toBeLessThanOrEqual(3);
  }));

test('behind an asynchronous operator the window is no bound, and it is said so', () =>
  gridTest(async ({ link, advance }) => {
    const wire = link({ latency });
    const events: string[] = [];
    wire.a.events$.subscribe(({ type }) => events.push(type));
    wire.b.handle(count, numbers);
    wire.a
      .stream(count, 10)
      .pipe(
        concatMap((number) => of(number).pipe(delay(10))),
        consume((number: number) => of(number)),
      )
      .subscribe();
    await advance('5s');
    expect(events).toEqual(['backpressure-lost']);
  }));

test('a handler that fails ends the stream with its text', () =>
  gridTest(({ link, expectFrames, expectObservable }) => {
    const wire = link({ latency });
    wire.b.handle(count, async function* () {
      yield 0;
      throw new Error('disk full');
    });
    expectFrames(wire).toBe('o 19ms (kafg) 14ms c', {
      o: open(count),
      k: ack(),
      a: output(count, 0),
      f: fail('disk full').with({ seq: 2, flags: ['Eof'] }),
      g: gone(),
      // The item came in a message of its own, and so its credit was on its way before the end was there.
      c: outputCredit(1),
    });
    expectObservable(wire.a.stream(count, 1)).toBe(
      '40ms (a#)',
      { a: 0 },
      anError(RemoteError, { message: 'disk full' }),
    );
  }));

test('cancel: unsubscribing stops the handler at the other side', () =>
  gridTest(({ link, expectFrames, expectObservable, expectSubscriptions, cold }) => {
    const wire = link({ latency });
    const endless = cold<number>('-', {});
    wire.b.handle(count, () => endless);
    expectFrames(wire).toBe('o 19ms k 29ms c 19ms g', {
      o: open(count),
      k: ack(),
      c: cancel().from('a'),
      // The answer, which the caller ignores: its mux is gone.
      g: gone().from('b'),
    });
    expectObservable(wire.a.stream(count, 0), '^ 49ms !').toBe('-');
    expectSubscriptions(endless.subscriptions).toBe('20ms ^ 49ms !');
  }));

test('input: credit comes with the ack, and returns when the handler is done with an item', () =>
  gridTest(({ link, expectFrames, expectObservable, cold }) => {
    const wire = link({ latency });
    wire.b.handle(upper, async function* (_, call) {
      for await (const text of call.input) yield text.toUpperCase();
    });
    expectFrames(wire).toBe('o 19ms k 29ms i 19ms (pc) 16ms r---------h 19ms (eg)', {
      o: open(upper).from('a'),
      k: ack().from('b'),
      i: input(upper, 'x').from('a').with({ seq: 1 }),
      p: output(upper, 'X').from('b'),
      c: inputCredit(1).from('b'),
      r: outputCredit(1).from('a'),
      h: halfClose().from('a'),
      e: end().from('b'),
      g: gone().from('b'),
    });
    expectObservable(wire.a.exchange(upper, undefined, cold('50ms x 49ms |'))).toBe('90ms X 49ms |');
  }));

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
      o: open(upload).with({ seq: 0 }),
      i: input(upload),
      // An Eof without a payload: the reference would drop one.
      h: halfClose().with({ seq: 2 }),
    });
    expectObservable(wire.a.exchange(upload, undefined, [new Uint8Array(10)])).toBe('180ms (n|)', { n: 10 });
  }));

test('a gap in the sequence ends the stream: the responder says so', () =>
  gridTest(async ({ link, expectFrames, expectObservable, advance }) => {
    const wire = link({ latency });
    wire.b.handle(upper, (_, call) => call.input);
    expectObservable(wire.a.exchange(upper, undefined, new Subject<string>())).toBe(
      '120ms #',
      undefined,
      anError(RemoteError, { message: 'receive sequence number mismatch. want 1, got 2' }),
    );
    await advance(80);
    expectFrames(wire).toBe('i 19ms (fg)', { i: input(upper, 'x').with({ seq: 2 }), f: fail(), g: gone() });
    // As though a had sent its second item first.
    wire.cable.inject('a', fromCaller.item(1, 2, payload('x')));
  }));

test('towards a peer without extensions a credit is one item, and the ack says nothing', () =>
  gridTest(async ({ link, expectObservable, advance }) => {
    const wire = link({ latency, extensions: false });
    wire.b.handle(count, numbers);
    expectObservable(wire.a.stream(count, 4).pipe(toArray())).toBe('120ms (n|)', { n: [0, 1, 2, 3] });
    await advance('1s');
  }));
