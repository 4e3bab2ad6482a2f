import { percentileWindow } from '../../bounds.js';
import {
  addDurations,
  noDurations,
  quantileOf,
  subtractDurations,
  type Durations,
} from '../../metrics/log-histogram.js';
import type { RouteFigures } from '../../metrics/figures.js';

/** The current rates of a route, computed from counts that only grow. */
export interface RouteRate {
  readonly host: string;
  readonly route: string;
  readonly kind: RouteFigures['kind'];
  readonly side: RouteFigures['side'];
  /** Per second, since the figures before; undefined after the first ones. */
  readonly calls: number | undefined;
  readonly errors: number | undefined;
  readonly bytes: number | undefined;
  readonly items: number | undefined;
  readonly inFlight: number;
  /** Since the host was started. */
  readonly totalCalls: number;
  readonly totalErrors: number;
  readonly errorsByCode: Readonly<Record<string, number>>;
  readonly creditStalls: number;
  /** Of the calls that ended in the last minute, or since the page subscribed. */
  readonly recent: Durations;
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  readonly p99: number | undefined;
  /** Calls per second, the newest last. */
  readonly history: readonly number[];
}

/** What all handlers of one host do together. */
export interface ServedRates {
  readonly calls: number | undefined;
  readonly errors: number | undefined;
  readonly bytes: number | undefined;
  readonly inFlight: number | undefined;
  /** Of unary calls. Streams do not count: their duration says nothing about speed. */
  readonly recent: Durations;
  readonly p99: number | undefined;
  /** Calls per second, the newest last. */
  readonly history: readonly number[];
}

/** The percentiles look back by this many steps. */
const steps = 6;
/** Values of the history. */
const maxHistory = 60;

/** Computes rates from the figures of one host. */
export class RouteRates {
  /** All routes, but for the library's own. */
  all: readonly RouteRate[] = [];
  /** Computed once for each report: the page is drawn more often than a host reports. */
  served = servedRates([]);
  readonly #host: string;
  #at: number | undefined = undefined;
  #figures = new Map<string, RouteFigures>();
  #steps: { readonly at: number; readonly durations: ReadonlyMap<string, Durations> }[] = [];
  #rates = new Map<string, RouteRate>();

  constructor(host: string) {
    this.#host = host;
  }

  /** New figures, at the time `now` of the monotonic clock. */
  update(figures: readonly RouteFigures[], now: number): void {
    // The page would show its own questions.
    const shown = figures.filter(({ internal }) => internal !== true);
    const elapsed = this.#at === undefined ? 0 : (now - this.#at) / 1_000;
    while (this.#steps.length > 1 && now - this.#steps[1]!.at >= percentileWindow) this.#steps.shift();
    const base = this.#steps[0]?.durations;
    const next = new Map<string, RouteFigures>();
    const rates = new Map<string, RouteRate>();
    for (const each of shown) {
      const key = `${each.side} ${each.kind} ${each.route}`;
      next.set(key, each);
      rates.set(key, this.#rateOf(each, key, elapsed, base));
    }
    const last = this.#steps.at(-1);
    if (last === undefined || now - last.at >= percentileWindow / steps) {
      this.#steps.push({ at: now, durations: new Map([...next].map(([key, { durations }]) => [key, durations])) });
    }
    this.#figures = next;
    this.#rates = rates;
    this.#at = now;
    this.all = [...rates.values()];
    this.served = servedRates(this.all.filter(({ side }) => side === 'handler'));
  }

  #rateOf(
    now: RouteFigures,
    key: string,
    elapsed: number,
    base: ReadonlyMap<string, Durations> | undefined,
  ): RouteRate {
    const before = this.#figures.get(key);
    const per = (later: number, earlier: number): number | undefined =>
      elapsed <= 0 ? undefined : growth(later, earlier) / elapsed;
    const errors = sum(Object.values(now.errors));
    const calls = per(now.calls, before?.calls ?? 0);
    const recent = base === undefined ? noDurations : subtractDurations(now.durations, base.get(key) ?? noDurations);
    const history = [...(this.#rates.get(key)?.history ?? []), ...(calls === undefined ? [] : [calls])];
    return {
      host: this.#host,
      route: now.route,
      kind: now.kind,
      side: now.side,
      calls,
      errors: per(errors, sum(Object.values(before?.errors ?? {}))),
      bytes: per(now.bytesIn + now.bytesOut, (before?.bytesIn ?? 0) + (before?.bytesOut ?? 0)),
      items: per(now.itemsIn + now.itemsOut, (before?.itemsIn ?? 0) + (before?.itemsOut ?? 0)),
      inFlight: now.inFlight,
      totalCalls: now.calls,
      totalErrors: errors,
      errorsByCode: now.errors,
      creditStalls: now.creditStalls,
      recent,
      p50: quantileOf(recent, 0.5),
      p95: quantileOf(recent, 0.95),
      p99: quantileOf(recent, 0.99),
      history: history.slice(-maxHistory),
    };
  }
}

function servedRates(routes: readonly RouteRate[]): ServedRates {
  const recent = routes
    .filter(({ kind }) => kind === 'unary')
    .reduce((durations, each) => addDurations(durations, each.recent), noDurations);
  return {
    calls: sumOfKnown(routes.map(({ calls }) => calls)),
    errors: sumOfKnown(routes.map(({ errors }) => errors)),
    bytes: sumOfKnown(routes.map(({ bytes }) => bytes)),
    inFlight: sum(routes.map(({ inFlight }) => inFlight)),
    recent,
    p99: quantileOf(recent, 0.99),
    history: historyOf(routes),
  };
}

function historyOf(routes: readonly RouteRate[]): readonly number[] {
  const length = Math.max(0, ...routes.map(({ history }) => history.length));
  return Array.from({ length }, (_, index) =>
    sum(routes.map(({ history }) => history[history.length - length + index] ?? 0)),
  );
}

/** The sum of what is known; undefined where nothing is. */
export function sumOfKnown(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 && values.length > 0 ? undefined : sum(known);
}

/** The growth of a count. One that is smaller than before began again, in a process that was restarted. */
export function growth(later: number, earlier: number): number {
  return later >= earlier ? later - earlier : later;
}

/** The sum of numbers. */
export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
