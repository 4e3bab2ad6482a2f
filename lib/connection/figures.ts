/**
 * The figures of one connection. Counts are summed over its links, so they never decrease.
 *
 *     link opens ──counts of its engine──▶ added to the figures ──link lost──▶ kept
 */

import { Observable } from 'rxjs';
import { reportUnhandled } from '../flow/unhandled.js';
import { guarded } from '../guard.js';
import { addCounts } from '../metrics/add-counts.js';
import type { Runtime } from '../runtime.js';
import type { Link } from './link.js';

/** Figures of a connection. Counts never decrease, not even after a reconnect. */
export interface ConnectionStats {
  /** Host at the other end. */
  readonly host: string;
  /** Round-trip time of the last ping, in ms; undefined before the first one. */
  readonly rtt: number | undefined;
  /** Calls made by this side, and by the other side. */
  readonly callsOut: number;
  readonly callsIn: number;
  /** Calls that are open now. */
  readonly openOut: number;
  readonly openIn: number;
  /** WebSocket messages and bytes. */
  readonly messagesOut: number;
  readonly messagesIn: number;
  readonly bytesOut: number;
  readonly bytesIn: number;
  /** How often a stream had an item to send and no credit. */
  readonly creditStalls: number;
  /** Bytes in the send queue now. */
  readonly queuedBytes: number;
}

const noCounts = { callsOut: 0, callsIn: 0, messagesOut: 0, messagesIn: 0, bytesOut: 0, bytesIn: 0, creditStalls: 0 };

/** Interval at which `stats$` emits, in ms. */
const statsInterval = 1_000;

/** The figures of one connection, summed over its links. */
export class Figures {
  readonly #host: string;
  readonly #link: () => Link | undefined;
  // Counts of the links that were lost.
  #past = noCounts;

  /** `link` returns the current link, if there is one. */
  constructor(host: string, link: () => Link | undefined) {
    this.#host = host;
    this.#link = link;
  }

  /** The figures now. */
  get now(): ConnectionStats {
    const link = this.#link();
    const open = link?.engine.open;
    return {
      host: this.#host,
      rtt: link?.rtt,
      ...this.#withCountsOf(link),
      openOut: open?.outgoing ?? 0,
      openIn: open?.incoming ?? 0,
      queuedBytes: link?.engine.schedule.queuedBytes ?? 0,
    };
  }

  /** Keeps the counts of a link, which is no longer the current one from now on. */
  keep(link: Link): void {
    this.#past = this.#withCountsOf(link);
  }

  /** Emits the figures, now and then every second, until `closed` completes. */
  observe(runtime: Runtime, closed: Observable<unknown>): Observable<ConnectionStats> {
    return new Observable<ConnectionStats>((subscriber) => {
      let cancel: () => void;
      const emit = (): void => {
        cancel = runtime.schedule(emit, statsInterval);
        guarded(reportUnhandled, () => {
          subscriber.next(this.now);
        });
      };
      emit();
      const end = closed.subscribe({
        complete: () => {
          subscriber.complete();
        },
      });
      return () => {
        cancel();
        end.unsubscribe();
      };
    });
  }

  #withCountsOf(link: Link | undefined): typeof noCounts {
    return link === undefined ? this.#past : addCounts(this.#past, link.engine.stats);
  }
}
