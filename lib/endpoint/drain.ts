/**
 * The end of a host that finishes what it has begun.
 *
 *     refusing ── no call of others runs ──▶ finishing ── no request of its own waits ──▶ closed
 *        └───────────── the time is over: what still runs is cut off ─────────────────────▲
 *
 * While refusing, the host goes on calling others: its handlers may need that to finish. It looks at its connections
 * every few ms, so that nothing on the path of a call has to know that a drain exists.
 */

import { AsyncSubject, type Observable } from 'rxjs';
import { checkOptions, someText, timerMs, type Rule } from '../check.js';
import type { HostConnection } from '../connection/host-connection.js';
import { isolated, reportUnhandled } from '../flow/unhandled.js';
import { guarded } from '../guard.js';
import { drainCheckInterval } from '../bounds.js';
import { defaultDrainTimeout } from '../limits.js';
import type { Runtime } from '../runtime.js';

/** Options of a drain. */
export interface DrainOptions {
  /** Time, in ms, that running calls have to end; what still runs is then cut off. Default 20 000. */
  readonly timeout?: number;
  /** Why, for the people at the other hosts. Default 'it is shutting down'. */
  readonly reason?: string;
}

/** How a drain ended. */
export interface DrainResult {
  /** Calls of others that still ran when the time was over, and were cut off. 0: everything ended by itself. */
  readonly interrupted: number;
}

const rules: Readonly<Record<keyof DrainOptions, Rule>> = { timeout: timerMs, reason: someText };
const defaultReason = 'it is shutting down';

/** Resolves options of a drain. @throws ConfigurationError where they cannot work. */
function resolveDrainOptions(options: DrainOptions): Required<DrainOptions> {
  checkOptions(options, rules, { of: 'drain' });
  const { timeout = defaultDrainTimeout, reason = defaultReason } = options;
  return { timeout, reason };
}

/** What a {@link Drain} needs from its endpoint. */
export interface DrainTarget {
  readonly runtime: Runtime;
  /** The connections to other hosts and to leaves, as they are now. */
  readonly connections: () => Iterable<HostConnection>;
  /** The connection of the host to itself. */
  readonly loopback: () => HostConnection;
  /** Closes everything, and calls {@link Drain.stop}. */
  readonly close: () => Promise<void>;
}

/** Ends a host: refuses new calls, waits for those that run, and closes. */
export class Drain {
  /** Settles as the close at the end does. */
  readonly ended: Promise<DrainResult>;
  readonly reason: string;

  readonly #target: DrainTarget;
  #until: number;
  #finishing = false;
  #stopped = false;
  #interrupted = 0;
  #end!: (result: DrainResult | PromiseLike<DrainResult>) => void;
  #cancelTimer: (() => void) | undefined = undefined;

