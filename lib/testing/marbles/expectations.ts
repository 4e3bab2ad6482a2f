/**
 * What a test expects, stated before time passes and checked afterwards: of Observables, of subscriptions, of frames on
 * a wire.
 */

import type { Observable, Subscription } from 'rxjs';
import { checkOption, withMethods } from '../../check.js';
import { align, GridAssertionError } from './assertion.js';
import { compare, report } from './difference.js';
import { callSite } from './call-site.js';
import { checkHostName } from '../name-check.js';
import type { Cable } from '../network/cable.js';
import type { FrameMatcher } from '../frames/frame-matchers.js';
import { inspect } from './inspect.js';
import {
  draw,
  lengthOf,
  parseMarbles,
  parseSubscription,
  timeText,
  type MarbleValues,
  type SubscriptionTimes,
  type Timed,
  undrawable,
} from './marbles.js';
import type { RouteBook } from '../frames/route-book.js';
import { readWire, transcript, wireText, type WireEvent, type WireFrame } from '../frames/transcript.js';
import type { VirtualClock } from '../time/virtual-clock.js';

/** Lines of a transcript in a failure message. */
const transcriptLines = 40;

const aCable = withMethods("a link, or a cable such as grid.cable('a', 'b')", 'inject');
const frameMatcher = withMethods('a matcher of frames, such as frames.request(route)', 'matches', 'teach');

interface Expectation {
  /** When everything that is expected has happened, in ms of the clock. */
  until: number;
  /** Undefined until `toBe` was called. */
  check: (() => void) | undefined;
  /** The line of the test that expects it. */
  site: () => readonly string[];
}

/** The function that the test called, whose caller is the line of the test. */
type Callee = (...args: never[]) => unknown;

/** Options of {@link Expectations.frames}. */
export interface FramesOptions {
  /** True: also the connection's own frames: handshake, pings. Default false. */
  readonly control?: boolean;
  /** Only what this end sends. */
  readonly from?: string;
}

/** What `expectObservable` gives. */
export interface ObservableExpectation<T> {
  /** Expects these marbles, at these times. */
  toBe(marbles: string, values?: MarbleValues, error?: unknown): void;
  /** Expects what the other Observable emits, at the same times. */
  toEqual(other: Observable<T>): void;
}

/** What `expectSubscriptions` gives. */
export interface SubscriptionsExpectation {
  /** Expects these subscriptions, such as `^--!`. */
  toBe(marbles: string | readonly string[]): void;
}

/** What `expectFrames` gives: `|` is a polite close of the WebSocket, `#` a break. */
export interface FramesExpectation {
  /** Expects these frames, at these times. */
  toBe(marbles: string, matchers?: MarbleValues<FrameMatcher>): void;
}

/** Collects and checks the expectations of one test. Each diagram begins at the time at which it is passed. */
export class Expectations {
  readonly #clock: VirtualClock;
  #pending: Expectation[] = [];

  /** @internal Made by `gridTest`. */
  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  /** When everything that is expected has happened, in ms of the clock. */
  get until(): number {
    return this.#pending.reduce((latest, { until }) => Math.max(latest, until), this.#clock.elapsed);
  }

  /**
   * Expects notifications of an Observable. It is subscribed to at `^` of `subscription`, by default now, and
   * unsubscribed from at `!`.
   */
  observable<T>(source: Observable<T>, subscription?: string, callee?: Callee): ObservableExpectation<T> {
    const expectation = this.#add(callee);
    const origin = this.#clock.elapsed;
    const actual = this.#record(source, subscription, expectation);
    const toBe: ObservableExpectation<T>['toBe'] = (marbles, values, error) => {
      const expected = parseMarbles(marbles, values, error);
      expectation.until = Math.max(expectation.until, origin + lengthOf(marbles));
      expectation.site = callSite(toBe);
      expectation.check = () => {
        compare('expectObservable', actual, expected, values);
      };
    };
    const toEqual: ObservableExpectation<T>['toEqual'] = (other) => {
      const expected = this.#record(other, subscription, expectation);
      expectation.site = callSite(toEqual);
      expectation.check = () => {
        compare('expectObservable', actual, expected, undefined);
      };
    };
    return { toBe, toEqual };
  }

  /** When a drawn Observable was subscribed to. */
  subscriptions(actual: readonly SubscriptionTimes[], callee?: Callee): SubscriptionsExpectation {
    const expectation = this.#add(callee);
    const origin = this.#clock.elapsed;
    const toBe: SubscriptionsExpectation['toBe'] = (marbles) => {
      expectation.site = callSite(toBe);
      const expected = (typeof marbles === 'string' ? [marbles] : marbles).map(parseSubscription);
      for (const { subscribedFrame, unsubscribedFrame } of expected) {
        const last = unsubscribedFrame === Infinity ? subscribedFrame : unsubscribedFrame;
        expectation.until = Math.max(expectation.until, origin + last);
      }
      expectation.check = () => {
        const [found, wanted] = [actual.map(subscriptionText), expected.map(subscriptionText)];
        report('expectSubscriptions', align(found, wanted, Object.is), found, wanted, []);
      };
    };
    return { toBe };
  }

