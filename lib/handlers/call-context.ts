import { ConfigurationError } from '../errors.js';
import { CallObservable } from '../flow/call-observable.js';
import type { Inbound } from '../flow/inbound.js';
import type { Caller } from '../mux/engine.js';
import { untilOf } from '../contract/deadline-date.js';
import type { Connection } from '../contract/connection.js';
import type { Call } from '../contract/handler.js';
import type { IncomingCall } from '../contract/interceptor.js';
import { abortReason, whenAborted } from '../flow/when-aborted.js';
import type { Runtime } from '../runtime.js';
import { noMeta, type Meta } from '../wire/payloads/opening-extra.js';

/** Returns the connection to a host, for calls on behalf of `parent`. */
export type ConnectFor = (host: string, parent: Call<unknown>) => Connection;

/** What the context of a call needs from the endpoint that serves it. */
export interface CallScope {
  readonly runtime: Runtime;
  readonly connectFor: ConnectFor;
}

/** The {@link Call} of one running handler. Parts that few handlers use are created on first access. */
export class CallContext<I> implements Call<I> {
  readonly caller: string;
  readonly callerKind: Caller['kind'];
  readonly subroute: string | undefined;
  readonly meta: Meta;

  readonly #deadline: number;
  readonly #scope: CallScope;
  readonly #inbound: Inbound<I> | undefined;
  /** Stops listening to the signal of the call that this one is derived from. */
  stopListening: () => void = nothing;

  /** True once the user's handler has been called; not for a call that is relayed, which begins at another host. */
  handlerBegan = false;

  #running: PromiseLike<unknown> | undefined = undefined;
  // The same call behind interceptors that left it as it is.
  #derived: Set<CallContext<I>> | undefined = undefined;
  #input: CallObservable<I> | undefined = undefined;
  #abort: AbortController | undefined = undefined;
  #ended: { readonly reason: unknown } | undefined = undefined;

  /** `deadline` is a monotonic time in ms; Infinity for none. */
  constructor(
    caller: Caller,
    subroute: string | undefined,
    deadline: number,
    scope: CallScope,
    inbound: Inbound<I> | undefined,
    meta: Meta = noMeta,
  ) {
    this.caller = caller.name;
    this.callerKind = caller.kind;
    this.subroute = subroute;
    this.meta = meta;
    this.#deadline = deadline;
    this.#scope = scope;
    this.#inbound = inbound;
  }

  get input(): CallObservable<I> {
    return (this.#input ??= inputOf(this.#inbound));
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#ended !== undefined) this.#abort.abort(this.#ended.reason);
    }
    return this.#abort.signal;
  }

  get deadline(): Date | undefined {
    if (this.#deadline === Infinity) return undefined;
    // Computed on access: the wall clock may have been corrected since the call arrived.
    const { runtime } = this.#scope;
    return new Date(runtime.wallNow() + this.#deadline - runtime.now());
  }

  get runtime(): Runtime {
    return this.#scope.runtime;
  }

  /** After the call: settles when an intercepted handler has ended; undefined where it does not run on. */
  get running(): PromiseLike<unknown> | undefined {
    return this.#running;
  }

  /** An intercepted handler runs until this settles. */
  ranUntil(running: PromiseLike<unknown> | undefined): void {
    this.#running = running;
  }

  /**
   * The call that interceptors make of this one, after they were given `original`. It aborts with this one, or by
   * itself. One that they leave without metadata has none; one without a signal keeps its own.
   */
  derive(passed: Partial<IncomingCall>, original: IncomingCall): CallContext<I> {
    const { meta, deadline } = passed;
    // An untouched deadline stays exact: the wall clock may have been corrected since the interceptors got it as a
    // date.
    const until = deadline === original.deadline ? this.#deadline : this.#until(deadline);
    const caller = { name: this.caller, kind: this.callerKind };
    const derived = new CallContext<I>(caller, this.subroute, until, this.#scope, this.#inbound, meta);
    // Unchanged: no signal is made, and none is listened to, until it is read.
    const signal = passed === original ? undefined : passed.signal;
    if (signal === undefined || signal === this.#abort?.signal) this.#abortAlso(derived);
    else derived.#follow(signal);
    return derived;
  }

  #abortAlso(derived: CallContext<I>): void {
    if (this.#ended !== undefined) {
      derived.abort(this.#ended.reason);
      return;
    }
    const all = (this.#derived ??= new Set());
    all.add(derived);
    derived.stopListening = () => {
      all.delete(derived);
    };
  }

  #follow(signal: AbortSignal): void {
    if (signal.aborted) {
      this.abort(abortReason(signal));
      return;
    }
    this.stopListening = whenAborted(signal, () => {
      this.abort(abortReason(signal));
    });
  }

  #until(deadline: Date | undefined): number {
    return deadline === undefined ? Infinity : untilOf(deadline, this.#scope.runtime);
  }

  connection(host: string): Connection {
    return this.#scope.connectFor(host, this);
  }

  /**
   * True if an error is only a consequence of the abort: the abort's reason, or the AbortError with which platform
   * functions reject. A handler that passes `signal` on fails with one of these.
   */
  isAbort(error: unknown): boolean {
    if (this.#ended === undefined) return false;
    if (error === this.#ended.reason) return true;
    try {
      return (error as { readonly name?: unknown } | undefined)?.name === 'AbortError';
    } catch {
      return false;
    }
  }

  /** Aborts the signal, because the caller no longer waits for the result. */
  abort(reason: unknown): void {
    this.#ended ??= { reason };
    this.#abort?.abort(reason);
    if (this.#derived === undefined) return;
    const all = [...this.#derived];
    this.#derived = undefined;
    for (const derived of all) derived.abort(reason);
  }
}

function inputOf<I>(inbound: Inbound<I> | undefined): CallObservable<I> {
  return new CallObservable<I>(
    (attach) => {
      attach(inbound!);
      return () => {
        inbound!.discard();
      };
    },
    () => {
      if (inbound === undefined) throw new ConfigurationError('A unary call has no input.');
      if (inbound.taken) {
        throw new ConfigurationError(
          'The input of a call can be consumed once, while the call runs. Share it: call.input.pipe(share()).',
        );
      }
    },
  );
}

function nothing(): void {
  // A call that comes from the wire has nothing to listen to.
}
