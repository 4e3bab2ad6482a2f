import type { MonitorEvent, MonitorEvents } from '../../monitor/index.js';

/** An event, and the host that reported it. */
export interface LoggedEvent extends MonitorEvent {
  readonly host: string;
  /** Distinguishes it from the others of the page. */
  readonly id: number;
}

/** Events that the page keeps. */
const maxKept = 1_000;

/** The newest events of all hosts. */
export class EventLog {
  /** Oldest first. */
  events: readonly LoggedEvent[] = [];
  /** Events that hosts left out, because more came than the page took. */
  missed = 0;
  /** Number of all events received, including those that are no longer kept. */
  total = 0;
  readonly #newest = new Map<string, number>();
  #lastId = 0;

  /**
   * Adds events of one host. `again`: they begin with events that the host has kept, some of which the page may have
   * already.
   */
  add(host: string, batch: MonitorEvents, again: boolean): void {
    const newest = this.#newest.get(host) ?? -Infinity;
    const fresh = again ? batch.events.filter(({ at }) => at > newest) : batch.events;
    this.missed += again ? 0 : batch.missed;
    const last = fresh.at(-1);
    if (last === undefined) return;
    this.#newest.set(host, Math.max(newest, last.at));
    this.total += fresh.length;
    const added = fresh.map((event): LoggedEvent => ({ ...event, host, id: ++this.#lastId }));
    // The first batch of a host has its kept events, which may be older than events of other hosts. A batch that is
    // newer than all is the usual case, and needs no order.
    const inOrder = this.events.length === 0 || added[0]!.at >= this.events.at(-1)!.at;
    const all = [...this.events, ...added];
    this.events = (inOrder ? all : all.sort((left, right) => left.at - right.at)).slice(-maxKept);
  }
}
