import { Observable } from 'rxjs';
import { checkOptions, whole } from '../check.js';
import { ResourceExhaustedError } from '../contract/define-error.js';
import type { AnyInterceptor } from '../contract/interceptor.js';
import { reportUnhandled } from '../flow/unhandled.js';
import { guarded } from '../guard.js';
import { failLater } from './later.js';

/** Options of {@link concurrency}. */
export interface ConcurrencyOptions {
  /** Calls at once, 1 or more; a stream counts until it ends. */
  readonly max: number;
  /** Calls that may wait for their turn. Default 0: further ones are refused at once. */
  readonly queue?: number;
}

/**
 * Admission control: at most `max` calls at once, over all calls that pass the interceptor, and at most `queue` that
 * wait, in their order. A further one fails with ResourceExhaustedError, which is retryable: no handler has begun to
 * work on it. So an overloaded host answers what it can, and quickly refuses the rest.
 *
 * @throws ConfigurationError for an option that is unknown or cannot work.
 */
export function concurrency(options: ConcurrencyOptions): AnyInterceptor {
  checkOptions(options, { max: whole(1), queue: whole(0) }, { of: 'concurrency', required: ['max'] });
  const { max, queue = 0 } = options;
  const places = new Places(max);
  return (call, next) =>
    new Observable((subscriber) => {
      if (places.full && places.waiting >= queue) {
        const text = `${call.route.name}: ${String(max)} calls run and ${String(queue)} wait, which is the limit of concurrency(…). Call again later.`;
        const refuse = (): unknown =>
          Object.assign(new ResourceExhaustedError(text, { limit: 'concurrency' }), { sent: false });
        return failLater(call.runtime, refuse).subscribe(subscriber);
      }
      return places.take(() => {
        try {
          next(call).subscribe(subscriber);
        } catch (error) {
          subscriber.error(error);
        }
      });
    });
}

/** The places of calls that run, and the calls that wait for one. */
class Places {
  readonly #max: number;
  #taken = 0;
  #entering = false;
  // In the order in which they came.
  readonly #waiting = new Set<() => void>();

  constructor(max: number) {
    this.#max = max;
  }

  get full(): boolean {
    return this.#taken >= this.#max;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Runs `begin` when there is a place. The result gives the place back, or stops waiting for one. Once. */
  take(begin: () => void): () => void {
    let given = false;
    const giveBack = (): void => {
      if (given) return;
      given = true;
      if (this.#waiting.delete(enter)) return;
      this.#taken--;
      this.#enterNext();
    };
    const enter = (): void => {
      this.#taken++;
      // What a finalizer of this call throws must keep neither its place nor the calls that wait.
      guarded(reportUnhandled, begin);
    };
    if (this.full) this.#waiting.add(enter);
    else enter();
    return giveBack;
  }

  // A call that ends while it begins gives its place back within the loop, which then goes on: a recursion would
  // overflow the stack where many such calls wait.
  #enterNext(): void {
    if (this.#entering) return;
    this.#entering = true;
    for (const enter of this.#waiting) {
      if (this.full) break;
      this.#waiting.delete(enter);
      enter();
    }
    this.#entering = false;
  }
}
