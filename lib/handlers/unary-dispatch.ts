import { isObservable, Observable, take, type Subscription } from 'rxjs';
import { HandlerError, type GridError } from '../errors.js';
import { foreignObservableHint } from '../flow/foreign-observable.js';
import { GuardedSubscriber } from '../flow/subscriber.js';
import { thrownErrors } from '../flow/unhandled.js';
import { guarded } from '../guard.js';
import { outcomeOf } from '../metrics/outcome.js';
import { noMeter, type CallMeter } from '../metrics/call-meter.js';
import type { Outcome } from '../metrics/route-meter.js';
import type { Responder } from '../mux/engine.js';
import type { CancelSink, UnaryResponder } from '../mux/unary.js';
import { CallContext } from './call-context.js';
import { isCallersFault, raw } from '../codec/codec.js';
import { isThenable } from '../contract/handler.js';
import { eventOf, failureOf, invalidArgument, outcomeOfFailure, type FailedCall, type Failure } from './failure.js';
import type { DispatchContext } from './registry.js';
import { isRelay } from '../contract/relayed-route.js';
import type { WireRoute } from '../contract/wire-route.js';

/** Time in ms that an Observable may take to complete after emitting its item before it is reported. */
const completionGraceMs = 1_000;

/** Creates the responder that runs the handler of a unary route for each call. */
export function unaryResponder(
  route: WireRoute,
  handler: (request: unknown, call: CallContext<never>) => unknown,
  context: DispatchContext,
  meter: CallMeter = noMeter,
): Responder {
  return {
    kind: 'unary',
    respond(mux, payload, caller, meta) {
      let request: unknown;
      meter.begin(payload.length);
      const call = new CallContext<never>(caller, route.subroute, mux.deadline, context, undefined, meta);
      const invocation = new UnaryInvocation(route, mux, call, context, meter);
      try {
        request = route.request.decode(payload);
      } catch (error) {
        invocation.refuse(error);
        return;
      }
      try {
        invocation.handleResult(handler(request, call));
      } catch (error) {
        invocation.fail(error);
      }
    },
  };
}

/**
 * True for generators, other iterators and async iterables such as Node streams, none of which can be a single
 * response.
 */
function isIterator(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Symbol.asyncIterator in value) return true;
  return Symbol.iterator in value && 'next' in value && typeof value.next === 'function';
}

/** One running handler of a unary call: sends its result to the caller, and cancels it when the caller cancels. */
class UnaryInvocation implements CancelSink {
  readonly #route: WireRoute;
  readonly #mux: UnaryResponder;
  readonly #call: CallContext<never>;
  readonly #context: DispatchContext;
  readonly #meter: CallMeter;
  // When the request came, on the monotonic clock, in ms.
  readonly #began: number;
  #counted = false;
  #subscription: Subscription | undefined = undefined;
  // Settles when the Promise that the handler returned has settled.
  #running: Promise<unknown> | undefined = undefined;

  constructor(
    route: WireRoute,
    mux: UnaryResponder,
    call: CallContext<never>,
    context: DispatchContext,
    meter: CallMeter,
  ) {
    this.#meter = meter;
    this.#began = mux.now();
    this.#route = route;
    this.#mux = mux;
    this.#call = call;
    this.#context = context;
    mux.attach(this);
  }

  handleResult(result: unknown): void {
    if (isObservable(result)) this.#subscribe(result);
    else if (isThenable(result)) this.#await(result);
    else this.#respond(result);
  }

  /** Answers with an error, because the request cannot be decoded. */
  refuse(error: unknown): void {
    if (isCallersFault(error)) this.#answer(invalidArgument(error, this.#failedCall, this.#context));
    else this.fail(error);
  }

  fail(error: unknown): void {
    if (this.#mux.ended) {
      // The caller no longer waits. As with a stream, the error is reported unless it is a consequence of the abort.
      if (!this.#call.isAbort(error)) this.#report(error);
      return;
    }
    this.#answer(failureOf(error, this.#failedCall, this.#context));
  }

  #answer({ text, error, event }: Failure): void {
    this.#count(outcomeOfFailure(error));
    this.#mux.fail(text, error);
    if (event !== undefined) this.#context.report(event);
  }

  get #failedCall(): FailedCall {
    const { caller, callerKind, handlerBegan: began } = this.#call;
    const { errors, handler } = this.#route;
    return { route: this.#route.name, errors, caller, callerKind, began, relayed: isRelay(handler) };
  }