  constructor(target: DrainTarget, { timeout, reason }: Required<DrainOptions>) {
    this.#target = target;
    this.reason = reason;
    this.#until = target.runtime.now() + timeout;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Begins it. */
  begin(): void {
    // A drain without time is not announced.
    if (this.#until > this.#target.runtime.now()) for (const each of this.#target.connections()) this.include(each);
    this.#check();
  }

  /** Has a connection drain that was made later. */
  include(connection: HostConnection): void {
    guarded(reportUnhandled, () => {
      connection.drain.refuseCalls(this.reason, this.#until);
      if (this.#finishing) connection.drain.makeNoCalls();
    });
  }

  /** Another drain was asked for: the earlier end counts. */
  hurry(timeout: number): void {
    this.#until = Math.min(this.#until, this.#target.runtime.now() + timeout);
    this.#check();
  }

  /** The endpoint is about to close. */
  countInterrupted(): void {
    this.#interrupted = this.#working();
  }

  /** The endpoint closes: nothing is waited for any more. */
  stop(closed: Promise<void>): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#end(closed.then(() => ({ interrupted: this.#interrupted })));
  }

  #check(): void {
    // Those who are told of the drain may close the endpoint before it begins.
    if (this.#stopped) return;
    const { runtime, connections, loopback } = this.#target;
    this.#cancelTimer?.();
    if (!this.#finishing && this.#working() === 0) this.#beginToFinish();
    const done = this.#finishing && [...connections(), loopback()].every(isDone);
    const left = this.#until - runtime.now();
    if (done) for (const connection of connections()) guarded(reportUnhandled, finish, connection);
    if (done || left <= 0) {
      void this.#target.close().catch(() => undefined);
      return;
    }
    this.#cancelTimer = runtime.schedule(
      () => {
        this.#check();
      },
      Math.min(drainCheckInterval, left),
    );
  }

  // No handler runs any more, so no handler needs to make calls.
  #beginToFinish(): void {
    this.#finishing = true;
    const { connections, loopback } = this.#target;
    for (const connection of [...connections(), loopback()]) this.include(connection);
  }

  // What the host does for others, and what it does for itself by way of its own handlers.
  #working(): number {
    const { connections } = this.#target;
    const loopback = this.#target.loopback();
    let working = loopback.running.count + loopback.stats.openOut;
    for (const connection of connections()) working += connection.drain.working;
    return working;
  }
}

// What was answered must have left, or the last word would overtake it.
function isDone({ drain }: HostConnection): boolean {
  return drain.requests === 0 && drain.flushed;
}

// Made once, for guarded().
function finish(connection: HostConnection): void {
  connection.drain.finishLink();
}

/** What a {@link Draining} needs from its endpoint. */
export interface DrainingTarget extends DrainTarget {
  /** False before the start and after the close: there is nothing to drain. */
  readonly started: () => boolean;
}

/** The drain of an endpoint, if there is one. */
export class Draining {
  /** Emits the reason once when the drain begins, also to later subscribers; completes at the close. */
  readonly reason$: Observable<string>;

  readonly #target: DrainingTarget;
  readonly #reason = new AsyncSubject<string>();
  #drain: Drain | undefined = undefined;
  #closed: Promise<void> | undefined = undefined;

  constructor(target: DrainingTarget) {
    this.#target = target;
    this.reason$ = isolated(this.#reason);
  }

  /** Why the endpoint drains; undefined while it does not. */
  get reason(): string | undefined {
    return this.#drain?.reason;
  }

  /** See `Manager.drain`. */
  // Async, so that it rejects, as all methods do that return a Promise; nothing waits before the drain has begun.
  async start(options: DrainOptions): Promise<DrainResult> {
    const resolved = resolveDrainOptions(options);
    if (this.#drain !== undefined) {
      this.#drain.hurry(resolved.timeout);
      return this.#drain.ended;
    }
    if (!this.#target.started()) return this.#target.close().then(() => ({ interrupted: 0 }));
    const drain = new Drain(this.#target, resolved);
    this.#drain = drain;
    this.#reason.next(resolved.reason);
    this.#reason.complete();
    drain.begin();
    return drain.ended;
  }

  /** Connections may have been added: they drain, too. */
  connectionsAdded(): void {
    if (this.#drain === undefined) return;
    for (const each of this.#target.connections()) if (each.drain.refusal === undefined) this.#drain.include(each);
  }

  /**
   * Runs `close`, which closes the endpoint, and ends the drain with it. Further calls return the Promise of the first
   * one.
   */
  closing(close: () => Promise<void>): Promise<void> {
    if (this.#closed !== undefined) return this.#closed;
    // Set before anything is closed: what is closed calls user code, which may close the endpoint again.
    let settle!: (closed: Promise<void>) => void;
    const closed = new Promise<void>((resolve) => {
      settle = resolve;
    });
    this.#closed = closed;
    this.#drain?.countInterrupted();
    settle(close());
    this.#reason.complete();
    this.#drain?.stop(closed);
    return closed;
  }
}
