/**
 * The lasting connection to one host, across the links that come and go.
 *
 *                       ┌──────────── link lost ───────────┐
 *                       ▼                                  │
 *     start ──▶ connecting ──────── link opened ───────▶ connected
 *                   │  ▲                                   ▲
 *      attempt failed  │ (never back: see below)           │
 *                   ▼  │                                   │
 *                back-off ───────── link opened ───────────┘        any ──close──▶ closed
 *
 * A link whose other side drains stays open for the calls that run: connected ──peer drains──▶ draining ──link lost──▶
 * connecting. In draining, new calls fail at once, as in back-off, and those that may wait do so for the next link.
 *
 *     A leaf that the other side refuses: any but connected ──▶ refused ──reconnect──▶ connecting
 *
 * While connecting, calls wait. The first failed attempt leads to back-off, where calls fail at once; further attempts
 * do not change that state, because a host that is down must not delay its callers again and again. Before the manager
 * is started, nothing tries to connect: the state is `connecting`, but calls fail at once and say what to do
 * (`notStarted`).
 */

import type { Observable } from 'rxjs';
import { BehaviorSubject, defer, filter, firstValueFrom, of, Subject, switchMap, EMPTY } from 'rxjs';
import { errorInfo } from '../error-info.js';
import { DrainingError, type DisconnectedError } from '../errors.js';
import { isolated, reportUnhandled } from '../flow/unhandled.js';
import { guarded } from '../guard.js';
import type { Limits } from '../limits.js';
import type { Engine } from '../mux/engine.js';
import { RunningHandlers } from '../mux/running-handlers.js';
import { printable } from '../printable.js';
import type { Runtime } from '../runtime.js';
import { isFinal, reconnectedOf } from './connection-state.js';
import type { ConnectionState, ConnectionStatus, NextAttempt } from './connection-state.js';
import { HostDrain } from './host-drain.js';
import type { Link, ObservedFrame } from './link.js';
import { Figures, type ConnectionStats } from './figures.js';
import { drainText, LossText } from './loss-text.js';
import { WaitingCalls, type WaitingCall } from './waiting-calls.js';

/** Options of a connection. */
export interface HostConnectionOptions {
  readonly host: string;
  readonly runtime: Runtime;
  readonly limits: Limits;
  /**
   * Why nothing tries to connect yet; undefined as soon as something does. While there is a reason, calls fail with it
   * at once, as in back-off. Default: no reason.
   */
  readonly notStarted?: () => string | undefined;
  /** Handlers of the peer that outlive their calls. Default: counted for this connection alone. */
  readonly running?: RunningHandlers | undefined;
}

/** The lasting connection to one host: its state, its calls, and the links that come and go. */
export class HostConnection {
  readonly host: string;
  /** Handlers of the peer that outlive their calls, including those of earlier links. */
  readonly running: RunningHandlers;
  /** The state, starting with the current one. Completes when the connection is closed for good. */
  readonly state$: Observable<ConnectionState>;
  /** The figures, at once and then every second. */
  readonly stats$: Observable<ConnectionStats>;
  /** Every frame that is sent or received, across reconnects. Decoded only while there is a subscriber. */
  readonly frames$: Observable<ObservedFrame>;
  /** Emits the error of each lost link. The dialer listens to it. */
  readonly lost: Observable<Error | undefined>;
  /** The drains of both ends. */
  readonly drain: HostDrain;
  /** Emits when a call begins to wait for the connection. */
  readonly wanted: Observable<void>;
  /** The engine of the link, while there is one; set here alone. A field: every call reads it several times. */
  engine: Engine | undefined = undefined;

  readonly #runtime: Runtime;
  readonly #state: BehaviorSubject<ConnectionState>;
  readonly #link = new BehaviorSubject<Link | undefined>(undefined);
  // Shared by all errors: a lost link creates one error per call.
  readonly #reconnected: Observable<void>;
  readonly #now = (sent: boolean): DisconnectedError => this.disconnected(sent);
  readonly #lost = new Subject<Error | undefined>();
  readonly #wanted = new Subject<void>();
  readonly #waiting: WaitingCalls;
  readonly #notStarted: () => string | undefined;
  readonly #figures: Figures;
  readonly #lossText: LossText;

