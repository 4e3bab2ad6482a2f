import type { ObservableNotification } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { equal } from './equality.js';
import { inspect } from './inspect.js';

/*
 * Marble diagrams as in TestScheduler.run: one character is 1 ms, blanks are ignored, `300ms`, `5s`, `1m` and `1h`
 * between blanks let time pass, `(ab)` is at once. A group takes as much time as it has characters, so what follows it
 * soon after cannot be drawn: give the line more latency.
 */

/** What happened at a time; ms from where its diagram begins. */
export interface Timed {
  readonly frame: number;
  readonly notification: ObservableNotification<unknown>;
}

/** When a subscription began and ended; Infinity for never. */
export interface SubscriptionTimes {
  readonly subscribedFrame: number;
  readonly unsubscribedFrame: number;
}

/** Values by the letters of a diagram. */
export type MarbleValues<T = unknown> = Readonly<Record<string, T>>;

/**
 * Reads a diagram. Letters stand for themselves where no values are given.
 *
 * @param what - What the letters stand for, in the error.
 * @throws Error for a group that is not closed, and for a letter that the values lack.
 */
export function parseMarbles(marbles: string, values?: MarbleValues, error?: unknown, what = 'value'): Timed[] {
  const timeline = inRunMode(() => TestScheduler.parseMarbles(readable(marbles), undefined, error, false, true));
  return timeline.map(({ frame, notification }) => {
    if (notification.kind !== 'N' || values === undefined) {
      return { frame, notification: notification as ObservableNotification<unknown> };
    }
    const letter = notification.value as string;
    if (!Object.hasOwn(values, letter)) {
      const known = Object.keys(values).join(', ');
      throw new Error(`"${marbles}" has the letter ${letter} without a ${what}. There are: ${known}.`);
    }
    return { frame, notification: { kind: 'N', value: values[letter] } };
  });
}

// What TestScheduler reads: hours as minutes, and a blank at the end, so that a duration may be the last thing.
function readable(marbles: string): string {
  checkGroups(marbles);
  const text = marbles.replace(/(^|\s)(\d+(?:\.\d+)?)h(?=\s|$)/g, (_, before: string, hours: string) => {
    return `${before}${String(Number(hours) * 60)}m`;
  });
  return `${text} `;
}

// TestScheduler takes all that follows an unclosed parenthesis as one group, without an error.
function checkGroups(marbles: string): void {
  let opened = -1;
  for (let index = 0; index < marbles.length; index++) {
    const opens = marbles[index] === '(';
    if (!opens && marbles[index] !== ')') continue;
    if (opens !== opened < 0) {
      const why = opens ? `opens a group within the one at ${opened}` : 'closes a group that is not open';
      throw new Error(`"${marbles}": the parenthesis at ${index} ${why}.`);
    }
    opened = opens ? index : -1;
  }
  if (opened >= 0) throw new Error(`"${marbles}": the group that begins at ${opened} is not closed.`);
}

/** Reads a diagram of `^` and `!`. */
export function parseSubscription(marbles: string | undefined): SubscriptionTimes {
  if (marbles === undefined) return { subscribedFrame: 0, unsubscribedFrame: Infinity };
  const { subscribedFrame, unsubscribedFrame } = inRunMode(() =>
    TestScheduler.parseMarblesAsSubscriptions(readable(marbles), true),
  );
  return { subscribedFrame, unsubscribedFrame };
}

/** Times of the marks of a diagram. */
export function framesAt(marbles: string): number[] {
  return parseMarbles(marbles).map(({ frame }) => frame);
}

const durationPattern = /^\s*\d+(\.\d+)?(ms|s|m|h)\s*$/;

/** Whether a value is a duration, such as `300ms`, `5s`, `1m`, `1h`. */
export function aDuration(value: unknown): value is string {
  return typeof value === 'string' && durationPattern.test(value);
}

/** The time of `|` in a diagram, or a duration such as `300ms`, `5s`, `1m`, `1h`; numbers are ms. */
export function timeOf(time: string | number): number {
  if (typeof time === 'number') return time;
  const text = aDuration(time) ? `${time.trim()} |` : time;
  const end = parseMarbles(text).find(({ notification }) => notification.kind === 'C');
  if (end === undefined) throw new Error(`"${time}" is no time: write "5s" (or ms, m, h), or a diagram with a "|".`);
  return end.frame;
}

/** How long a diagram is, in ms: what comes after its last mark counts. */
export function lengthOf(marbles: string): number {
  return parseMarbles(`${marbles} ~`).at(-1)!.frame;
}

/** One line for what happened at a time. */
export function timedText({ frame, notification }: Timed): string {
  const what =
    notification.kind === 'N'
      ? `next ${inspect(notification.value)}`
      : notification.kind === 'E'
        ? `error ${inspect(notification.error)}`
        : 'complete';
  return `${timeText(frame)}  ${what}`;
}

/** A time, for the left column of a text. */
export function timeText(frame: number): string {
  return `${String(frame).padStart(6)} ms`;
}

/** Whether the same happened at the same time. */
export function sameTimed(actual: Timed, expected: Timed): boolean {
  if (actual.frame !== expected.frame) return false;
  const [found, wanted] = [actual.notification, expected.notification];
  if (found.kind === 'N') return wanted.kind === 'N' && equal(found.value, wanted.value);
  if (found.kind === 'E') return wanted.kind === 'E' && equal(found.error, wanted.error);
  return wanted.kind === 'C';
}

/** In place of a diagram that {@link draw} cannot draw. */
export const undrawable =
  '(no diagram: a group takes as many ms as it has characters, and more follows sooner; give the line more latency, or expect the frames of one end)';

/** Draws marks as a diagram; undefined where a group would cover what follows it. */
export function draw(marks: readonly { readonly frame: number; readonly mark: string }[]): string | undefined {
  let text = '';
  let now = 0;
  for (let index = 0; index < marks.length;) {
    const { frame } = marks[index]!;
    const together = marks.filter((each) => each.frame === frame).map(({ mark }) => mark);
    const gap = frame - now;
    if (gap < 0) return undefined;
    text += gap > 9 ? ` ${gap}ms ` : '-'.repeat(gap);
    text += together.length === 1 ? together[0]! : `(${together.join('')})`;
    now = frame + (together.length === 1 ? 1 : together.length + 2);
    index += together.length;
  }
  return text.trim();
}

/* eslint-disable @typescript-eslint/no-deprecated -- what is deprecated is the base class's; TestScheduler reads this one. */

// The parsers of run mode are public, but their unit is set by run() alone. Set for one synchronous call.
function inRunMode<T>(read: () => T): T {
  const before = TestScheduler.frameTimeFactor;
  TestScheduler.frameTimeFactor = 1;
  try {
    return read();
  } finally {
    TestScheduler.frameTimeFactor = before;
  }
}
