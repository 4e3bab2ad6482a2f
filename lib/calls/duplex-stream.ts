import { BehaviorSubject, Subject, type Observable, type Observer, type Subscriber } from 'rxjs';
import { CancelledError, ConfigurationError } from '../errors.js';
import type { Delivery } from '../flow/delivery.js';
import { GuardedObservable } from '../flow/guarded-observable.js';
import { PullIterator } from '../flow/pull-iterator.js';
import { openReader } from '../flow/reader-pull.js';
import { sendFrom, type Sending, type SendObserver } from '../flow/sending.js';
import type { ResolvedOptions } from '../contract/options.js';
import { StreamCall, type StreamCaller } from './stream-call.js';
import type { WireRoute } from '../contract/wire-route.js';

/**
 * An open stream: the Observable of what the handler sends, and the Observer of what goes to it, in one. Single use: its
 * output can be subscribed to once; the second time `subscribe` throws ConfigurationError. Behind
 * operators, who subscribed to the last of them gets that error, past `retry` and `catchError`; but behind `share` and its
 * like, whose Subject hides who is behind, `retry` gets it too, and subscribes for ever if it has no count: put `retry`
 * before `share`. What comes before the first subscription is held, up to the window.
 *
 * `next` beyond the credit is buffered, within bounds; prefer `sendTo`, or an input that is pulled (`exchange`), or wait
 * for `credit$`.
 */
export class DuplexStream<I, O> extends GuardedObservable<O> implements Observer<I>, AsyncIterable<O> {
  /** The output as deliveries, each to be released by hand. It takes the place of subscribing to the stream itself. */
  readonly deliveries: Observable<Delivery<O>>;
  /** Items that may be sent now, beginning with the present number. Completes with the stream. */
  readonly credit$: Observable<number>;
  /** Items given to `next` after the end, and dropped. */
  ignored = 0;

  readonly #name: string;
  readonly #call: StreamCall<I, O>;
  readonly #input = new Subject<I>();
  readonly #credit = new BehaviorSubject(0);
  readonly #ended: Promise<void>;
  #taken = false;
  #telling = false;

  /** @internal Use `connection.open`. */
  constructor(caller: StreamCaller, route: WireRoute, payload: Uint8Array, options: ResolvedOptions) {
    const take = (): void => {
      this.#take();
    };
    const cancel = (): void => {
      this.cancel();
    };
    super((subscriber) => {
      this.#call.inbound.attach(subscriber);
      return cancel;
    }, take);
    this.#name = route.name;
    this.deliveries = new GuardedObservable((subscriber: Subscriber<Delivery<O>>) => {
      this.#call.inbound.attachExplicit(subscriber);
      return cancel;
    }, take);
    this.credit$ = this.#credit.asObservable();
    this.#call = new StreamCall<I, O>(caller, route, payload, options, this.#input);
    this.#call.onCredit = this.#tellCredit;
    this.#ended = new Promise((resolve, reject) => {
      this.#call.onEnded = (error) => {
        this.#credit.complete();

        if (error === undefined) resolve();
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- an AbortSignal's reason may be anything.
        else reject(error);
      };
    });
    // Who does not ask for the end is not told of its error here: the output tells it too.
    this.#ended.catch(() => undefined);
    this.#call.feedInput();
    this.#call.begin(options.signals);
  }

  /** Items that may be sent now. */
  get credit(): number {
    return this.#call.credit;
  }

  /** True after the end, whichever. */
  get closed(): boolean {
    return this.#call.done;
  }

  /** Resolves at the normal end, rejects with the error. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Sends one item, or buffers it until there is credit. Ignored and counted after the end. */
  next(item: I): void {
    if (this.#input.observed) this.#input.next(item);
    else this.ignored++;
  }

  /** Half-closes: no more input. The output goes on. */
  complete(): void {
    this.#input.complete();
  }

  /** Cancels the stream at both ends; its output errors with `reason`. */
  error(reason: unknown): void {
    this.cancel(reason);
  }

  /** Cancels the stream at both ends; its output errors with `reason`, or with CancelledError. */
  cancel(reason: unknown = new CancelledError(`${this.#name} was cancelled on this side.`)): void {
    this.#call.cancel(reason);
  }

  /** Discards the output, now and later: for who only sends. */
  ignoreOutput(): void {
    this.#take();
    this.#call.inbound.discard();
  }

  /** The credit of an item returns when the loop asks for the next one; leaving the loop cancels the stream. */
  [Symbol.asyncIterator](): AsyncGenerator<O, void, void> {
    return new PullIterator(openReader(this, 'for await'));
  }

  /** @internal Use `sendTo`. */
  [sendFrom](observer: SendObserver): Sending<I> {
    return this.#call.sendFrom(observer, this.#input.observed, () => {
      // What was given to `next` before and waits goes first.
      this.complete();
    });
  }

  // Who hears of credit may send, which uses it up: told in a loop, so that it does not recurse for each item.
  readonly #tellCredit = (): void => {
    if (this.#telling) return;
    this.#telling = true;
    while (this.#call.credit !== this.#credit.value && !this.#call.done) this.#credit.next(this.#call.credit);
    this.#telling = false;
  };

  #take(): void {
    if (this.#taken) {
      throw new ConfigurationError(
        `The output of ${this.#name} was taken already: an open stream is single use. For an Observable that calls anew on each subscription use stream(…) or exchange(…).`,
      );
    }
    this.#taken = true;
  }
}