  constructor({ host, runtime, limits, notStarted = nothing, running = new RunningHandlers() }: HostConnectionOptions) {
    this.host = host;
    this.#lossText = new LossText(host);
    this.running = running;
    this.drain = new HostDrain(host, runtime, running, () => this.#link.value);
    this.#notStarted = notStarted;
    this.#runtime = runtime;
    this.#waiting = new WaitingCalls(host, runtime, limits, () => this.disconnected(false));
    this.#state = new BehaviorSubject<ConnectionState>({
      host,
      status: 'connecting',
      since: runtime.wallNow(),
      connects: 0,
    });
    // Users subscribe to these Observables: an error that one of them throws must not reach the others, or the dialer.
    // A completed BehaviorSubject emits no value, but late subscribers must still get the closed state.
    this.state$ = isolated(defer(() => (this.state.status === 'closed' ? of(this.state) : this.#state)));
    this.#reconnected = reconnectedOf(this.#state);
    this.lost = this.#lost.asObservable();
    this.wanted = this.#wanted.asObservable();
    this.frames$ = isolated(this.#link.pipe(switchMap((link) => link?.frames$ ?? EMPTY)));
    this.#figures = new Figures(host, () => this.#link.value);
    this.stats$ = this.#figures.observe(runtime, this.#state);
  }

  get link(): Link | undefined {
    return this.#link.value;
  }

  get state(): ConnectionState {
    return this.#state.value;
  }

  get stats(): ConnectionStats {
    return this.#figures.now;
  }

  /** Resolves when connected; rejects when refused or closed for good, and while nothing tries to connect. */
  ready(): Promise<void> {
    if (this.#notStarted() !== undefined) return Promise.reject(this.disconnected(false));
    const decided = filter<ConnectionState>(({ status }) => ['connected', 'refused', 'closed'].includes(status));
    return firstValueFrom(this.#state.pipe(decided), { defaultValue: undefined }).then((state) => {
      if (state?.status !== 'connected') throw this.disconnected(false);
    });
  }

  /** Calls `call.start` with an engine, at once or when a link opens. The returned function cancels the waiting. */
  withEngine(call: WaitingCall): () => void {
    if (this.engine !== undefined && this.drain.noCalls === undefined) {
      call.start(this.engine);
      return nothing;
    }
    const wait = call.wait ?? (this.#state.value.status === 'connecting' && this.#notStarted() === undefined);
    if (wait === false || this.#state.value.status === 'closed') {
      // On a macrotask: a synchronous failure would make retry() overflow the stack, and one on a microtask starve the
      // timers.
      return this.#runtime.schedule(() => {
        call.fail(this.disconnected(false));
      }, 0);
    }
    const cancel = this.#waiting.add(call, wait);
    this.#wanted.next();
    return cancel;
  }

  /** A link has opened. It replaces an existing one, whose open calls fail. */
  open(link: Link): void {
    const old = this.#link.value;
    if (this.#state.value.status === 'closed') {
      link.close();
      return;
    }
    if (old !== undefined) this.#figures.keep(old);
    this.drain.linkBegins();
    this.engine = link.engine;
    this.#link.next(link);
    link.closed.subscribe((error) => {
      this.#onLinkClosed(link, error);
    });
    old?.replace();
    // It may have closed meanwhile, for instance while the calls of the old link failed.
    if (!link.open) return;
    link.ping();
    this.#setState('connected', this.#state.value.connects + 1);
    link.drain.notices.subscribe(({ reason }) => {
      if (this.#link.value === link) this.#onPeerDrains(reason);
    });
    this.drain.linkOpened();
    this.#waiting.startAll(
      (call) => {
        guarded(reportUnhandled, () => {
          call.start(link.engine);
        });
      },
      () => this.#link.value === link && this.drain.noCalls === undefined,
    );
  }

  /**
   * An attempt to connect failed: calls fail at once from now on, until a link opens. With `soonAgain`, a connection
   * that is `connecting` remains so, and calls still wait.
   */
  attemptFailed(error: Error, soonAgain = false, next?: NextAttempt): void {
    const { status, connects } = this.#state.value;
    if (status === 'closed' || this.#link.value !== undefined) return;
    if (soonAgain && status === 'connecting') {
      this.#setState('connecting', connects, error, next);
      return;
    }
    this.#setState('back-off', connects, error, next);
    this.#failWaiting();
  }

  /** The other side refuses this one: nothing tries to connect until {@link attempting}, and calls fail at once. */
  refused(error: Error): void {
    const { status, connects } = this.#state.value;
    if (status === 'closed' || this.#link.value !== undefined) return;
    this.#setState('refused', connects, error);
    this.#failWaiting();
  }

  /** An attempt begins, or the plan of the next one has changed. After a refusal, calls wait again. */
  attempting(next?: NextAttempt): void {
    const { status, connects, error } = this.#state.value;
    if (status === 'closed' || this.#link.value !== undefined) return;
    this.#setState(status === 'refused' ? 'connecting' : status, connects, error?.cause as Error | undefined, next);
  }

  /** Closes for good. */
  close(): void {
    if (this.#state.value.status === 'closed') return;
    this.#setState('closed', this.#state.value.connects);
    this.#link.value?.close();
    this.#waiting.fail(
      () => this.disconnected(false),
      () => true,
    );
    this.#state.complete();
    this.#link.complete();
    this.#lost.complete();
    this.#wanted.complete();
  }

  /** Creates the error of a call without a connection, or whose connection was lost. */
  disconnected(sent: boolean): DisconnectedError<Observable<void>> {
    const { state, drain } = this;
    const common = { host: this.host, reconnected: this.#reconnected, now: this.#now };
    if (drain.noCalls !== undefined && !sent && !isFinal(state)) {
      return new DrainingError(drainText(drain.noCalls), common);
    }
    const notStarted = state.status === 'connecting' ? this.#notStarted() : undefined;
    return this.#lossText.errorOf(state, notStarted, { ...common, sent });
  }

  #failWaiting(): void {
    this.#waiting.fail(
      () => this.disconnected(false),
      ({ wait }) => wait === undefined,
    );
  }

  #onLinkClosed(link: Link, error: Error | undefined): void {
    if (this.#link.value !== link) return;
    this.#figures.keep(link);
    this.engine = undefined;
    this.#link.next(undefined);
    this.drain.linkLost();
    if (this.#state.value.status === 'closed') return;
    this.#setState('connecting', this.#state.value.connects, error);
    this.#lost.next(error);
  }

  #onPeerDrains(reason: string): void {
    const shown = printable(reason);
    this.drain.peerDrains(shown);
    const { connects } = this.#state.value;
    this.#setState('draining', connects, undefined, { reason: shown });
  }

  #setState(
    status: ConnectionStatus,
    connects: number,
    error?: Error,
    more?: NextAttempt & { readonly reason?: string },
  ): void {
    const before = this.#state.value;
    const link = status === 'connected' ? this.#link.value : undefined;
    this.#state.next({
      host: this.host,
      status,
      // A further failed attempt begins no new state.
      since: before.status === status && status !== 'connected' ? before.since : this.#runtime.wallNow(),
      connects,
      ...(error === undefined ? {} : { error: errorInfo(error) }),
      ...(link?.readPath === undefined ? {} : { readPath: link.readPath }),
      ...(link?.verifies === false ? { checksum: false } : {}),
      ...more,
    });
  }
}

function nothing(): undefined {
  // A call that has started cannot be cancelled here; by default, nothing prevents a connection from starting.
}
