import { merge, Observable, of, Subject } from 'rxjs';
import { conflate } from '../operators/conflate.js';
import { maxMonitorEvents, maxMonitorEventText } from '../bounds.js';
import type { GridEvent } from '../observe.js';
import type { Runtime } from '../runtime.js';
import type { MonitorEvent, MonitorEvents } from './messages.js';

/** Events that come within this time are sent together, in ms. */
const gatherMs = 100;

/**
 * The events of a host for its readers: those that were kept first, then the new ones, gathered. Of a flood each reader
 * gets the newest events and the number of those that it missed.
 */
export class EventFeed {
  readonly #runtime: Runtime;
  // Oldest first.
  readonly #kept: MonitorEvent[] = [];
  #before = 0;
  readonly #arrivals = new Subject<MonitorEvent>();

  /** Keeps the newest events from now on, for later readers. */
  constructor(events$: Observable<GridEvent>, runtime: Runtime) {
    this.#runtime = runtime;
    events$.subscribe({
      next: (event) => {
        const kept = { at: runtime.wallNow(), event: bounded(event) };
        this.#kept.push(kept);
        if (this.#kept.length > maxMonitorEvents) {
          this.#kept.shift();
          this.#before++;
        }
        this.#arrivals.next(kept);
      },
      complete: () => {
        this.#arrivals.complete();
      },
    });
  }

  /** The events, for one reader. */
  events(): Observable<MonitorEvents> {
    const kept: MonitorEvents = { events: [...this.#kept], missed: this.#before };
    return merge(of(kept), this.#gathered()).pipe(conflate(joined));
  }

  #gathered(): Observable<MonitorEvents> {
    return new Observable<MonitorEvents>((subscriber) => {
      let events: MonitorEvent[] = [];
      let missed = 0;
      let cancel: (() => void) | undefined = undefined;
      const send = (): void => {
        cancel = undefined;
        const batch = { events, missed };
        events = [];
        missed = 0;
        subscriber.next(batch);
      };
      const arrivals = this.#arrivals.subscribe({
        next: (event) => {
          events.push(event);
          if (events.length > maxMonitorEvents) {
            events.shift();
            missed++;
          }
          cancel ??= this.#runtime.schedule(send, gatherMs);
        },
        complete: () => {
          if (cancel !== undefined) send();
          subscriber.complete();
        },
      });
      return () => {
        arrivals.unsubscribe();
        cancel?.();
      };
    });
  }
}

function joined(kept: MonitorEvents, more: MonitorEvents): MonitorEvents {
  const all = [...kept.events, ...more.events];
  const events = all.slice(-maxMonitorEvents);
  return { events, missed: kept.missed + more.missed + all.length - events.length };
}

// An error's message may have any length, and 256 events are kept.
function bounded(event: GridEvent): GridEvent {
  return cut(event) as GridEvent;
}

function cut(value: unknown): unknown {
  if (typeof value === 'string')
    return value.length > maxMonitorEventText ? `${value.slice(0, maxMonitorEventText)}…` : value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, cut(each)]));
}
