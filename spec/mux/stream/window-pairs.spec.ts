import { describe, expect, it } from '@jest/globals';
import { toleratedWindows } from '../../../lib/bounds.js';
import type { CreditWindow } from '../../../lib/limits.js';
import { EngineEnd, type StreamRecorder } from '../../support/protocol/engines.js';
import { ManualRuntime } from '../../support/manual-runtime.js';

/*
 * The two sides of a stream may have declared different windows. Whatever they are, a consumer that has run dry gets
 * the next item within one round trip and the credit's own wait, in both directions.
 */

const items = 500;
/** Ms that a message takes from one end to the other. */
const oneWay = 5;
const roundTrip = 2 * oneWay;
/** Credit waits so long at the most (`DelayedCredit`). */
const creditWait = 10;

const windows: Readonly<Record<string, CreditWindow>> = {
  'fixed 1': { initial: 1, max: 1 },
  'fixed 4': { initial: 4, max: 4 },
  'fixed 16': { initial: 16, max: 16 },
  'fixed 300': { initial: 300, max: 300 },
  'growing 1 to 8': { initial: 1, max: 8 },
  'growing 16 to 64': { initial: 16, max: 64 },
  'growing 16 to 16384': { initial: 16, max: 16_384 },
  'growing 64 to 128': { initial: 64, max: 128 },
  'of 200 bytes': { initial: 16, max: 16_384, maxBytes: 200 },
};

interface Linked {
  readonly runtime: ManualRuntime;
  readonly a: EngineEnd;
  readonly b: EngineEnd;
}

/** Two engines on a line that takes its time. */
function slowLine(extensions: boolean | 'no bytes'): Linked {
  const runtime = new ManualRuntime();
  const a = new EngineEnd({ runtime, extensions });
  const b = new EngineEnd({ runtime, extensions });
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.sink.onSend = () => {
      const messages = from.sink.take();
      runtime.schedule(() => {
        for (const message of messages) to.engine.receive(message);
      }, oneWay);
    };
  }
  return { runtime, a, b };
}

/**
 * Sends all items as the credit allows; the receiver releases each when it comes. The result: the longest time without
 * an item, in ms.
 */
function longestWait(
  { runtime }: Linked,
  sender: StreamRecorder<never>,
  receiver: () => StreamRecorder<never> | undefined,
): number {
  let sent = 0;
  const send = (): void => {
    while (sent < items && (sender.mux as { writable: boolean }).writable) sender.send(`item ${sent++}`);
  };
  sender.onWritable = send;
  send();
  // The first item waits for the opening, and no credit.
  let last = Infinity;
  let longest = 0;
  let received = 0;
  for (let ms = 0; ms < 60_000 && received < items; ms++) {
    runtime.advance(1);
    const into = receiver();
    if (into === undefined || into.received.length === received) continue;
    into.release(into.received.length - received);
    if (into.error !== undefined) throw into.error;
    received = into.received.length;
    longest = Math.max(longest, runtime.now() - last);
    last = runtime.now();
  }
  expect(receiver()?.received.length).toBe(items);
  return longest;
}

const names = Object.keys(windows);
const pairs = names.flatMap((caller) => names.map((responder) => [caller, responder] as const));

describe.each(pairs)('a caller with a window %s, a responder with one %s', (callerName, responderName) => {
  const caller = windows[callerName]!;
  const responder = windows[responderName]!;

  it('keeps its output flowing', () => {
    const linked = slowLine(true);
    const handlers = linked.b.serveStream(2, 0, responder);
    const into = linked.a.open(2, { outCapacity: caller });
    linked.runtime.advance(oneWay);
    const longest = longestWait(linked, handlers[0] as never, () => into as never);
    expect(longest).toBeLessThanOrEqual(roundTrip + creditWait);
    // Nobody has more than both declared.
    expect(handlers[0]!.mux.credit).toBeLessThanOrEqual(Math.min(caller.max, responder.max));
  });

  it('keeps its input flowing', () => {
    const linked = slowLine(true);
    const handlers = linked.b.serveStream(2, responder, 1);
    const from = linked.a.open(2, { inCapacity: caller.initial });
    const longest = longestWait(linked, from as never, () => handlers[0] as never);
    expect(longest).toBeLessThanOrEqual(roundTrip + creditWait);
  });
});

/**
 * Where nobody announces windows, the receiver follows what the sender shows to have: to three times what it declared.
 */
const followed = pairs.filter(
  ([from, to]) => windows[from]!.initial <= toleratedWindows * windows[to]!.initial && to !== 'of 200 bytes',
);

describe.each(followed)('between a reference peer and this side, a sender with %s, a receiver with %s', (from, to) => {
  const sender = windows[from]!;
  const receiver = windows[to]!;

  it('keeps the output flowing', () => {
    const linked = slowLine(false);
    const handlers = linked.b.serveStream(2, 0, sender);
    const into = linked.a.open(2, { outCapacity: receiver });
    linked.runtime.advance(oneWay);
    expect(longestWait(linked, handlers[0] as never, () => into as never)).toBeLessThanOrEqual(roundTrip + 1);
  });

  it('keeps the input flowing', () => {
    const linked = slowLine(false);
    const handlers = linked.b.serveStream(2, receiver, 1);
    const into = linked.a.open(2, { inCapacity: sender.initial });
    expect(longestWait(linked, into as never, () => handlers[0] as never)).toBeLessThanOrEqual(roundTrip + 1);
  });
});

/** A window that shrinks keeps credit back, which a sender with less than that needs. */
const unequal = [...followed, ...names.slice(0, 3).map((from) => [from, 'of 200 bytes'] as const)];

it.each(unequal)(
  'towards a host that announced credits and no windows, a sender with %s, a receiver with %s',
  (from, to) => {
    const linked = slowLine('no bytes');
    const handlers = linked.b.serveStream(2, 0, windows[from]!);
    const into = linked.a.open(2, { outCapacity: windows[to]! });
    linked.runtime.advance(oneWay);
    const longest = longestWait(linked, handlers[0] as never, () => into as never);
    expect(longest).toBeLessThanOrEqual(roundTrip + creditWait);
  },
);

it('refuses the item beyond the window, by name, where a peer uses a table with far larger capacities', () => {
  const linked = slowLine(false);
  const handlers = linked.b.serveStream(2, 0, { initial: 100, max: 100 });
  const into = linked.a.open(2, { outCapacity: { initial: 1, max: 1 } });
  linked.runtime.advance(oneWay);
  expect(() => longestWait(linked, handlers[0] as never, () => into as never)).toThrow('Declare the same outCapacity');
});