  /** What goes over a cable. `|` is a polite close, `#` a break, of the WebSocket. */
  frames(
    cable: Cable,
    book: RouteBook,
    { control = false, from }: FramesOptions = {},
    callee?: Callee,
  ): FramesExpectation {
    checkOption('expectFrames: the wire', cable, aCable);
    if (from !== undefined) checkHostName(from, cable.ends, cable.ends.join(' ⇄ '));
    const expectation = this.#add(callee);
    const origin = this.#clock.now();
    const end = this.#clock.elapsed;
    const toBe: FramesExpectation['toBe'] = (marbles, matchers = {}) => {
      expectation.site = callSite(toBe);
      const expected = parseMarbles(marbles, matchers, undefined, 'matcher').map((timed) => wanted(timed, matchers));
      for (const [letter, matcher] of Object.entries(matchers)) {
        checkOption(`expectFrames: the matcher ${letter}`, matcher, frameMatcher);
        matcher.teach(book);
      }
      expectation.until = end + lengthOf(marbles);
      expectation.check = () => {
        const [oldest] = cable.log.entries;
        if (cable.log.dropped > 0 && (oldest === undefined || oldest.at >= origin)) {
          throw new Error(`The log of ${cable.ends.join(' ⇄ ')} no longer holds what is expected. Raise history.`);
        }
        const actual = readWire(cable, book, origin).filter((each) =>
          'frame' in each
            ? (control || each.frame.muxId !== 0) && (from === undefined || each.from === from)
            : each.what === 'closed' || each.what === 'broken',
        );
        const same = (found: WireFrame | WireEvent, want: WantedFrame): boolean =>
          found.at - origin === want.frame && want.fits(found, book);
        const diff = align(actual, expected, same);
        const text = (each: WireFrame | WireEvent): string =>
          `${timeText(each.at - origin)}  ${'frame' in each ? wireText(each) : each.text}`;
        const marks = actual.map((each) => ({
          frame: each.at - origin,
          mark: expected.find((want) => want.fits(each, book))?.mark ?? '?',
        }));
        report(
          `expectFrames(${cable.ends.join(' ⇄ ')})`,
          diff.map((line) => ({
            ...(line.actual === undefined ? {} : { actual: text(line.actual) }),
            ...(line.expected === undefined ? {} : { expected: line.expected.text }),
          })),
          actual.map(text),
          expected.map((each) => each.text),
          [
            `expected  ${marbles.trim()}`,
            `found     ${draw(marks) ?? undrawable}`,
            '',
            'Transcript:',
            transcript(cable, book, origin, transcriptLines),
          ],
        );
      };
    };
    return { toBe };
  }

  /** Checks the expectations so far, and removes them. @throws GridAssertionError */
  check(): void {
    const pending = this.#pending;
    this.#pending = [];
    for (const { check, site } of pending) {
      try {
        if (check === undefined)
          throw new GridAssertionError('An expectation was begun and not finished: call toBe().', [], []);
        check();
      } catch (error) {
        if (error instanceof GridAssertionError) error.locate(site());
        throw error;
      }
    }
  }

  #add(callee: Callee | undefined): Expectation {
    const expectation: Expectation = { until: this.#clock.elapsed, check: undefined, site: callSite(callee) };
    this.#pending.push(expectation);
    return expectation;
  }

  #record<T>(source: Observable<T>, marbles: string | undefined, expectation: Expectation): Timed[] {
    const clock = this.#clock;
    const origin = clock.elapsed;
    const timeline: Timed[] = [];
    const { subscribedFrame, unsubscribedFrame } = parseSubscription(marbles);
    const note = (notification: Timed['notification']): void => {
      timeline.push({ frame: clock.elapsed - origin, notification });
    };
    let subscription: Subscription | undefined;
    const subscribe = (): void => {
      subscription = source.subscribe({
        next: (value) => {
          note({ kind: 'N', value });
        },
        error: (error: unknown) => {
          note({ kind: 'E', error });
        },
        complete: () => {
          note({ kind: 'C' });
        },
      });
    };
    // Before anything is emitted at this time, as in TestScheduler: hot sources of the same time are not missed.
    if (subscribedFrame === 0) clock.whenQuiet(subscribe);
    else if (subscribedFrame !== Infinity) clock.schedule(subscribe, subscribedFrame);
    if (unsubscribedFrame !== Infinity) {
      clock.schedule(() => {
        subscription?.unsubscribe();
      }, unsubscribedFrame);
      expectation.until = Math.max(expectation.until, clock.elapsed + unsubscribedFrame);
    }
    return timeline;
  }
}

interface WantedFrame {
  readonly frame: number;
  readonly mark: string;
  readonly text: string;
  fits(found: WireFrame | WireEvent, book: RouteBook): boolean;
}

function wanted({ frame, notification }: Timed, matchers: MarbleValues<FrameMatcher>): WantedFrame {
  if (notification.kind !== 'N') {
    const [mark, what] = notification.kind === 'C' ? (['|', 'closed'] as const) : (['#', 'broken'] as const);
    return {
      frame,
      mark,
      text: `${timeText(frame)}  ${what}`,
      fits: (found) => 'what' in found && found.what === what,
    };
  }
  const matcher = notification.value as FrameMatcher;
  const mark = Object.keys(matchers).find((letter) => matchers[letter] === matcher)!;
  return {
    frame,
    mark,
    text: `${timeText(frame)}  ${mark} = ${matcher.toString()}`,
    fits: (found, book) => 'frame' in found && matcher.matches(found, book),
  };
}

function subscriptionText({ subscribedFrame, unsubscribedFrame }: SubscriptionTimes): string {
  const end = unsubscribedFrame === Infinity ? 'stays' : `unsubscribed at ${unsubscribedFrame} ms`;
  return `subscribed at ${inspect(subscribedFrame)} ms, ${end}`;
}
