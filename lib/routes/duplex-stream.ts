import {
  BehaviorSubject,
  Observable,
  Subject,
  type Observer,
  type PartialObserver,
  type Subscriber,
  type Subscription,
} from 'rxjs';
import { CancelledError, ConfigurationError } from '../errors.js';
import type { Delivery } from '../flow/delivery.js';
import { DeliveryIterator } from '../flow/delivery-iterator.js';
import type { ResolvedOptions } from './options.js';
import { StreamCall, type StreamCaller } from './stream-call.js';
import type { WireRoute } from './wire-route.js';

/**
 * An open stream: the Observable of what the handler sends, and the Observer of what goes to it, in one. Single use: its
 * output can be subscribed to once. What comes before that is held, up to the window.
 *
 * `next` beyond the credit is buffered, within bounds; prefer an input that is pulled (`exchange`), or wait for `credit$`.
 */
export class DuplexStream<I, O> extends Observable<O> implements Observer<I>, AsyncIterable<O> {
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

  /** @internal Use `connection.open`. */
  constructor(caller: StreamCaller, route: WireRoute, payload: Uint8Array, options: ResolvedOptions) {
    super((subscriber: Subscriber<O>) => {
      this.#call.inbound.attach(subscriber);
      return () => {
        this.cancel();
      };
    });
    this.#name = route.name;
    this.deliveries = new Observable((subscriber: Subscriber<Delivery<O>>) => {
      this.#take();
      this.#call.inbound.attachExplicit(subscriber);
      return () => {
        this.cancel();
      };
    });
    this.credit$ = this.#credit.asObservable();
    this.#call = new StreamCall<I, O>(caller, route, payload, options, this.#input);
    this.#call.onCredit = () => {
      if (this.#call.credit !== this.#credit.value) this.#credit.next(this.#call.credit);
    };
    this.#ended = new Promise((resolve, reject) => {
      this.#call.onEnded = (error) => {
        this.#credit.complete();
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- an AbortSignal's reason may be anything.
        if (error === undefined) resolve();
        else reject(error);
      };
    });
    // Who does not ask for the end is not told of its error here: the output tells it too.
    this.#ended.catch(() => undefined);
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
    if (this.#call.done || this.#input.closed || this.#halfClosed) this.ignored++;
    else this.#input.next(item);
  }

  #halfClosed = false;

  /** Half-closes: no more input. The output goes on. */
  complete(): void {
    this.#halfClosed = true;
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
    return new DeliveryIterator(this.deliveries);
  }

  /**
   * Subscribes to the output, once.
   *
   * @throws ConfigurationError the second time: an error notification would make `retry()` subscribe for ever.
   */
  override subscribe(observer?: Partial<Observer<O>> | ((value: O) => void)): Subscription;
  override subscribe(
    next?: ((value: O) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription;
  override subscribe(...observer: unknown[]): Subscription {
    this.#take();
    return super.subscribe(...(observer as [PartialObserver<O>]));
  }

  #take(): void {
    if (this.#taken) {
      throw new ConfigurationError(
        `The output of ${this.#name} was taken already: an open stream is single use. For an Observable that calls anew on each subscription use stream(…) or exchange(…).`,
      );
    }
    this.#taken = true;
  }
}
