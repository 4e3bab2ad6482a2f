import { expect, test } from '@jest/globals';
import { concatMap, delay, of, toArray } from 'rxjs';
import { consume, duplex, type } from '../../../lib/index.js';
import { frames, gridTest } from '../../../lib/testing/index.js';
import { count, upper } from './routes.js';

/*
 * How a receiver says what it can take (protocol, section 7). One character is 1 ms; the line takes 20 ms a way,
 * because a group of frames at one time takes room in a diagram.
 */

const latency = 20;

/** Gives 0, 1, 2, … */
function* numbers(count: number): Generator<number> {
  for (let number = 0; number < count; number++) yield number;
}

test('output: as many items as the window, then one per credit', () =>
  gridTest(({ link, expectFrames, expectObservable }) => {
    const wire = link({ latency });
    wire.b.handle(count, numbers);
    expectFrames(wire).toBe('o 19ms (kab) 15ms c 19ms (deg)', {
      o: frames
        .open(count, 3)
        .from('a')
        .with({ muxId: 1, seq: 0, flags: ['Eof'] }),
      k: frames.ack().from('b').with({ seq: 0 }),
      a: frames.output(count, 0).from('b').with({ seq: 1 }),
      b: frames.output(count, 1).from('b').with({ seq: 2 }),
      c: frames.outputCredit(2).from('a').with({ seq: 1 }),
      d: frames.output(count, 2).from('b').with({ seq: 3 }),
      // The end takes a credit, as an item does; here one is left for it.
      e: frames.end().from('b').with({ seq: 4 }),
      g: frames.gone().from('b'),
    });
    expectObservable(wire.a.stream(count, 3)).toBe('40ms (ab) 36ms (c|)', { a: 0, b: 1, c: 2 });
  }));

test('a slow consumer holds the producer back', () =>
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
    expect(saved).toStrictEqual([0, 1, 2, 3]);
    // At most the window of 2 and one more.
    expect(produced - saved.length).toBeLessThanOrEqual(3);
  }));

test('behind an asynchronous operator the window is no bound, and a warning says so', () =>
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
    expect(events).toStrictEqual(['backpressure-lost']);
  }));

test('input: credit arrives with the ack, and is returned when the handler has processed an item', () =>
  gridTest(({ link, expectFrames, expectObservable, cold }) => {
    const wire = link({ latency });
    wire.b.handle(upper, async function* (_, call) {
      for await (const text of call.input) yield text.toUpperCase();
    });
    expectFrames(wire).toBe('o 19ms k 29ms i 19ms (pc) 16ms r---------h 19ms (eg)', {
      o: frames.open(upper).from('a'),
      k: frames.ack().from('b'),
      i: frames.input(upper, 'x').from('a').with({ seq: 1 }),
      p: frames.output(upper, 'X').from('b'),
      c: frames.inputCredit(1).from('b'),
      r: frames.outputCredit(1).from('a'),
      h: frames.halfClose().from('a'),
      e: frames.end().from('b'),
      g: frames.gone().from('b'),
    });
    expectObservable(wire.a.exchange(upper, undefined, cold('50ms x 49ms |'))).toBe('90ms X 49ms |');
  }));

test('towards a peer without extensions a credit is one item, and the ack has no payload', () =>
  gridTest(async ({ link, expectObservable, advance }) => {
    const wire = link({ latency, extensions: false });
    wire.b.handle(count, numbers);
    expectObservable(wire.a.stream(count, 4).pipe(toArray())).toBe('120ms (n|)', { n: [0, 1, 2, 3] });
    await advance('1s');
  }));

test('a consumer that keeps up gets more: the window grows, and one frame returns many credits', () =>
  gridTest(({ link, expectFrames, expectObservable }) => {
    const wire = link({ latency });
    const fast = duplex({ id: 5, name: 'fast', output: type<number>(), outCapacity: { initial: 2, max: 8 } });
    wire.b.handle(fast, () => numbers(12));
    expectFrames(wire, { from: 'a' }).toBe('o 39ms c 39ms d', {
      o: frames.open(fast),
      // Both items are done with, and the window is 4 now: four may be on their way.
      c: frames.outputCredit(4),
      d: frames.outputCredit(8),
    });
    expectObservable(wire.a.stream(fast, undefined).pipe(toArray())).toBe('120ms (n|)', { n: [...numbers(12)] });
  }));