  // Counts how the call ended, for its caller. The handler may run on.
  #count(outcome: Outcome): void {
    if (this.#counted) return;
    this.#counted = true;
    const now = this.#meter.exact ? this.#context.runtime.now() : this.#mux.now();
    this.#meter.end(now - this.#began, outcome);
  }

  #report(error: unknown): void {
    this.#context.report(eventOf(error, this.#failedCall));
  }

  readonly #onFailed = (error: unknown): void => {
    this.fail(error);
  };

  // Reports what finalizers of the result throw.
  readonly #onThrown = (error: unknown): void => {
    for (const thrown of thrownErrors(error)) if (!this.#call.isAbort(thrown)) this.#report(thrown);
  };

  cancelled(reason: GridError): void {
    this.#count(outcomeOf(reason));
    this.#call.abort(reason);
    this.#subscription?.unsubscribe();
  }

  get running(): PromiseLike<unknown> | undefined {
    return this.#running ?? this.#call.running;
  }

  #await(result: PromiseLike<unknown>): void {
    this.#running = Promise.resolve(result).then(
      (value) => {
        this.#respond(value);
      },
      (error: unknown) => {
        this.fail(error);
      },
    );
  }

  #subscribe(result: Observable<unknown>): void {
    let item: { readonly value: unknown } | undefined;
    let returned = false;
    const subscriber = new GuardedSubscriber<unknown>(
      {
        next: (value) => {
          if (item === undefined) {
            item = { value };
            if (returned) this.#awaitCompletion();
            return;
          }
          this.fail(
            new HandlerError(
              `${this.#route.name}: a unary handler returned an Observable of two items. Use take(1), or declare the route with takeFirst, or as duplex.`,
            ),
          );
        },
        error: (error: unknown) => {
          this.fail(error);
        },
        complete: () => {
          if (item !== undefined) this.#respond(item.value);
          else
            this.fail(
              new HandlerError(
                `${this.#route.name}: a unary handler returned an Observable that completed without an item. Use defaultIfEmpty(…).`,
              ),
            );
        },
      },
      this.#onThrown,
    );
    this.#subscription = subscriber;
    // Two items are enough to detect the fault; take() also stops an endless source that emits within `subscribe`.
    // Wrapped, so that only `subscribe` of the result is called: its `pipe` or `lift` may be overridden.
    const items = new Observable<unknown>((inner) => result.subscribe(inner));
    items.pipe(take(this.#route.takesFirst ? 1 : 2)).subscribe(subscriber);
    returned = true;
    if (this.#mux.ended) subscriber.unsubscribe();
    else if (item !== undefined) this.#awaitCompletion();
  }

  // A BehaviorSubject, or a stream without take(1), emits the response and never completes: without this report the
  // caller waits and nothing fails.
  #awaitCompletion(): void {
    const subscription = this.#subscription!;
    if (subscription.closed || this.#route.takesFirst) return;
    const { report, runtime } = this.#context;
    const route = this.#route.name;
    subscription.add(
      runtime.schedule(() => {
        report({
          type: 'handler-not-completed',
          route,
          caller: this.#call.caller,
          remedy: `${route}: the Observable of a unary handler emitted an item ${String(completionGraceMs)} ms ago and has not completed, so its caller is still waiting. Use take(1), or declare the route with takeFirst: true.`,
        });
      }, completionGraceMs),
    );
  }

  // The hint is added only if encoding fails: a user's codec may accept objects that have a subscribe() method.
  #encode(value: unknown): Uint8Array {
    try {
      return this.#route.output.encode(value);
    } catch (error) {
      const hint = foreignObservableHint(value);
      if (hint === '') throw error;
      throw new HandlerError(`${this.#route.name}: a unary handler returned a value that cannot be encoded.${hint}`, {
        cause: error,
      });
    }
  }

  #respond(value: unknown): void {
    if (this.#mux.ended) return;
    // `raw` has no null; for other codecs null is a value.
    const nothing = value === undefined || (value === null && this.#route.output.codec === raw.codec);
    // Guarded, because a user's codec may return anything.
    guarded(this.#onFailed, () => {
      if (isIterator(value)) {
        throw new HandlerError(
          `${this.#route.name}: a unary handler returned a generator or another iterator. Return one value, such as an array of the items, or declare the route as duplex.`,
        );
      }
      const payload = this.#encode(nothing ? undefined : value);
      const refusal = this.#mux.respond(nothing && payload.length === 0 ? null : payload);
      if (refusal === undefined) this.#meter.response(payload.length);
      this.#count(refusal === undefined ? 'ok' : outcomeOfFailure(refusal));
    });
  }
}
