import type { HostConnection } from '../connection/host-connection.js';
import type { WaitingCall } from '../connection/waiting-calls.js';
import { completeError, DeadlineExceededError, GridError } from '../errors.js';
import type { Limits } from '../limits.js';
import type { CallMeter } from '../metrics/call-meter.js';
import type { Outcome } from '../metrics/route-meter.js';
import type { Address, Engine } from '../mux/engine.js';
import type { Runtime } from '../runtime.js';
import { emptyPayload } from '../wire/frame.js';
import { onAbort, type ResolvedOptions } from '../contract/options.js';
import { toAddress, type WireRoute, type WireRoutes } from '../contract/wire-route.js';
import type { UnsentMeta } from './unsent-meta.js';

/** What a call needs from the endpoint that makes it. */
export interface CallerContext {
  readonly runtime: Runtime;
  readonly limits: Limits;
  readonly connection: HostConnection;
  readonly routes: WireRoutes;
  /** Reports a peer that gets calls without their metadata. */
  readonly unsentMeta: UnsentMeta;
}

/**
 * The part that unary and stream calls share: from `begin` until the mux is opened.
 *
 *     begin ──▶ waiting for a connection ──start──▶ open (the subclass owns the mux) ──▶ dispose
 *       └── deadline passed, signal aborted, no connection ──▶ fail (on a macrotask) ────────┘
 */
export abstract class RouteCall<C extends CallerContext = CallerContext> implements WaitingCall {
  readonly route: string;
  readonly deadline: number;
  readonly wait: boolean | number | undefined;

  protected readonly caller: C;
  protected readonly meter: CallMeter;
  protected readonly wireRoute: WireRoute;
  // Dropped once it has been sent: a stream may live for days.
  #payload: Uint8Array;
  #meta: Uint8Array | undefined;
  #stopWaiting: (() => void) | undefined = undefined;
  #engine: Engine | undefined = undefined;
  // When the call was made, on the monotonic clock, in ms.
  #began = 0;
  #counted = false;
  #stopListening: (() => void) | undefined = undefined;

  constructor(caller: C, route: WireRoute, payload: Uint8Array, { deadline, wait, meta }: ResolvedOptions) {
    this.route = route.name;
    this.deadline = deadline;
    this.wait = wait;
    this.caller = caller;
    this.meter = caller.routes.callMeter(route);
    this.wireRoute = route;
    this.#payload = payload;
    this.#meta = meta;
  }

  get bytes(): number {
    return this.#payload.length + (this.#meta?.length ?? 0);
  }

  /** Time from the call to its deadline, in ms; Infinity without one. */
  get timeout(): number {
    return this.deadline - this.#began;
  }

  /** Makes the call, now or once there is a connection, and ends it when one of the signals aborts. */
  begin(signals: ResolvedOptions['signals']): void {
    const { runtime, connection } = this.caller;
    this.#began = this.now();
    this.meter.begin(this.#payload.length);
    if (signals.length > 0) {
      const watch = onAbort(signals, runtime, (reason) => {
        this.aborted(reason);
      });
      this.#stopListening = watch.stop;
      if (watch.aborted) return;
    }
    // A call whose deadline has passed, or whose parent has, is not sent.
    if (this.deadline <= this.#began) this.#stopWaiting = this.#failPastDeadline();
    else this.#stopWaiting = connection.withEngine(this);
  }

  start(engine: Engine): void {
    if (this.deadline <= engine.now()) {
      this.#stopWaiting = this.#failPastDeadline();
      return;
    }
    this.#engine = engine;
    const payload = this.#payload;
    const meta = this.#meta;
    this.#payload = emptyPayload;
    this.#meta = undefined;
    try {
      this.open(engine, toAddress(this.wireRoute), payload, meta);
      if (meta !== undefined && !engine.carriesMeta) this.caller.unsentMeta.note(this.caller.connection, this.route);
    } catch (error) {
      if (!(error instanceof GridError)) throw error;
      const { idempotent } = this.wireRoute;
      completeError(error, { host: this.caller.connection.host, route: this.route, sent: false, idempotent });
      this.caller.runtime.schedule(() => {
        this.fail(error);
      }, 0);
    }
  }

  /**
   * Returns the time on the monotonic clock, in ms; with a connection, one reading for a whole turn of the event loop.
   */
  protected now(): number {
    const { runtime, connection } = this.caller;
    // The engine of the call, also once its link is lost: many calls end then, in one turn.
    return (this.#engine ?? connection.engine)?.now() ?? runtime.now();
  }

  /** Counts how the call ended. No effect after the first time. */
  protected count(outcome: Outcome): void {
    if (this.#counted) return;
    this.#counted = true;
    this.meter.end(outcome === 'cancelled' ? 0 : this.now() - this.#began, outcome);
  }

  // On a macrotask: a synchronous failure makes retry() overflow the stack.
  #failPastDeadline(): () => void {
    return this.caller.runtime.schedule(() => {
      const text = `The deadline of ${this.route} had passed before it could be sent.`;
      this.fail(new DeadlineExceededError(text, { sent: false }));
    }, 0);
  }

  abstract fail(error: unknown): void;
  /** Opens the mux. A GridError that it throws fails the call. */
  protected abstract open(engine: Engine, address: Address, payload: Uint8Array, meta: Uint8Array | undefined): void;
  /** Called when a signal of the call has aborted. */
  protected abstract aborted(reason: unknown): void;

  /** Called when the call has ended: stops waiting for a connection and listening to signals. */
  protected dispose(): void {
    this.#stopListening?.();
    this.#stopWaiting?.();
  }
}
