import { Observable, Subject, type Subscriber } from 'rxjs';
import { parseMarbles, type MarbleValues, type SubscriptionTimes, type Timed } from './marbles.js';
import type { VirtualClock } from '../time/virtual-clock.js';

/** An Observable that was drawn, and its subscriptions. */
export class MarbleObservable<T> extends Observable<T> {
  /** When it was subscribed to, and unsubscribed from; ms from where its diagram begins. For `expectSubscriptions`. */
  readonly subscriptions: readonly SubscriptionTimes[];

  constructor(clock: VirtualClock, subscribe: (subscriber: Subscriber<T>) => (() => void) | undefined) {
    const origin = clock.elapsed;
    const subscriptions: { subscribedFrame: number; unsubscribedFrame: number }[] = [];
    super((subscriber) => {
      const times = { subscribedFrame: clock.elapsed - origin, unsubscribedFrame: Infinity };
      subscriptions.push(times);
      const stop = subscribe(subscriber);
      return () => {
        times.unsubscribedFrame = clock.elapsed - origin;
        stop?.();
      };
    });
    this.subscriptions = subscriptions;
  }
}

/** An Observable that begins anew for each subscriber. */
export function coldMarbles<T>(
  clock: VirtualClock,
  marbles: string,
  values?: MarbleValues<T>,
  error?: unknown,
): MarbleObservable<T> {
  refuse(marbles, '^', 'A cold Observable begins when it is subscribed to');
  const timeline = parseMarbles(marbles, values, error);
  return new MarbleObservable<T>(clock, (subscriber) => play(clock, timeline, subscriber));
}

/** An Observable that emits whether or not it has subscribers. It begins now, or at `^`. */
export function hotMarbles<T>(
  clock: VirtualClock,
  marbles: string,
  values?: MarbleValues<T>,
  error?: unknown,
): MarbleObservable<T> {
  const subject = new Subject<T>();
  const timeline = parseMarbles(marbles, values, error).filter(({ frame }) => frame >= 0);
  play(clock, timeline, subject);
  return new MarbleObservable<T>(clock, (subscriber) => {
    const subscription = subject.subscribe(subscriber);
    return () => {
      subscription.unsubscribe();
    };
  });
}

function play<T>(
  clock: VirtualClock,
  timeline: readonly Timed[],
  target: { next(value: T): void; error(error: unknown): void; complete(): void },
): () => void {
  const timers = timeline.map(({ frame, notification }) =>
    clock.schedule(() => {
      if (notification.kind === 'N') target.next(notification.value as T);
      else if (notification.kind === 'E') target.error(notification.error);
      else target.complete();
    }, frame),
  );
  return () => {
    for (const cancel of timers) cancel();
  };
}

function refuse(marbles: string, mark: string, why: string): void {
  if (marbles.includes(mark)) throw new Error(`"${marbles}": ${why}, so it cannot have a "${mark}".`);
}
