import type { HostConnection } from '../connection/host-connection.js';
import type { WaitingCall } from '../connection/waiting-calls.js';
import { DeadlineExceededError, GridError } from '../errors.js';
import type { Limits } from '../limits.js';
import type { Address, Engine } from '../mux/engine.js';
import type { Runtime } from '../runtime.js';
import { emptyPayload } from '../wire/frame.js';
import { onAbort, type ResolvedOptions } from '../contract/options.js';
import { toAddress, type WireRoute } from '../contract/wire-route.js';

/** What calls need from the side that makes them. */
export interface Caller {
  readonly runtime: Runtime;
  readonly limits: Limits;
  readonly connection: HostConnection;
}

/** What every call has: its route, its payload, and its way to a connection. */
export abstract class RouteCall<C extends Caller = Caller> implements WaitingCall {
  readonly route: string;
  readonly deadline: number;
  readonly wait: boolean | number | undefined;

  protected readonly caller: C;
  protected readonly wireRoute: WireRoute;
  // Let go when it has been sent: a stream may outlive it by days.
  #payload: Uint8Array;
  #stopWaiting: (() => void) | undefined = undefined;
  #stopListening: (() => void) | undefined = undefined;

  constructor(caller: C, route: WireRoute, payload: Uint8Array, { deadline, wait }: ResolvedOptions) {
    this.route = route.name;
    this.deadline = deadline;
    this.wait = wait;
    this.caller = caller;
    this.wireRoute = route;
    this.#payload = payload;
  }

  get bytes(): number {
    return this.#payload.length;
  }

  /** Makes the call: now, or when there is a connection. A signal that aborts ends it. */
  begin(signals: ResolvedOptions['signals']): void {
    const { runtime, connection } = this.caller;
    if (signals.length > 0) {
      this.#stopListening = onAbort(signals, runtime, (reason) => {
        this.aborted(reason);
      });
      if (signals.some((signal) => signal.aborted)) return;
    }
    // A call made too late, or on behalf of one that is over, is not even sent.
    if (this.deadline <= (connection.engine?.now() ?? runtime.now())) this.#stopWaiting = this.#failLate();
    else this.#stopWaiting = connection.withEngine(this);
  }

  start(engine: Engine): void {
    if (this.deadline <= engine.now()) {
      this.#stopWaiting = this.#failLate();
      return;
    }
    const payload = this.#payload;
    this.#payload = emptyPayload;
    try {
      this.open(engine, toAddress(this.wireRoute), payload);
    } catch (error) {
      if (!(error instanceof GridError)) throw error;
      this.caller.runtime.schedule(() => {
        this.fail(error);
      }, 0);
    }
  }

  // On a macrotask: delivered at once, the failure makes retry() overflow the stack.
  #failLate(): () => void {
    return this.caller.runtime.schedule(() => {
      const text = `The deadline of ${this.route} had passed before it could be sent.`;
      this.fail(new DeadlineExceededError(text, { sent: false }));
    }, 0);
  }

  abstract fail(error: unknown): void;
  /** Opens its mux. A GridError that it throws fails the call. */
  protected abstract open(engine: Engine, address: Address, payload: Uint8Array): void;
  /** A signal of the call has aborted. */
  protected abstract aborted(reason: unknown): void;

  /** The call is over: it waits for no connection and listens to no signal. */
  protected settle(): void {
    this.#stopListening?.();
    this.#stopWaiting?.();
  }
}
