import type { SeededRandom } from '../../lib/testing/index.js';
import { forms, takers, windows, type Form, type Script, type Taker, type WindowName } from './routes.js';
import { callerThrows, handlerThrows, type CallerThrow } from './throws.js';

/** One call, as data. */
export interface Operation {
  readonly from: string;
  readonly to: string;
  readonly route: 'ask' | 'askByName' | 'serve' | 'relay' | 'talk' | 'echo' | 'open';
  /** Window of the handler's contract, and of the caller's: the two sides need not have declared the same. */
  readonly window: WindowName;
  readonly callerWindow?: WindowName;
  readonly script: Script;
  readonly taker: Taker;
  /** Virtual ms that the caller needs for an item. */
  readonly takes: number;
  /** Virtual ms before the caller begins to take the output of an open stream. */
  readonly late: number;
  /** Items of the input, how they come, and virtual ms before each. */
  readonly input: { readonly items: number; readonly form: Form; readonly pace: number };
  /** In ms; 0: none of its own. */
  readonly timeout: number;
  /** The caller stops after so many items; 0: it does not. */
  readonly stopAfter: number;
  /** The caller unsubscribes, or aborts its signal, after so many ms; 0: it does not. */
  readonly unsubscribeAt: number;
  readonly abortAt: number;
  readonly waitForConnect: boolean | number | undefined;
  /** So many of these calls are made at once, with ids from that of the script on. Default: one. */
  readonly burst?: number;
  /** What of the caller's code throws, and at which item where an operator or an observer does. */
  readonly throws?: CallerThrow;
  readonly throwAt?: number;
}

/** Whether calls of this route have an input that their handler consumes, and that does not become the output. */
export function takesInput(route: Operation['route']): boolean {
  return route === 'talk' || route === 'open';
}

/** More items than any call gets in its time. */
export const endless = 1_000_000;

/** The share of calls whose handler throws, and of those whose caller does. */
const throwing = 0.12;

/** The share of calls with metadata. */
const metaShare = 0.3;

/** Draws a call. */
export function drawOperation(random: SeededRandom, hosts: readonly string[], id: number): Operation {
  const from = random.pick(hosts);
  // A host calls itself too, in memory.
  const to = random.chance(0.03) ? from : random.pick(hosts.filter((host) => host !== from || hosts.length === 1));
  const route = random.pick(['ask', 'ask', 'askByName', 'serve', 'serve', 'talk', 'echo', 'open', 'relay'] as const);
  const stops = random.chance(0.25);
  const stop = stops ? random.pick(['after', 'unsubscribe', 'abort'] as const) : undefined;
  const isUnary = route === 'ask' || route === 'askByName';
  // On a slow line these fill the socket, and what follows waits in the send queue.
  const large = !isUnary && random.chance(0.12);
  const isEndless = !isUnary && !large && stop !== undefined && random.chance(0.3);
  // What gives an endless output must be paced, or it would fill the time with items.
  const pace = isEndless ? 20 + random.below(100) : random.pick([0, 0, 1, 10, 60]);
  const timeout = random.chance(0.35) ? random.pick([3, 50, 500, 2_000, 8_000]) : 0;
  const form = random.pick(forms);
  // A unary handler that never answers has more than 20; its caller must not wait for a minute.
  const mayHang = stop === 'unsubscribe' || timeout > 0;
  const drawWindow = (): WindowName =>
    large && random.chance(0.7) ? random.pick(['growing', 'bounded']) : random.pick(windows);
  const window = drawWindow();
  const callerWindow = drawWindow();
  // On a slow line a few of these take their time.
  const isSlow = large && [window, callerWindow].includes('bounded');
  const hangs = isUnary && mayHang && random.chance(0.3);
  const most = isUnary && !mayHang ? 5 : 6;
  const items = isEndless ? endless : isSlow ? 8 : large || hangs ? 40 : [0, 1, 2, 5, 12, 40][random.below(most)]!;
  const inputItems = large ? (isSlow ? 8 : 30) : random.pick([0, 1, 3, 8, 30]);
  const script: Script = {
    id,
    form: hangs ? random.pick(['generator', 'observable']) : form,
    items,
    pace: isUnary ? random.pick([0, 0, 5, 100, 2_000]) : pace,
    size: large ? 20_000 + random.below(40_000) : random.chance(0.08) ? 0 : 8 + random.below(60),
    // An array is there before anything can fail.
    failAt: !hangs && random.chance(0.1) && (isUnary || form !== 'value') ? random.below(Math.min(items, 6) + 1) : -1,
    taker: random.pick(takers),
    takes: random.pick([0, 0, 2, 15]),
    late: random.pick([0, 0, 0, 70]),
    via: random.pick(hosts.filter((host) => host !== to || hosts.length === 1)),
  };
  const meta = random.chance(metaShare) ? { meta: `meta of ${id}` } : {};
  // Some before the call has left this host.
  const giveUpAt = 1 + random.below(random.pick([15, 1_500, 1_500]));
  const ofHandler = random.chance(throwing) ? { throws: random.pick(handlerThrows), throwAt: random.below(6) } : {};
  const ofCaller = random.chance(throwing) ? { throws: random.pick(callerThrows), throwAt: random.below(6) } : {};
  return {
    from,
    to,
    route,
    window,
    callerWindow,
    script: { ...script, ...ofHandler, ...meta },
    taker: random.pick(takers),
    takes: random.pick([0, 0, 1, 20]),
    late: route === 'open' ? random.pick([0, 0, 90]) : 0,
    input: { items: inputItems, form: random.pick(forms), pace: random.pick([0, 0, 3, 30]) },
    timeout,
    stopAfter: stop === 'after' ? 1 + random.below(6) : 0,
    unsubscribeAt: stop === 'unsubscribe' || isEndless ? giveUpAt : 0,
    abortAt: stop === 'abort' ? giveUpAt : 0,
    waitForConnect: random.pick([undefined, undefined, undefined, true, false, 700]),
    ...ofCaller,
  };
}

/** Items of a stream that is to show how fast one may be. */
export const bulkItems = 800;

/** The same call as a stream of many items, which nothing holds up but the line. */
export function bulkOf({ from, to, script: { id, via } }: Operation): Operation {
  return {
    from,
    to,
    route: 'serve',
    window: 'growing',
    callerWindow: 'growing',
    script: {
      id,
      via,
      form: 'iterable',
      items: bulkItems,
      pace: 0,
      size: 20,
      failAt: -1,
      taker: 'subscribe',
      takes: 0,
      late: 0,
    },
    taker: 'subscribe',
    takes: 0,
    late: 0,
    input: { items: 0, form: 'value', pace: 0 },
    timeout: 0,
    stopAfter: 0,
    unsubscribeAt: 0,
    abortAt: 0,
    waitForConnect: undefined,
  };
}
