import { maxErrorCodes, maxMeteredRoutes } from '../bounds.js';
import { printable } from '../printable.js';
import { LogHistogram, type Durations } from './log-histogram.js';
import { Transfers } from './transfers.js';
import { OpenStreams, type StreamCounts } from './open-streams.js';

/** Which side of its calls a meter counts: those that this process makes, or those that its handler serves. */
export type Side = 'caller' | 'handler';

/** What a route is called and which kind it is. */
export interface MeteredRoute {
  readonly name: string;
  readonly kind: 'unary' | 'duplex';
  /** True for a route of the library itself: a route of a user may have the same name. */
  readonly internal?: boolean;
}

/** Characters of a code. */
const maxCodeLength = 64;
const otherCodes = 'other';

/** How a call ended: well, given up by its caller, or with an error of this code. */
export type Outcome = 'ok' | 'cancelled' | { readonly code: string };

/** Whether durations are measured by a clock that is read for each call. */
export interface Precision {
  /**
   * False: by one reading for each turn of the event loop, which costs nothing; what a handler computes is not seen.
   */
  exact: boolean;
}

/** Everything that a meter has counted. Counts only grow, but for `inFlight`. */
export interface MeterCounts extends StreamCounts {
  readonly calls: number;
  readonly inFlight: number;
  readonly cancelled: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly durations: Durations;
}

/**
 * Counts the calls of one route at one of its sides.
 *
 *     begin ──▶ in flight ──end──▶ ok, cancelled, or an error
 *
 * This runs for every call: it adds numbers and allocates nothing. What costs more is computed when the figures are
 * read.
 */
export class RouteMeter {
  readonly route: MeteredRoute;
  readonly side: Side;
  /** The streams of the route that are open at this side. */
  readonly streams = new OpenStreams();

  #calls = 0;
  #ended = 0;
  #cancelled = 0;
  // Made with the first error.
  #errors: Map<string, number> | undefined = undefined;
  #bytesOut = 0;
  #bytesIn = 0;
  readonly #durations = new LogHistogram();
  readonly #precision: Precision;

  /** Files that streams of any route move. */
  readonly transfers: Transfers;

  constructor(route: MeteredRoute, side: Side, precision: Precision = { exact: false }, transfers = new Transfers()) {
    this.route = route;
    this.side = side;
    this.#precision = precision;
    this.transfers = transfers;
  }

  /** See {@link Precision}. */
  get exact(): boolean {
    return this.#precision.exact;
  }

  /** A call begins; its request is that of this side (`caller`) or of the other one. */
  begin(requestBytes: number): void {
    this.#calls++;
    if (this.side === 'caller') this.#bytesOut += requestBytes;
    else this.#bytesIn += requestBytes;
  }

  /** The response of a unary call, sent or received. */
  response(bytes: number): void {
    if (this.side === 'caller') this.#bytesIn += bytes;
    else this.#bytesOut += bytes;
  }

  /** A call has ended after so many ms. Due once for each {@link begin}. */
  end(ms: number, outcome: Outcome): void {
    this.#ended++;
    // One that was given up says nothing about how long the route takes.
    if (outcome === 'cancelled') {
      this.#cancelled++;
      return;
    }
    this.#durations.record(ms);
    if (outcome !== 'ok') this.#countError(outcome.code);
  }

  /** What was counted so far, with the streams that are open. */
  get counts(): MeterCounts {
    const streams = this.streams.counts;
    return {
      calls: this.#calls,
      inFlight: this.#calls - this.#ended,
      cancelled: this.#cancelled,
      errors: Object.fromEntries(this.#errors ?? []),
      durations: this.#durations.durations,
      ...streams,
      bytesOut: this.#bytesOut + streams.bytesOut,
      bytesIn: this.#bytesIn + streams.bytesIn,
    };
  }

  #countError(code: string): void {
    const errors = (this.#errors ??= new Map<string, number>());
    // Most codes are known: a lost connection ends many calls with the same one.
    const count = errors.get(code);
    if (count !== undefined) {
      errors.set(code, count + 1);
      return;
    }
    let name = printable(code, maxCodeLength);
    // The latter cannot be a key of what is sent to observers.
    if ((!errors.has(name) && errors.size >= maxErrorCodes) || name === '__proto__') name = otherCodes;
    errors.set(name, (errors.get(name) ?? 0) + 1);
  }
}

/** Routes that are counted one by one at each side; further ones are counted together, under this name. */
const otherRoutes = '(other routes)';

/** The meters of one process's end of the grid: one for each route and side. */
export class RouteMeters {
  /** Of all meters. Exact while figures are observed. */
  readonly precision: Precision = { exact: false };
  /** The files that are on their way. */
  readonly transfers = new Transfers();
  readonly #max: number;
  readonly #meters = new Map<string, RouteMeter>();

  /** `max`: routes that are counted one by one, at both sides together. */
  constructor(max = maxMeteredRoutes) {
    this.#max = max;
  }

  /** The meter of a route at one side, created by the first call. Routes of one name and kind share it. */
  of(route: MeteredRoute, side: Side): RouteMeter {
    const key = `${side} ${route.internal === true ? 'internal ' : ''}${route.kind} ${route.name}`;
    const found = this.#meters.get(key);
    if (found !== undefined) return found;
    if (this.#meters.size >= this.#max && route.name !== otherRoutes) {
      return this.of({ name: otherRoutes, kind: route.kind }, side);
    }
    const meter = new RouteMeter(route, side, this.precision, this.transfers);
    this.#meters.set(key, meter);
    return meter;
  }

  /** All meters, in the order in which the routes were first used. */
  get all(): readonly RouteMeter[] {
    return [...this.#meters.values()];
  }
}
