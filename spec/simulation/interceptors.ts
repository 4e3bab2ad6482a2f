import { map, tap } from 'rxjs';
import type { InterceptOptions } from '../../lib/index.js';
import { misbehaving } from './acts/odd-interceptors.js';
import { hopKey } from './routes.js';

/** Interceptors that add metadata, and let everything else pass. */
export const passing: InterceptOptions = {
  calls: [
    misbehaving,
    (call, next) => next({ ...call, meta: { ...call.meta, [hopKey]: shortOf(call.host) } }),
    (call, next) => next(call).pipe(map((item) => item)),
  ],
  handlers: [(call, next) => next(call).pipe(tap(() => undefined))],
};

function shortOf(host: string): string {
  return host.replace(/^\w+:\/\//, '').replace(/\/.*$/, '');
}
