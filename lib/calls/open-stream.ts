import { BehaviorSubject, Subject, type Observable, type Subscriber } from 'rxjs';
import { CancelledError, ConfigurationError } from '../errors.js';
import type { Delivery } from '../flow/delivery.js';
import { GuardedObservable } from '../flow/guarded-observable.js';
import { PullIterator } from '../flow/pull/pull-iterator.js';
import { openReader } from '../flow/pull/reader-pull.js';
import { sendFrom, type Sending, type SendObserver } from '../flow/feed/sending.js';
import { isolated } from '../flow/unhandled.js';
import type { DuplexStream } from '../contract/duplex-stream.js';
import type { ResolvedOptions } from '../contract/options.js';
import { StreamCall, type StreamCallerContext } from './stream-call.js';
import type { WireRoute } from '../contract/wire-route.js';

/** The {@link DuplexStream} of one call. */
export class OpenStream<I, O> extends GuardedObservable<O> implements DuplexStream<I, O> {
  readonly deliveries: Observable<Delivery<O>>;
  readonly credit$: Observable<number>;
  ignored = 0;

  readonly #name: string;
  readonly #call: StreamCall<I, O>;
  readonly #input = new Subject<I>();
  readonly #credit = new BehaviorSubject(0);
  readonly #ended: Promise<void>;
  #taken = false;
  #notifying = false;

  constructor(caller: StreamCallerContext, route: WireRoute, payload: Uint8Array, options: ResolvedOptions) {
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
    // One subscriber's finalizer that throws must keep neither the others nor `ended` from the end.
    this.credit$ = isolated(this.#credit);
    this.#call = new StreamCall<I, O>(caller, route, payload, options, this.#input);
    this.#call.onCredit = this.#notifyCredit;
    this.#ended = new Promise((resolve, reject) => {
      this.#call.onEnded = (error) => {
        this.#credit.complete();
        if (error === undefined) resolve();
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- an AbortSignal's reason may be anything.
        else reject(error);
      };
    });
    // Without this, an error would be an unhandled rejection in programs that never read `ended`. The output reports it
    // as well.
    this.#ended.catch(() => undefined);
    this.#call.feedInput();
    this.#call.begin(options.signals);
  }

  get credit(): number {
    return this.#call.credit;
  }

  get closed(): boolean {
    return this.#call.done;
  }

  get ended(): Promise<void> {
    return this.#ended;
  }

  next(item: I): void {
    if (this.#input.observed) this.#input.next(item);
    else this.ignored++;
  }

  complete(): void {
    this.#input.complete();
  }

  error(reason: unknown): void {
    this.cancel(reason);
  }

  cancel(reason: unknown = new CancelledError(`${this.#name} was cancelled on this side.`)): void {
    this.#call.cancel(reason);
  }

  ignoreOutput(): void {
    this.#take();
    this.#call.inbound.discard();
  }

  [Symbol.asyncIterator](): AsyncGenerator<O, void, void> {
    return new PullIterator(openReader(this, 'for await'));
  }

  [sendFrom](observer: SendObserver): Sending<I> {
    return this.#call.sendFrom(observer, this.#input.observed, () => {
      // Items that were passed to `next` earlier and are still buffered go first.
      this.complete();
    });
  }

  // A subscriber of `credit$` may send, which uses credit. The loop prevents one level of recursion per item.
  readonly #notifyCredit = (): void => {
    if (this.#notifying) return;
    this.#notifying = true;
    while (this.#call.credit !== this.#credit.value && !this.#call.done) this.#credit.next(this.#call.credit);
    this.#notifying = false;
  };

  #take(): void {
    if (this.#taken) {
      throw new ConfigurationError(
        `The output of ${this.#name} has already been subscribed to: an open stream can be used once. For an Observable that makes a new call on each subscription use stream(…) or exchange(…).`,
      );
    }
    this.#taken = true;
  }
}
