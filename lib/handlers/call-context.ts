import { ConfigurationError } from '../errors.js';
import { CallObservable } from '../flow/call-observable.js';
import type { Inbound } from '../flow/inbound.js';
import type { Caller } from '../mux/engine.js';
import type { Connection } from '../contract/connection.js';
import type { Call } from '../contract/handler.js';
import type { Runtime } from '../runtime.js';

/** Gives the connection to a host, for calls on behalf of a call. */
export type ConnectFor = (host: string, parent: Call<unknown>) => Connection;

/** What a call needs from the side that serves it. */
export interface CallScope {
  readonly runtime: Runtime;
  readonly connectFor: ConnectFor;
}

/** {@link Call} of one running handler. What few handlers look at is made when they look. */
export class CallContext<I> implements Call<I> {
  readonly caller: string;
  readonly callerKind: Caller['kind'];
  readonly subroute: string | undefined;

  readonly #deadline: number;
  readonly #scope: CallScope;
  readonly #inbound: Inbound<I> | undefined;
  #input: CallObservable<I> | undefined = undefined;
  #abort: AbortController | undefined = undefined;
  #ended: { readonly reason: unknown } | undefined = undefined;

  /** `deadline`: on the monotonic clock, in ms; Infinity for none. */
  constructor(
    caller: Caller,
    subroute: string | undefined,
    deadline: number,
    scope: CallScope,
    inbound: Inbound<I> | undefined,
  ) {
    this.caller = caller.name;
    this.callerKind = caller.kind;
    this.subroute = subroute;
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
    // Made when it is asked for: the wall clock may have been corrected since the call came.
    const { runtime } = this.#scope;
    return new Date(runtime.wallNow() + this.#deadline - runtime.now());
  }

  connection(host: string): Connection {
    return this.#scope.connectFor(host, this);
  }

  /**
   * True where an error is no more than what became of the abort: its reason, or the AbortError that the platform's
   * functions make of it. A handler that passes `signal` on ends like that.
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

  /** Nobody waits for the result any more. */
  abort(reason: unknown): void {
    this.#ended ??= { reason };
    this.#abort?.abort(reason);
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
