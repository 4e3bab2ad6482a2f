import { catchError, defer, filter, finalize, map, mergeMap, of, Subject, takeUntil, type Observable } from 'rxjs';
import { aFunction, checkOption, type Rule } from '../check.js';
import type { Received, Shape } from '../codec/codec.js';
import type { Connection, Payload } from '../contract/connection.js';
import type { Duplex, Unary } from '../contract/contract.js';
import type { CallOptions } from '../contract/options.js';
import type { ClusterHosts } from './cluster-hosts.js';
import { noteAsked, type HostOutcome } from './host-outcome.js';

/** Options of a call to every host. Those of a call hold for each of them. */
export interface EveryHostOptions<T> extends CallOptions {
  /** The hosts. Default: all, this one among them. */
  readonly hosts?: readonly string[];
  /** Applied to the call of each host, for instance `retryOnDisconnect()`. */
  readonly each?: (call: Observable<T>, host: string) => Observable<T>;
}

/** A list of host names, as options have it. */
export const hostNames: Rule = {
  expected: 'a list of host names',
  accepts: (value) => Array.isArray(value) && value.every((each) => typeof each === 'string'),
};

/**
 * Calls every host. See {@link Manager.everyHost}.
 *
 * @throws ConfigurationError for options that cannot work.
 */
export function everyHost<Q extends Shape, R extends Shape>(
  hosts: ClusterHosts,
  route: Unary<Q, R> | Duplex<Q, undefined, R>,
  value: Payload<Q>,
  options: EveryHostOptions<Received<R>> = {},
): Observable<HostOutcome<Received<R>>> {
  const { hosts: given, each, ...callOptions } = options;
  if (given !== undefined) checkOption('everyHost: hosts', given, hostNames);
  if (each !== undefined) checkOption('everyHost: each', each, aFunction('takes the call of one host'));
  const call = (connection: Connection): Observable<Received<R>> =>
    route.kind === 'unary'
      ? connection.request(route, value, callOptions)
      : connection.stream(route, value, callOptions);
  const callHost = (host: string): Observable<Received<R>> => {
    // What it throws, also for a host that is none, is the outcome of that host.
    const made = defer(() => call(hosts.connection(host)));
    return each === undefined ? made : defer(() => each(made, host));
  };
  if (route.kind === 'unary') return defer(() => askOnce([...new Set(given ?? hosts.names())], callHost));
  return given === undefined ? follow(hosts.names$, callHost) : follow(of(given), callHost);
}

// One outcome of each host.
function askOnce<T>(hosts: readonly string[], call: (host: string) => Observable<T>): Observable<HostOutcome<T>> {
  return follow(of(hosts), call).pipe(map((outcome) => noteAsked(outcome, hosts.length)));
}

/**
 * Merges the calls of all hosts and follows the list: a host that comes is called, and the call of one that goes is
 * cancelled. Completes when no call is left.
 */
function follow<T>(
  lists: Observable<readonly string[]>,
  call: (host: string) => Observable<T>,
): Observable<HostOutcome<T>> {
  return defer(() => {
    let known: ReadonlySet<string> = new Set();
    let running = 0;
    const gone = new Subject<string>();
    const idle = new Subject<void>();
    const come = (list: readonly string[]): string[] => {
      const before = known;
      known = new Set(list);
      const added = [...known].filter((host) => !before.has(host));
      // All at once, so that the first one may end before the next one begins.
      running += added.length;
      for (const host of before) if (!known.has(host)) gone.next(host);
      if (running === 0) idle.next();
      return added;
    };
    const outcomes = (host: string): Observable<HostOutcome<T>> =>
      call(host).pipe(
        map((value): HostOutcome<T> => ({ host, value })),
        catchError((error: unknown) => of({ host, error })),
        takeUntil(gone.pipe(filter((each) => each === host))),
        finalize(() => {
          running--;
          if (running === 0) idle.next();
        }),
      );
    // Each item passes within the `next` of its stream, so credit follows the consumer.
    return lists.pipe(mergeMap(come), mergeMap(outcomes), takeUntil(idle));
  });
}
