import { maxListed, percentileWindow } from '../bounds.js';
import type { RouteFigures, StreamFigures, StreamList } from './figures.js';
import { noDurations, quantileOf, subtractDurations, type Durations } from './log-histogram.js';
import { receivingCredit, sendingCredit, type OpenStream } from './open-streams.js';
import type { RouteMeter, RouteMeters } from './route-meter.js';

/** The percentiles look back by this many steps. */
const windowSteps = 6;

/** Computes figures of meters for one observer, again and again. */
export class RouteSampler {
  readonly #meters: RouteMeters;
  // What the histograms held at the beginning of each step of the window, oldest first.
  readonly #steps: { readonly at: number; readonly durations: Map<RouteMeter, Durations> }[] = [];

  constructor(meters: RouteMeters) {
    this.#meters = meters;
  }

  /**
   * The figures of all routes that were called or have a handler, at the time `now`, in ms of any clock that only goes
   * forward.
   */
  sample(now: number): readonly RouteFigures[] {
    const present = new Map<RouteMeter, Durations>();
    const base = this.#base(now);
    const figures = this.#meters.all.map((meter): RouteFigures => {
      const { counts, route, side } = meter;
      present.set(meter, counts.durations);
      const recent = subtractDurations(counts.durations, base?.get(meter) ?? noDurations);
      return {
        route: route.name,
        kind: route.kind,
        ...internal(meter),
        side,
        ...counts,
        p50: quantileOf(recent, 0.5),
        p95: quantileOf(recent, 0.95),
        p99: quantileOf(recent, 0.99),
      };
    });
    const last = this.#steps.at(-1);
    if (last === undefined || now - last.at >= percentileWindow / windowSteps) {
      this.#steps.push({ at: now, durations: present });
    }
    return figures;
  }

  // Undefined before the first sample.
  #base(now: number): ReadonlyMap<RouteMeter, Durations> | undefined {
    while (this.#steps.length > 1 && now - this.#steps[1]!.at >= percentileWindow) this.#steps.shift();
    return this.#steps[0]?.durations;
  }
}

/** The streams that are open at the time `now` of the monotonic clock, in ms. */
export function listStreams(meters: RouteMeters, now: number): StreamList {
  const found: { readonly entry: OpenStream; readonly meter: RouteMeter; readonly number: number }[] = [];
  let stalled = 0;
  meters.all.forEach((meter, number) => {
    for (const entry of meter.streams) {
      found.push({ entry, meter, number });
      if (entry.stream.counts.stalledSince !== undefined) stalled++;
    }
  });
  found.sort((left, right) => importance(left.entry) - importance(right.entry));
  const streams = found.slice(0, maxListed).map(({ entry, meter, number }): StreamFigures => {
    const { stream, peer, openedAt, id } = entry;
    const { stalledSince } = stream.counts;
    const { itemsOut, itemsIn, bytesOut, bytesIn, creditStalls, creditStalledMs } = stream.counts;
    return {
      id: `${number}.${id}`,
      route: meter.route.name,
      ...internal(meter),
      side: meter.side,
      peer,
      age: Math.max(0, now - openedAt),
      ...{ itemsOut, itemsIn, bytesOut, bytesIn, creditStalls, creditStalledMs },
      stalledFor: stalledSince === undefined ? undefined : Math.max(0, now - stalledSince),
      sending: sendingCredit(stream),
      receiving: receivingCredit(stream),
    };
  });
  return { open: found.length, stalled, streams };
}

function internal({ route }: RouteMeter): { readonly internal?: true } {
  return route.internal === true ? { internal: true } : {};
}

// Times of the monotonic clock are far below this: every stream that waits comes before every other one.
const notStalled = 2 ** 50;

function importance({ stream, openedAt }: OpenStream): number {
  return stream.counts.stalledSince ?? notStalled + openedAt;
}
