import type { Subscriber, Unsubscribable } from 'rxjs';
import type { GridError } from '../errors.js';
import { reportUnhandled } from '../flow/unhandled.js';
import { guarded } from '../guard.js';
import type { Address, Engine } from '../mux/engine.js';
import type { ResponseSink, UnaryCaller } from '../mux/unary.js';
import type { ResolvedOptions } from '../contract/options.js';
import { RouteCall, type Caller } from './route-call.js';
import { errorOf, type WireRoute } from '../contract/wire-route.js';

/** One unary call, from subscription to its end; it is the subscription's teardown itself. */
export class UnaryCall extends RouteCall implements ResponseSink, Unsubscribable {
  readonly #subscriber: Subscriber<unknown>;
  #mux: UnaryCaller | undefined = undefined;

  constructor(
    caller: Caller,
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
    this.settle();
    let value: unknown;
    try {
      value = this.wireRoute.output.decode(payload);
    } catch (error) {
      this.#error(error);
      return;
    }
    // One after the other: an observer that throws at the item is told the end all the same.
    guarded(reportUnhandled, this.#answer, value);
    guarded(reportUnhandled, complete, this.#subscriber);
  }

  failed(error: GridError): void {
    this.fail(error);
  }

  fail(error: GridError): void {
    this.settle();
    this.#error(errorOf(this.wireRoute, this.caller.connection.host, error));
  }

  /** The subscriber has gone. Harmless after the end. */
  unsubscribe(): void {
    this.settle();
    this.#mux?.cancel();
  }

  protected open(engine: Engine, address: Address, payload: Uint8Array): void {
    this.#mux = engine.request(address, payload, this.deadline, this);
  }

  protected aborted(reason: unknown): void {
    this.unsubscribe();
    this.#error(reason);
  }

  readonly #answer = (value: unknown): void => {
    this.#subscriber.next(value);
  };

  #error(error: unknown): void {
    guarded(reportUnhandled, () => {
      this.#subscriber.error(error);
    });
  }
}

// Made once, for guarded().
function complete(subscriber: Subscriber<unknown>): void {
  subscriber.complete();
}
