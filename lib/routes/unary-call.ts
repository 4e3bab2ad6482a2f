import type { Subscriber } from 'rxjs';
import type { HostConnection, WaitingCall } from '../connection/host-connection.js';
import { GridError } from '../errors.js';
import type { Limits } from '../limits.js';
import type { Runtime } from '../runtime.js';
import type { Engine } from '../mux/engine.js';
import type { ResponseSink, UnaryCaller } from '../mux/unary.js';
import { onAbort, type ResolvedOptions } from './options.js';
import { errorOf, toAddress, type WireRoute } from './wire-route.js';

/** What calls need from the side that makes them. */
export interface Caller {
  readonly runtime: Runtime;
  readonly limits: Limits;
  readonly connection: HostConnection;
}

/** One unary call, from subscription to its end. */
export class UnaryCall implements ResponseSink, WaitingCall {
  readonly route: string;
  readonly deadline: number;
  readonly wait: boolean | number | undefined;

  readonly #caller: Caller;
  readonly #wireRoute: WireRoute;
  readonly #payload: Uint8Array;
  readonly #subscriber: Subscriber<unknown>;
  readonly #stopWaiting: (() => void) | undefined;
  readonly #stopListening: (() => void) | undefined;
  #mux: UnaryCaller | undefined = undefined;

  constructor(
    caller: Caller,
    route: WireRoute,
    payload: Uint8Array,
    { deadline, wait, signals }: ResolvedOptions,
    subscriber: Subscriber<unknown>,
  ) {
    this.route = route.name;
    this.deadline = deadline;
    this.wait = wait;
    this.#caller = caller;
    this.#wireRoute = route;
    this.#payload = payload;
    this.#subscriber = subscriber;
    if (signals.length > 0) {
      this.#stopListening = onAbort(signals, caller.runtime, (reason) => {
        this.cancel();
        subscriber.error(reason);
      });
      if (signals.some((signal) => signal.aborted)) return;
    }
    const { engine } = caller.connection;
    if (engine === undefined) this.#stopWaiting = caller.connection.withEngine(this);
    else this.start(engine);
  }

  start(engine: Engine): void {
    try {
      const address = toAddress(this.#wireRoute);
      this.#mux = engine.request(address, this.#payload, this.deadline, this);
    } catch (error) {
      if (!(error instanceof GridError)) throw error;
      this.#caller.runtime.schedule(() => {
        this.fail(error);
      }, 0);
    }
  }

  response(payload: Uint8Array): void {
    this.#stopListening?.();
    let value: unknown;
    try {
      value = this.#wireRoute.output.decode(payload);
    } catch (error) {
      this.#subscriber.error(error);
      return;
    }
    this.#subscriber.next(value);
    this.#subscriber.complete();
  }

  failed(error: GridError): void {
    this.fail(error);
  }

  fail(error: GridError): void {
    this.#stopListening?.();
    this.#subscriber.error(errorOf(this.#wireRoute, error));
  }

  /** The subscriber has gone. Harmless after the end. */
  cancel(): void {
    this.#stopListening?.();
    this.#stopWaiting?.();
    this.#mux?.cancel();
  }
}
