import type { Subscription } from 'rxjs';
import {
  DeadlineExceededError,
  DisconnectedError,
  type DuplexStream,
  fromIterable,
  ProtocolError,
  RemoteError,
  sendTo,
  type CallOptions,
  type Connection,
} from '../../lib/index.js';
import type { Simulation } from '../../lib/testing/index.js';
import { rules, type CallRecord, type Ledger } from './ledger.js';
import { endless, type Operation } from './operation.js';
import { ask, askByName, asCallerHas, echo, relay, serve, talk } from './routes.js';
import { plannedFailure, sourceOf } from './source.js';
import { take, unsubscribe, witness, type Takeable, type TakerThrows } from './take.js';
import { PlannedThrow, type Reported } from './throws.js';

interface End {
  readonly error?: unknown;
}

/** Timeout of a unary call that names none, in ms. */
const unaryTimeout = 60_000;

/** Makes one call, and checks its outcome. The result settles when it is over for the caller. */
export function performCall(operation: Operation, simulation: Simulation, ledger: Ledger): Promise<void> {
  return new Promise((resolve) => {
    new PendingCall(operation, simulation, ledger, resolve).start();
  });
}

class PendingCall {
  readonly #operation: Operation;
  readonly #simulation: Simulation;
  readonly #ledger: Ledger;
  readonly #record: CallRecord;
  readonly #over: () => void;
  readonly #reason = new Error('aborted as planned');
  readonly #timers: ReturnType<typeof setTimeout>[] = [];

  constructor(operation: Operation, simulation: Simulation, ledger: Ledger, over: () => void) {
    this.#operation = operation;
    this.#simulation = simulation;
    this.#ledger = ledger;
    this.#over = over;
    this.#record = ledger.open(operation, simulation.clock.elapsed);
  }

