import type { Subscription } from 'rxjs';
import {
  DeadlineExceededError,
  DisconnectedError,
  type DuplexStream,
  fromIterable,
  GridError,
  LimitError,
  ProtocolError,
  RefusedError,
  RemoteError,
  sendTo,
  type CallOptions,
  type Connection,
} from '../../lib/index.js';
import type { Simulation } from '../../lib/testing/index.js';
import { rules, unaryTimeout, type CallRecord, type Ledger } from './ledger.js';
import { bulkItems, endless, type Operation } from './operation.js';
import { ask, askByName, asCallerHas, echo, relay, serve, talk } from './routes.js';
import { plannedFailure, sourceOf } from './source.js';
import { take, unsubscribe, witness, type Takeable, type TakerThrows } from './take.js';
import { PlannedThrow, type Reported } from './throws.js';

interface End {
  readonly error?: unknown;
}

/** Ms in which the hosts have found each other after the start. */
const startUp = 3_000;
/** Round trips of a stream of {@link bulkItems}; without a window that grows, it takes 50. */
const bulkRoundTrips = 16;
/** Ms that an answer may take beside its handler’s time and a round trip. */
const answerSlack = 5;

/** Makes one call, and checks its outcome. The result settles when it is over for the caller. */
export function performCall(operation: Operation, simulation: Simulation, ledger: Ledger): Promise<void> {
  return new Promise((resolve, reject) => {
    // A process that stands still makes no calls.
    simulation.cluster.host(operation.from).run(() => {
      new PendingCall(operation, simulation, ledger, (error) => {
        if (error instanceof GridError) reject(error);
        else resolve();
      }).start();
    });
  });
}

class PendingCall {
  readonly #operation: Operation;
  readonly #simulation: Simulation;
  readonly #ledger: Ledger;
  readonly #record: CallRecord;
  readonly #over: (error?: unknown) => void;
  readonly #reason = new Error('aborted as planned');
  readonly #timers: ReturnType<typeof setTimeout>[] = [];

  constructor(operation: Operation, simulation: Simulation, ledger: Ledger, over: (error?: unknown) => void) {
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
    // What stops within its own subscribe, because items wait, is over for rxjs before its finalizer is there.
    const { late, stopAfter } = this.#operation;
    const make = this.#thrown(throws, belongs, throws === 'finalizer' && late > 0 && stopAfter > 0);
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
    const host = this.#simulation.cluster.host(this.#operation.from);
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
    this.#simulation.note(`stopped ${this.#record.operation.script.id}`);
    this.#finish();
  }

