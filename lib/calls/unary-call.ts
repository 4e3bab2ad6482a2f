import type { Subscriber, Unsubscribable } from 'rxjs';
import type { GridError } from '../errors.js';
import { reportUnhandled } from '../flow/unhandled.js';
import { guarded } from '../guard.js';
import { outcomeOf } from '../metrics/outcome.js';
import type { Address, Engine } from '../mux/engine.js';
import type { ResponseSink, UnaryCaller } from '../mux/unary.js';
import type { ResolvedOptions } from '../contract/options.js';
import { RouteCall, type CallerContext } from './route-call.js';
import { errorOfCall } from '../contract/route-errors.js';
import type { WireRoute } from '../contract/wire-route.js';

/** The caller's side of one unary call. It is also the teardown of the subscription that made the call. */
export class UnaryCall extends RouteCall implements ResponseSink, Unsubscribable {
  readonly #subscriber: Subscriber<unknown>;
  #mux: UnaryCaller | undefined = undefined;

  constructor(
    caller: CallerContext,
    route: WireRoute,
    payload: Uint8Array,
    options: ResolvedOptions,
    subscriber: Subscriber<unknown>,
  ) {
    super(caller, route, payload, options);
    this.#subscriber = subscriber;
    this.begin(options.signals);
  }

  response(payload: Uint8Array): void {
    this.dispose();
    let value: unknown;
    try {
      value = this.wireRoute.output.decode(payload);
    } catch (error) {
      this.count(outcomeOf(error));
      this.#error(this.#complete(error));
      return;
    }
    this.meter.response(payload.length);
    this.count('ok');
    // Guarded separately: an observer that throws in `next` must still receive `complete`.
    guarded(reportUnhandled, this.#emit, value);
    guarded(reportUnhandled, complete, this.#subscriber);
  }

  failed(error: GridError): void {
    this.fail(error);
  }

  fail(error: GridError): void {
    this.dispose();
    this.count(outcomeOf(error));
    this.#error(this.#complete(error));
  }

  /** Cancels the call because its subscriber has unsubscribed. No effect after the end. */
  unsubscribe(): void {
    this.dispose();
    this.count('cancelled');
    this.#mux?.cancel();
  }

  protected open(engine: Engine, address: Address, payload: Uint8Array, meta: Uint8Array | undefined): void {
    this.#mux = engine.request(address, payload, this.deadline, this, meta);
  }

  protected aborted(reason: unknown): void {
    this.unsubscribe();
    this.#error(reason);
  }

  readonly #emit = (value: unknown): void => {
    this.#subscriber.next(value);
  };

  #complete(error: unknown): unknown {
    return errorOfCall(this.wireRoute, this.caller.connection.host, error);
  }

  #error(error: unknown): void {
    guarded(reportUnhandled, () => {
      this.#subscriber.error(error);
    });
  }
}

// A constant function, so that guarded() needs no closure per call.
function complete(subscriber: Subscriber<unknown>): void {
  subscriber.complete();
}
