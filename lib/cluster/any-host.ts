/**
 * One call, at any of several hosts.
 *
 *     pick ──▶ calling ──answer──▶ done: the other attempts are cancelled
 *      ▲         │  └──── hedgeAfter without an answer, idempotent ──▶ pick another one, both run
 *      └─────────┴── failed, and to call again is safe ──▶ pick another one
 *                └── failed otherwise, or no host or attempt is left, and nothing runs ──▶ the error
 */

import { defer, Observable, Subscription, type Subscriber } from 'rxjs';
import { aFunction, checkOption, either, oneOf, timerMs, whole } from '../check.js';
import { ConfigurationError, DisconnectedError, GridError } from '../errors.js';
import { reportUnhandled } from '../flow/unhandled.js';
import { guarded } from '../guard.js';
import type { Received, Shape } from '../codec/codec.js';
import type { Payload } from '../contract/connection.js';
import type { Duplex, Unary } from '../contract/contract.js';
import type { CallOptions } from '../contract/options.js';
import type { ClusterHosts, HostLoad } from './cluster-hosts.js';
import { hostNames } from './every-host.js';
import type { Latencies } from './latencies.js';
import { powerOfTwo, type PickHost } from './pick-host.js';

/** Options of a call to any host. Those of a call hold for all its attempts together. */
export interface AnyHostOptions extends CallOptions {
  /** The hosts to choose from. Default: all, this one among them. */
  readonly hosts?: readonly string[];
  /**
   * Chooses the host of the next attempt. It gets the hosts that were not tried; those to which a call can be sent now,
   * where there are any. Default: the better one of two that are drawn, by calls in flight and round-trip time.
   */
  readonly pick?: PickHost;
  /**
   * For unary routes that are declared idempotent: after so many ms without an answer another host is called, too, and
   * the first answer counts. Default: the time within which 95 of 100 of the last calls of the route were answered,
   * once 20 of them are known. False: never.
   */
  readonly hedgeAfter?: number | false;
  /** Calls that are made at most, those of hedging among them. Each goes to another host. Default 3. */
  readonly attempts?: number;
}

const defaultAttempts = 3;

/**
 * Calls one of the hosts. See {@link Manager.anyHost}.
 *
 * @throws ConfigurationError for options that cannot work.
 */
export function anyHost<Q extends Shape, R extends Shape>(
  hosts: ClusterHosts,
  latencies: Latencies,
  route: Unary<Q, R> | Duplex<Q, undefined, R>,
  value: Payload<Q>,
  options: AnyHostOptions = {},
): Observable<Received<R>> {
  const { hosts: given, pick = powerOfTwo(() => hosts.runtime.random()), hedgeAfter, attempts, ...call } = options;
  if (given !== undefined) checkOption('anyHost: hosts', given, hostNames);
  checkOption('anyHost: pick', pick, aFunction('chooses one of several hosts'));
  if (hedgeAfter !== undefined) checkOption('anyHost: hedgeAfter', hedgeAfter, either(timerMs, oneOf(false)));
  if (attempts !== undefined) checkOption('anyHost: attempts', attempts, whole(1));
  const idempotent = route.idempotent === true;
  const timed = route.kind === 'unary' && idempotent && hedgeAfter !== false;
  // What it throws, also for a host that is none, is the failure of the attempt.
  const start = (host: string, remaining: CallOptions): Observable<Received<R>> =>
    defer(() => {
      const connection = hosts.connection(host);
      return route.kind === 'unary'
        ? connection.request(route, value, remaining)
        : connection.stream(route, value, remaining);
    });
  return new Observable<Received<R>>((subscriber) => {
    const attempt = new Attempts<Received<R>>(subscriber, {
      hosts,
      names: [...new Set(given ?? hosts.names())],
      pick,
      attempts: attempts ?? defaultAttempts,
      hedgeAfter: timed ? (hedgeAfter ?? latencies.p95(route)) : undefined,
      idempotent,
      call,
      start,
      answered: (ms) => {
        if (timed) latencies.add(route, ms);
      },
    });
    attempt.next();
    return attempt;
  });
}

interface AttemptOptions<T> {
  readonly hosts: ClusterHosts;
  readonly names: readonly string[];
  readonly pick: PickHost;
  readonly attempts: number;
  readonly hedgeAfter: number | undefined;
  readonly idempotent: boolean;
  readonly call: CallOptions;
  readonly start: (host: string, call: CallOptions) => Observable<T>;
  readonly answered: (ms: number) => void;
}