  #finish(error?: unknown): void {
    this.#record.overAt ??= this.#simulation.clock.elapsed;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#over(error);
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
    else {
      this.#checkWhole();
      this.#checkThroughput();
    }
    this.#checkLatency(end);
    this.#finish(end.error);
  };

  #checkDeadline(): void {
    const { route, timeout, taker, late: lateTaker } = this.#operation;
    const isUnary = route === 'ask' || route === 'askByName';
    // In the other ways the consumer's own time comes on top.
    if (!isUnary && (taker !== 'subscribe' || lateTaker > 0)) return;
    const allowed = timeout === 0 ? (isUnary ? unaryTimeout : Infinity) : timeout;
    const took = this.#simulation.clock.elapsed - this.#record.beganAt;
    const { from } = this.#operation;
    const { reasons } = this.#ledger;
    const late = reasons.drift(allowed) + reasons.pausedFor(from, this.#record.beganAt, this.#simulation.clock.elapsed);
    if (took > allowed + 1 + late)
      this.#ledger.violate(rules.deadline, this.#record, `it took ${took} ms of ${allowed}`);
  }

  #checkReason(error: unknown): void {
    const { route, script } = this.#operation;
    if (error instanceof DisconnectedError) this.#record.unsent = !error.sent;
    if (error instanceof PlannedThrow && error.call === script.id) {
      this.#ledger.throws.report(error, 'outcome');
      return;
    }
    if (this.#hasReason(error)) return;
    this.#ledger.violate(
      rules.reason,
      this.#record,
      `${route}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  }

  // By cause: what a call fails with must have happened to it, or to the hosts between which it runs, and in time.
  #hasReason(error: unknown): boolean {
    const { from, to, timeout, route, script, abortAt } = this.#operation;
    const { reasons } = this.#ledger;
    const { beganAt } = this.#record;
    if (error === this.#reason) return abortAt > 0;
    if (error instanceof DisconnectedError) return beganAt < startUp || reasons.touched(from, to, beganAt);
    if (error instanceof DeadlineExceededError) return timeout > 0 || route.startsWith('ask');
    if (this.#ledger.line.storm && this.#isOfStorm(error)) return true;
    const isTampered = this.#ledger.tampered(this.#record);
    if (error instanceof ProtocolError) return isTampered;
    if (!(error instanceof RemoteError)) return false;
    const isPlanned = script.failAt >= 0 || script.throws !== undefined;
    if (isPlanned && error.message === plannedFailure) {
      this.#checkBeforeFailure();
      return true;
    }
    // What became of the call that the relay made.
    const isRelayed = timeout > 0 || isPlanned || beganAt < startUp || reasons.touched(to, script.via, beganAt);
    return isTampered || (route === 'relay' && isRelayed);
  }

  // What the small limits of a storm lead to, at this side and at the other one.
  #isOfStorm(error: unknown): boolean {
    if (error instanceof LimitError || error instanceof RefusedError) return true;
    // The other side has given the connection up for the number of cancels.
    if (error instanceof DisconnectedError) return true;
    return (
      error instanceof RemoteError &&
      (this.#operation.route === 'relay' || /maxSendQueueBytes|maxReceiveBytes/.test(error.message))
    );
  }

  /** What was given before the handler failed has come. */
  #checkBeforeFailure(): void {
    const { route, script } = this.#operation;
    const { delivered } = this.#record.out;
    if (route === 'echo' || route.startsWith('ask')) return;
    if (script.throws === undefined && delivered === script.failAt) return;
    if (script.throws !== undefined && (script.throws !== 'handler' || delivered === 0)) return;
    this.#ledger.violate(
      rules.whole,
      this.#record,
      `it failed after ${script.throws === undefined ? script.failAt : 0} items, and ${delivered} came`,
    );
  }

  /** A unary call over a line that is fast and sound takes a round trip, beside what its handler takes. */
  #checkLatency(end: End): void {
    const { from, to, route, script } = this.#operation;
    const { line, reasons } = this.#ledger;
    const { beganAt } = this.#record;
    const isAnswer = !('error' in end) || end.error instanceof RemoteError;
    if (!route.startsWith('ask') || !isAnswer || line.bandwidth !== undefined || beganAt < startUp) return;
    if (reasons.touched(from, to, beganAt) || reasons.waited(from, to, beganAt)) return;
    const allowed = 2 * (line.latency + line.jitter) + script.pace + answerSlack;
    const took = this.#simulation.clock.elapsed - beganAt;
    if (took <= allowed) return;
    this.#ledger.violate(rules.latency, this.#record, `it took ${took} ms, and ${allowed} are due`);
  }

  /** A window that grows holds a fast consumer up for a few round trips: it doubles in each, from 16 items on. */
  #checkThroughput(): void {
    const { from, to, script } = this.#operation;
    const { line, reasons } = this.#ledger;
    const { beganAt } = this.#record;
    const { latency, jitter, bandwidth, peers } = line;
    // Where the round trips vary, a window may not grow.
    if (script.items !== bulkItems || beganAt < startUp || bandwidth !== undefined || jitter * 4 > latency) return;
    if (from === to || from in peers || to in peers) return;
    if (reasons.touched(from, to, beganAt) || reasons.waited(from, to, beganAt)) return;
    const allowed = bulkRoundTrips * (2 * (latency + jitter) + answerSlack);
    const took = this.#simulation.clock.elapsed - beganAt;
    if (took > allowed) this.#ledger.violate(rules.latency, this.#record, `it took ${took} ms, and ${allowed} are due`);
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
