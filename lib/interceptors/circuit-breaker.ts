import { Observable, tap } from 'rxjs';
import { aFunction, checkOptions, whole, wholeMs } from '../check.js';
import type { CallInterceptor, OutgoingCall } from '../contract/interceptor.js';
import { completeError, GridError, RefusedError } from '../errors.js';
import { reportUnhandled } from '../flow/unhandled.js';
import { failLater } from './later.js';

/** Options of {@link circuitBreaker}. */
export interface CircuitBreakerOptions {
  /** Failures in a row that open the circuit. Default 5. */
  readonly failures?: number;
  /** How long the circuit stays open before it lets one call through, in ms. Default 5 000. */
  readonly cooldown?: number;
  /**
   * Whether an error counts as a failure of the host. Default: errors that are `retryable`, and `internal` ones. An
   * error that a contract names is an answer, and no failure.
   */
  readonly isFailure?: (error: unknown) => boolean;
}

const rules = { failures: whole(1), cooldown: wholeMs(1), isFailure: aFunction('says whether an error is a failure') };

/** Circuits that are kept; one that was not used for longest is forgotten first. */
const maxCircuits = 1_024;

/**
 * Stops calling a host that keeps failing: one circuit for each host.
 *
 *     closed ──`failures` in a row──▶ open ──cooldown──▶ half-open ──the one call succeeds──▶ closed
 *                                      ▲                     └──────── it fails ────────┐
 *                                      └────────────────────────────────────────────────┘
 *
 * While the circuit is open, calls fail with RefusedError (`code: 'unavailable'`, `initiator: 'local'`); nothing is
 * sent.
 *
 * @throws ConfigurationError for an option that is unknown or cannot work.
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): CallInterceptor {
  checkOptions(options, rules, { of: 'circuitBreaker' });
  const { failures = 5, cooldown = 5_000, isFailure = isHostFailure } = options;
  const countsAsFailure = (error: unknown): boolean => {
    try {
      return isFailure(error);
    } catch (thrown) {
      reportUnhandled(thrown);
      // It is no evidence that the host works.
      return true;
    }
  };
  const circuits = new Map<string, Circuit>();
  const circuitOf = (host: string): Circuit => {
    const circuit = circuits.get(host) ?? new Circuit(failures, cooldown);
    circuits.delete(host);
    circuits.set(host, circuit);
    const [oldest] = circuits.keys();
    if (circuits.size > maxCircuits) circuits.delete(oldest!);
    return circuit;
  };
  return (call, next) =>
    new Observable((subscriber) => {
      const circuit = circuitOf(call.host);
      const now = (): number => call.runtime.now();
      if (!circuit.admit(subscriber, now()))
        return failLater(call.runtime, () => openError(call, cooldown)).subscribe(subscriber);
      let ended = false;
      subscriber.add(() => {
        if (!ended) circuit.abandoned(subscriber);
      });
      return next(call)
        .pipe(
          tap({
            // A stream that gives items works.
            next: () => {
              if (!ended) circuit.succeeded();
              ended = true;
            },
            complete: () => {
              if (!ended) circuit.succeeded();
              ended = true;
            },
            error: (error: unknown) => {
              ended = true;
              if (countsAsFailure(error)) circuit.failed(subscriber, now());
              else circuit.succeeded();
            },
          }),
        )
        .subscribe(subscriber);
    });
}

function openError({ host, route: { name } }: OutgoingCall, cooldown: number): RefusedError {
  const reason = `${host} has failed repeatedly, and is not called for ${String(cooldown)} ms (circuitBreaker)`;
  const error = new RefusedError(`${name}: ${reason}.`, reason, { code: 'unavailable', retryable: true });
  return completeError(Object.assign(error, { initiator: 'local' }), { host, route: name, sent: false });
}

function isHostFailure(error: unknown): boolean {
  return error instanceof GridError && (error.retryable || error.code === 'internal' || error.code === 'remote');
}

/** The circuit of one host; see {@link circuitBreaker}. */
class Circuit {
  readonly #limit: number;
  readonly #cooldown: number;
  #failures = 0;
  // Undefined: the circuit is closed.
  #openedAt: number | undefined = undefined;
  // The one call that is let through after the cooldown.
  #trial: object | undefined = undefined;

  constructor(limit: number, cooldown: number) {
    this.#limit = limit;
    this.#cooldown = cooldown;
  }

  /** True where this call may be made now. */
  admit(call: object, now: number): boolean {
    if (this.#openedAt === undefined) return true;
    if (this.#trial !== undefined || now - this.#openedAt < this.#cooldown) return false;
    this.#trial = call;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#openedAt = undefined;
    this.#trial = undefined;
  }

  failed(call: object, now: number): void {
    this.abandoned(call);
    if (++this.#failures >= this.#limit) this.#openedAt = now;
  }

  /**
   * A call was unsubscribed before it gave anything: nothing is known. One that began before the trial does not end it.
   */
  abandoned(call: object): void {
    if (this.#trial === call) this.#trial = undefined;
  }
}
