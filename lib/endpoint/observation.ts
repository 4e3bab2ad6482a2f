import type { Observable } from 'rxjs';
import type { RouteFigures, StreamList, TransferList } from '../metrics/figures.js';
import type { RouteMeters } from '../metrics/route-meter.js';
import { listStreams, RouteSampler } from '../metrics/route-sampler.js';
import { TransferSampler } from '../metrics/transfers.js';
import { sampled, type ManagerLifetime } from './sampled.js';

/** What a manager counts, for its observers. */
export interface ManagerFigures {
  readonly routes$: Observable<readonly RouteFigures[]>;
  readonly streams$: Observable<StreamList>;
  readonly transfers$: Observable<TransferList>;
}

/** The figures of a manager, from the meters of its calls. */
export function figuresOf(meters: RouteMeters, lifetime: ManagerLifetime): ManagerFigures {
  const { runtime } = lifetime;
  return {
    routes$: sampled(lifetime, () => {
      const sampler = new RouteSampler(meters);
      meters.precision.exact = true;
      return {
        sample: () => sampler.sample(runtime.now()),
        stop: () => {
          meters.precision.exact = false;
        },
      };
    }),
    streams$: sampled(lifetime, () => ({ sample: () => listStreams(meters, runtime.now()) })),
    transfers$: sampled(lifetime, () => {
      const sampler = new TransferSampler(meters.transfers);
      return { sample: () => sampler.sample(runtime.now()) };
    }),
  };
}
