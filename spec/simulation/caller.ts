import type { Subscription } from 'rxjs';
import {
  ConfigurationError,
  type DuplexStream,
  fromIterable,
  GridError,
  sendTo,
  type CallOptions,
  type Connection,
} from '../../lib/index.js';
import { CallChecks, type End } from './call-checks.js';
import { rules, type CallRecord } from './ledger.js';
import type { Operation } from './operation.js';
import { ask, askByName, asCallerHas, echo, metaKey, relay, serve, talk } from './routes.js';
import { sourceOf } from './source.js';
import { take, unsubscribe, witness, type Takeable, type TakerThrows } from './take.js';
import type { PlannedThrow } from './throws.js';
import { type Reported } from './throws.js';
import type { World } from './world.js';

/** Makes one call, and checks its outcome. The result settles when it is over for the caller. */
export function performCall(operation: Operation, world: World): Promise<void> {
  return new Promise((resolve, reject) => {
    // A process that stands still makes no calls.
    world.party(operation.from).run(() => {
      new PendingCall(operation, world, (error) => {
        if (error instanceof GridError) reject(error);
        else resolve();
      }).start();
    });
  });
}

class PendingCall {
  readonly #operation: Operation;
  readonly #world: World;
  readonly #record: CallRecord;
  readonly #checks: CallChecks;
  readonly #over: (error?: unknown) => void;
  // What its signal is aborted with; undefined where it is not.
  readonly #reason: Error | undefined;
  readonly #timers: ReturnType<typeof setTimeout>[] = [];

  constructor(operation: Operation, world: World, over: (error?: unknown) => void) {
    this.#operation = operation;
    this.#world = world;
    this.#over = over;
    this.#record = world.ledger.open(operation, world.simulation.clock.elapsed);
    this.#reason = operation.abortAt === 0 ? undefined : new Error('aborted as planned');
    this.#checks = new CallChecks(this.#record, world, this.#reason);
  }

  start(): void {
    const { unsubscribeAt, abortAt } = this.#operation;
    const connection = this.#connection();
    if (connection === undefined) {
      this.#stop();
      return;
    }
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

  // Undefined: the other side is not in the list of hosts now, or a leaf that is not connected.
  #connection(): Connection | undefined {
    const { from, to } = this.#operation;
    try {
      return this.#world.party(from).connection(to);
    } catch (error) {
      const isGone = this.#world.ledger.reasons.touched(from, to, this.#record.beganAt);
      if (error instanceof ConfigurationError && isGone) return undefined;
      throw error;
    }
  }

  #options(signal: AbortSignal): CallOptions {
    const { timeout, abortAt, waitForConnect, script } = this.#operation;
    return {
      ...(script.meta === undefined ? {} : { meta: { [metaKey]: script.meta } }),
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
      this.#world.ledger.throws.make(
        this.#record.operation.script.id,
        `the caller’s ${place}`,
        belongs,
        () => mayBeLost,
      );
  }

  // What of the code that takes the output throws.
  #throws(): TakerThrows | undefined {
    const { throws, throwAt = 0 } = this.#operation;
    if (throws !== 'projection' && throws !== 'finalizer' && throws !== 'observer') return undefined;
    const { route, taker } = this.#operation;
    // An operator makes a failure of what its destination throws.
    const passesOperators = taker === 'chunked' || (this.#world.ledger.line.intercepted && route !== 'open');
    const belongs: readonly Reported[] =
      throws === 'projection'
        ? ['outcome']
        : throws === 'observer' && passesOperators
          ? ['outcome', 'unhandled', 'caught']
          : ['unhandled', 'caught'];
    // What stops within its own subscribe, because items wait, is over for rxjs before its finalizer is there.
    const { late, stopAfter } = this.#operation;
    const isOver =
      // What stops at the item at which its observer throws is over for the operators.
      stopAfter > 0 && (throws === 'finalizer' ? late > 0 : throws === 'observer' && passesOperators);
    const make = this.#thrown(throws, belongs, isOver);
    return {
      place: throws,
      at: throwAt,
      make: () => {
        this.#record.out.abandoned = true;
        return make();
      },
      ledger: this.#world.ledger.throws,
    };
  }

  #input(): unknown {
    const { input, script, route, throws, throwAt = 0 } = this.#operation;
    const form = route === 'open' || input.form === 'promise' ? 'generator' : input.form;
    // What an async iterator rejects with after it was stopped is dropped, as from() of rxjs does it.
    const isPaced = form === 'generator';
    // So is the failure of an Observable that still waits behind items when the call ends otherwise, as in observeOn().
    const mayBeLost = isPaced || form === 'observable' || form === 'buffered' || form === 'readable';
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
    const host = this.#world.party(this.#operation.from);
    this.#timers.push(
      setTimeout(() => {
        host.run(() => {
          if (this.#record.outcomes === 0 && !this.#record.stopped) task();
        });
      }, ms),
    );
  }

  // The caller wants no more: no outcome comes.
  #stop(): void {
    this.#record.stopped = true;
    this.#world.simulation.note(`stopped ${this.#record.operation.script.id}`);
    this.#finish();
  }

  #finish(error?: unknown): void {
    this.#record.overAt ??= this.#world.simulation.clock.elapsed;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#over(error);
  }

  readonly #ended = (end: End): void => {
    const record = this.#record;
    record.outcomes++;
    const text = 'error' in end ? String(end.error) : 'completed';
    this.#world.simulation.note(`outcome ${record.operation.script.id}: ${text}`);
    if (record.outcomes > 1 || record.stopped) {
      this.#world.ledger.violate(
        rules.outcome,
        record,
        `outcome ${record.outcomes}: ${text}${record.stopped ? ', after it was given up' : ''}`,
      );
    }
    this.#checks.check(end);
    this.#finish(end.error);
  };
}