  start(): void {
    const { from, to, unsubscribeAt, abortAt } = this.#operation;
    const connection = this.#simulation.cluster.host(from).connection(to);
    const abort = new AbortController();
    const giveUp = this.#call(connection, this.#options(abort.signal));
    this.#after(unsubscribeAt, () => {
      this.#stop();
      giveUp();
    });
    this.#after(abortAt, () => {
      abort.abort(this.#reason);
    });
  }

  #options(signal: AbortSignal): CallOptions {
    const { timeout, abortAt, waitForConnect } = this.#operation;
    return {
      ...(timeout === 0 ? {} : { timeout }),
      ...(abortAt === 0 ? {} : { signal }),
      ...(waitForConnect === undefined ? {} : { waitForConnect }),
    };
  }

  // The result gives up.
  #call(connection: Connection, options: CallOptions): () => void {
    const { route, window, callerWindow, script } = this.#operation;
    switch (route) {
      case 'ask':
      case 'askByName': {
        const { out } = this.#record;
        const throws = this.#throws();
        const source = connection.request(route === 'ask' ? ask : askByName, script, options);
        const call: Subscription = witness(
          source,
          (item) => {
            out.deliver(item);
          },
          this.#ended,
          throws,
        );
        return () => {
          unsubscribe(call, throws);
        };
      }
      case 'serve':
        return this.#take(connection.stream(asCallerHas(serve, window, callerWindow), script, options));
      case 'relay':
        return this.#take(connection.stream(asCallerHas(relay, window, callerWindow), script, options));
      case 'talk':
        return this.#take(
          connection.exchange(asCallerHas(talk, window, callerWindow), script, () => this.#input() as never, options),
        );
      case 'echo':
        return this.#take(
          connection.exchange(asCallerHas(echo, window, callerWindow), script, () => this.#input() as never, options),
        );
      case 'open': {
        const stream = connection.open(asCallerHas(talk, window, callerWindow), script, options);
        const input = this.#input() as Iterable<Uint8Array>;
        fromIterable(input)
          .pipe(sendTo(stream))
          .subscribe({ error: () => undefined });
        return this.#takeLate(stream);
      }
    }
  }

  #takeLate(stream: DuplexStream<Uint8Array, Uint8Array>): () => void {
    const { late } = this.#operation;
    if (late === 0) return this.#take(stream);
    let giveUp = (): void => {
      clearTimeout(timer);
      stream.cancel();
    };
    const timer = setTimeout(() => {
      giveUp = this.#take(stream);
    }, late);
    return () => {
      giveUp();
    };
  }

  #take(stream: Takeable): () => void {
    const { taker, takes, stopAfter } = this.#operation;
    return take(stream, {
      flow: this.#record.out,
      taker,
      takes,
      stopAfter,
      throws: this.#throws(),
      stopped: () => {
        this.#stop();
      },
      ended: this.#ended,
    });
  }

  #thrown(place: string, belongs: readonly Reported[], mayBeLost = false): () => PlannedThrow {
    return () =>
      this.#ledger.throws.make(this.#record.operation.script.id, `the caller’s ${place}`, belongs, () => mayBeLost);
  }

  // What of the code that takes the output throws.
  #throws(): TakerThrows | undefined {
    const { throws, throwAt = 0 } = this.#operation;
    if (throws !== 'projection' && throws !== 'finalizer' && throws !== 'observer') return undefined;
    const belongs: readonly Reported[] = throws === 'projection' ? ['outcome'] : ['unhandled', 'caught'];
    const make = this.#thrown(throws, belongs);
    return {
      place: throws,
      at: throwAt,
      make: () => {
        this.#record.out.abandoned = true;
        return make();
      },
      ledger: this.#ledger.throws,
    };
  }

  #input(): unknown {
    const { input, script, route, throws, throwAt = 0 } = this.#operation;
    const form = route === 'open' || input.form === 'promise' ? 'generator' : input.form;
    // What an async iterator rejects with after it was stopped is dropped, as from() of rxjs does it.
    const isPaced = form === 'generator';
    // So is the failure of an Observable that still waits behind items when the call ends otherwise, as in observeOn().
    const mayBeLost = isPaced || form === 'observable';
    return sourceOf({
      flow: this.#record.in,
      ...input,
      form,
      size: script.size,
      failAt: throws === 'inputFailure' && form !== 'value' && route !== 'open' ? Math.min(throwAt, input.items) : -1,
      failure: this.#thrown('input', ['outcome'], mayBeLost),
      finalizer:
        throws === 'inputFinalizer'
          ? this.#thrown('finalizer of the input', ['unhandled', 'outcome'], isPaced)
          : undefined,
    });
  }

  #after(ms: number, task: () => void): void {
    if (ms === 0) return;
    this.#timers.push(
      setTimeout(() => {
        if (this.#record.outcomes === 0 && !this.#record.stopped) task();
      }, ms),
    );
  }

  // The caller wants no more: no outcome comes.
  #stop(): void {
    this.#record.stopped = true;
    this.#simulation.note(`stopped ${this.#record.operation.script.id}`);
    this.#finish();
  }

  #finish(): void {
    this.#record.overAt ??= this.#simulation.clock.elapsed;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#over();
  }

  readonly #ended = (end: End): void => {
    const record = this.#record;
    record.outcomes++;
    const text = 'error' in end ? String(end.error) : 'completed';
    this.#simulation.note(`outcome ${record.operation.script.id}: ${text}`);
    if (record.outcomes > 1 || record.stopped) {
      this.#ledger.violate(
        rules.outcome,
        record,
        `outcome ${record.outcomes}: ${text}${record.stopped ? ', after it was given up' : ''}`,
      );
    }
    this.#checkDeadline();
    if ('error' in end) this.#checkReason(end.error);
    else this.#checkWhole();
    this.#finish();
  };

  #checkDeadline(): void {
    const { route, timeout, taker, late } = this.#operation;
    const isUnary = route === 'ask' || route === 'askByName';
    // In the other ways the consumer's own time comes on top.
    if (!isUnary && (taker !== 'subscribe' || late > 0)) return;
    const allowed = timeout === 0 ? (isUnary ? unaryTimeout : Infinity) : timeout;
    const took = this.#simulation.clock.elapsed - this.#record.beganAt;
    if (took > allowed + 1) this.#ledger.violate(rules.deadline, this.#record, `it took ${took} ms of ${allowed}`);
  }

  #checkReason(error: unknown): void {
    const { timeout, route, script, abortAt } = this.#operation;
    if (error instanceof DisconnectedError) {
      this.#record.unsent = !error.sent;
      return;
    }
    if (error instanceof DeadlineExceededError && (timeout > 0 || route.startsWith('ask'))) return;
    if (error === this.#reason && abortAt > 0) return;
    if (error instanceof PlannedThrow && error.call === script.id) {
      this.#ledger.throws.report(error, 'outcome');
      return;
    }
    if (
      error instanceof RemoteError &&
      (route === 'relay' || (error.message === plannedFailure && (script.failAt >= 0 || script.throws !== undefined)))
    )
      return;
    if ((error instanceof ProtocolError || error instanceof RemoteError) && this.#ledger.duplicates) return;
    this.#ledger.violate(
      rules.reason,
      this.#record,
      error instanceof Error ? (error.stack ?? error.message) : String(error),
    );
  }

  #checkWhole(): void {
    const { route, script, input } = this.#operation;
    const { out, in: into } = this.#record;
    const isUnary = route === 'ask' || route === 'askByName';
    const sent = isUnary ? 1 : route === 'echo' ? input.items : script.items;
    const takesInput = route === 'talk' || route === 'echo' || route === 'open';
    const whole =
      (route === 'echo' || (script.failAt < 0 && script.items !== endless)) &&
      out.delivered === sent &&
      (!takesInput || into.delivered === input.items);
    if (whole) return;
    this.#ledger.violate(
      rules.whole,
      this.#record,
      `${out.delivered} of ${sent} items came, ${into.delivered} of ${input.items} of the input`,
    );
  }
}