/** The attempts of one call. Unsubscribing cancels those that run. */
class Attempts<T> extends Subscription {
  readonly #subscriber: Subscriber<T>;
  readonly #options: AttemptOptions<T>;
  readonly #running = new Map<string, Subscription>();
  readonly #untried: Set<string>;
  readonly #began: number;
  #left: number;
  // The attempt that has emitted: there is no other one from then on.
  #chosen = false;

  constructor(subscriber: Subscriber<T>, options: AttemptOptions<T>) {
    super();
    this.#subscriber = subscriber;
    this.#options = options;
    this.#untried = new Set(options.names);
    this.#left = options.attempts;
    this.#began = options.hosts.runtime.now();
  }

  /** Makes the next attempt. `failure`: what the last one failed with. */
  next(failure?: { readonly error: unknown }): void {
    try {
      const host = this.#pick();
      if (host !== undefined) this.#call(host);
      else if (failure !== undefined) this.#giveUp(failure.error);
      else if (this.#running.size === 0) {
        this.#giveUp(new ConfigurationError('anyHost: there is no host to call. Name some in hosts.'));
      }
    } catch (error) {
      this.#giveUp(error);
    }
  }

  // Undefined: no attempt is left, or no host.
  #pick(): string | undefined {
    if (this.#left === 0 || this.#untried.size === 0) return undefined;
    const loads = [...this.#untried].map((host): HostLoad => this.#options.hosts.load(host));
    const available = loads.filter((each) => each.available);
    const host = this.#options.pick(available.length > 0 ? available : loads);
    if (!this.#untried.has(host)) {
      throw new ConfigurationError(`anyHost: pick chose ${host}, which is none of the hosts that it was given.`);
    }
    return host;
  }

  #call(host: string): void {
    const { hosts, start, hedgeAfter } = this.#options;
    this.#untried.delete(host);
    this.#left--;
    const began = hosts.runtime.now();
    const attempt = new Subscription();
    this.#running.set(host, attempt);
    this.add(attempt);
    if (hedgeAfter !== undefined) {
      attempt.add(
        hosts.runtime.schedule(() => {
          if (!this.#chosen) this.next();
        }, hedgeAfter),
      );
    }
    attempt.add(
      start(host, this.#remaining(began)).subscribe({
        next: (value) => {
          if (!this.#chosen) this.#choose(host, began);
          this.#subscriber.next(value);
        },
        error: (error: unknown) => {
          this.#end(host);
          this.#failed(error);
        },
        complete: () => {
          // A stream without items.
          if (!this.#chosen) this.#choose(host, began);
          this.#subscriber.complete();
        },
      }),
    );
  }

  #choose(host: string, began: number): void {
    this.#chosen = true;
    this.#options.answered(this.#options.hosts.runtime.now() - began);
    for (const other of [...this.#running.keys()]) if (other !== host) this.#end(other);
  }

  #end(host: string): void {
    const attempt = this.#running.get(host);
    this.#running.delete(host);
    // An interceptor may throw in its teardown. The other attempts, and the answer, are not affected.
    guarded(reportUnhandled, () => attempt?.unsubscribe());
  }

  #failed(error: unknown): void {
    if (!this.#chosen && this.#maySucceedElsewhere(error)) this.next({ error });
    else this.#giveUp(error);
  }

  // Another attempt may still answer, where more than one runs.
  #giveUp(error: unknown): void {
    if (this.#running.size === 0 || this.#chosen) this.#subscriber.error(error);
  }

  #maySucceedElsewhere(error: unknown): boolean {
    if (!(error instanceof GridError)) return false;
    if (error instanceof ConfigurationError) return false;
    // That a connection is closed for good says nothing of the other hosts.
    const passes = error.retryable || error instanceof DisconnectedError;
    return notSent(error) || (this.#options.idempotent && passes);
  }

  // The timeout is one for all attempts.
  #remaining(now: number): CallOptions {
    const { call } = this.#options;
    if (call.timeout === undefined) return call;
    return { ...call, timeout: Math.max(Number.MIN_VALUE, call.timeout - (now - this.#began)) };
  }
}

function notSent(error: GridError): boolean {
  return (error as { readonly sent?: unknown }).sent === false && error.code !== 'deadline-exceeded';
}
