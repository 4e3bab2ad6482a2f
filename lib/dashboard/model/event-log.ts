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
  /** All that came, with those that are kept no more. */
  total = 0;
  readonly #newest = new Map<string, number>();
  #lastId = 0;

  /** Events of one host. `again`: they begin with what the host has kept, of which the page may know a part. */
  add(host: string, batch: MonitorEvents, again: boolean): void {
    const newest = this.#newest.get(host) ?? -Infinity;
    const fresh = again ? batch.events.filter(({ at }) => at > newest) : batch.events;
    this.missed += again ? 0 : batch.missed;
    const last = fresh.at(-1);
    if (last === undefined) return;
    this.#newest.set(host, Math.max(newest, last.at));
    this.total += fresh.length;
    const added = fresh.map((event): LoggedEvent => ({ ...event, host, id: ++this.#lastId }));
    // A host sends what it has kept when the page comes, which is older than what others have sent meanwhile. A batch that is newer than
    // all is the usual case, and needs no order.
    const inOrder = this.events.length === 0 || added[0]!.at >= this.events.at(-1)!.at;
    const all = [...this.events, ...added];
    this.events = (inOrder ? all : all.sort((left, right) => left.at - right.at)).slice(-maxKept);
  }
}
