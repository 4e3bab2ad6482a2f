import { ignoreElements, type Observable } from 'rxjs';
import type { RouteFigures, StreamList, TransferList } from '../metrics/figures.js';
import type { RouteMeters } from '../metrics/route-meter.js';
import { listStreams, RouteSampler } from '../metrics/route-sampler.js';
import { TransferSampler } from '../metrics/transfers.js';
import type { Endpoint } from './endpoint.js';
import { sampled } from './sampled.js';

/** The figures of the meters of one endpoint, for its observers. */
export class Observation {
  readonly routes$: Observable<readonly RouteFigures[]>;
  readonly streams$: Observable<StreamList>;
  readonly transfers$: Observable<TransferList>;

  constructor({ runtime, events$ }: Endpoint, meters: RouteMeters) {
    const closed$ = events$.pipe(ignoreElements());
    this.routes$ = sampled(runtime, closed$, () => {
      const sampler = new RouteSampler(meters);
      meters.precision.exact = true;
      return {
        sample: () => sampler.sample(runtime.now()),
        stop: () => {
          meters.precision.exact = false;
        },
      };
    });
    this.streams$ = sampled(runtime, closed$, () => ({ sample: () => listStreams(meters, runtime.now()) }));
    this.transfers$ = sampled(runtime, closed$, () => {
      const sampler = new TransferSampler(meters.transfers);
      return { sample: () => sampler.sample(runtime.now()) };
    });
  }
}
