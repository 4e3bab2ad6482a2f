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
 * While connecting, calls wait. The first failed attempt leads to back-off, where they fail at once, and every further
 * attempt runs there: a host that is down must not hold up its callers again and again. Before the manager is started
 * nothing tries to connect: it counts as connecting, but calls fail at once and say what to do (`held`).
 */

import { BehaviorSubject, defer, filter, map, Observable, of, Subject, switchMap, take, EMPTY } from 'rxjs';
import { errorInfo, type ErrorInfo } from '../error-info.js';
import { ConfigurationError, DisconnectedError } from '../errors.js';
import { isolated, reportUnhandled } from '../flow/unhandled.js';
import { guarded } from '../guard.js';
import type { Limits } from '../limits.js';
import type { Engine } from '../mux/engine.js';
import { RunningHandlers } from '../mux/running-handlers.js';
import type { Runtime } from '../runtime.js';
import type { Link, ObservedFrame } from './link.js';
import { WaitingCalls, type WaitingCall } from './waiting-calls.js';

/** What a connection does now. */
export type ConnectionStatus = 'connecting' | 'connected' | 'back-off' | 'closed';

/** State of a connection. */
export interface ConnectionState {
  /** Host at the other end. */
  readonly host: string;
  readonly status: ConnectionStatus;
  /** When this state began by the wall clock, in ms since the epoch. */
  readonly since: number;
  /** How many links have opened so far; more than 1 means that it reconnected. */
  readonly connects: number;
  /** Why the last attempt failed, or the last link was lost. */
  readonly error?: ErrorInfo;
  /**
   * While connected, how messages are read: `buffer`, from one buffer of the process; `ws`, by `ws` or the platform (TLS,
   * browsers, other runtimes). Undefined for a connection in memory.
   */
  readonly readPath?: 'buffer' | 'ws';
}

/** Figures of a connection. Counts only grow, across reconnects. */
export interface ConnectionStats {
  /** Host at the other end. */
  readonly host: string;
  /** Round-trip time of the last ping, in ms; undefined while there is none. */
  readonly rtt: number | undefined;
  /** Calls that this side made, and that the other side made. */
  readonly callsOut: number;
  readonly callsIn: number;
  /** Calls that are open now. */
  readonly openOut: number;
  readonly openIn: number;
  /** WebSocket messages and bytes. */
  readonly messagesOut: number;
  readonly messagesIn: number;
  readonly bytesOut: number;
  readonly bytesIn: number;
  /** Times that a stream had an item to send and no credit. */
  readonly creditStalls: number;
  /** Bytes that wait in the send queue now. */
  readonly queuedBytes: number;
}

/** What a connection is made of. */
export interface HostConnectionOptions {
  readonly host: string;
  readonly runtime: Runtime;
  readonly limits: Limits;
  /**
   * Why nothing tries to connect yet; undefined as soon as something does. As long as there is a reason, calls fail with it
   * at once, as in back-off. Default: never a reason.
   */
  readonly held?: () => string | undefined;
  /** Handlers of the peer that run on. Default: counted for this connection alone. */
  readonly running?: RunningHandlers | undefined;
}

const noCounts = { callsOut: 0, callsIn: 0, messagesOut: 0, messagesIn: 0, bytesOut: 0, bytesIn: 0, creditStalls: 0 };
/** `stats$` is refreshed so often, in ms. */
const statsInterval = 1_000;

/** See the head of this file. */
export class HostConnection {
  readonly host: string;
  /** Handlers of the peer that run on after their calls, also those of links that are gone. */
  readonly running: RunningHandlers;
  /** The state, beginning with the present one. Completes when the connection is closed for good. */
  readonly state$: Observable<ConnectionState>;
  /** The figures, now and then every second. */
  readonly stats$: Observable<ConnectionStats>;
  /** Every frame that passes, across reconnects. Decoded only while somebody is subscribed. */
  readonly frames$: Observable<ObservedFrame>;
  /** Emits the error of each link that was lost, for whoever dials again. */
  readonly lost: Observable<Error | undefined>;

  readonly #runtime: Runtime;
  readonly #state: BehaviorSubject<ConnectionState>;
  readonly #link = new BehaviorSubject<Link | undefined>(undefined);
  // One for all errors: a lost link has as many as it had calls.
  readonly #reconnected: Observable<void>;
  readonly #lost = new Subject<Error | undefined>();
  readonly #waiting: WaitingCalls;
  readonly #held: () => string | undefined;
  // Counts of the links that are gone.
  #past = noCounts;

  constructor({ host, runtime, limits, held = nothing, running = new RunningHandlers() }: HostConnectionOptions) {
    this.host = host;
    this.running = running;
    this.#held = held;
    this.#runtime = runtime;
    this.#waiting = new WaitingCalls(host, runtime, limits, () => this.disconnected(false));
    this.#state = new BehaviorSubject<ConnectionState>({
      host,
      status: 'connecting',
      since: runtime.wallNow(),
      connects: 0,
    });
    // Users subscribe to these. What one of them throws must not keep the state from the others, and from who dials.
    // A BehaviorSubject that has completed gives its value to nobody: who asks late must still learn that it is closed.
    this.state$ = isolated(defer(() => (this.state.status === 'closed' ? of(this.state) : this.#state)));
    this.#reconnected = this.#state.pipe(
      filter(({ status }) => status === 'connected'),
      take(1),
      map(() => undefined),
    );
    this.lost = this.#lost.asObservable();
    this.frames$ = isolated(this.#link.pipe(switchMap((link) => link?.frames$ ?? EMPTY)));
    this.stats$ = new Observable<ConnectionStats>((subscriber) => {
      let cancel: () => void;
      const tell = (): void => {
        cancel = runtime.schedule(tell, statsInterval);
        guarded(reportUnhandled, () => {
          subscriber.next(this.stats);
        });
      };
      tell();
      const closed = this.#state.subscribe({
        complete: () => {
          subscriber.complete();
        },
      });
      return () => {
        cancel();
        closed.unsubscribe();
      };
    });
  }

  /** The engine, while connected. */
  get engine(): Engine | undefined {
    return this.#link.value?.engine;
  }

  get link(): Link | undefined {
    return this.#link.value;
  }

  get state(): ConnectionState {
    return this.#state.value;
  }

  get stats(): ConnectionStats {
    const link = this.#link.value;
    const counts = this.#counts(link);
    return {
      host: this.host,
      rtt: link?.rtt,
      ...counts,
      openOut: link?.engine.open.outgoing ?? 0,
      openIn: link?.engine.open.incoming ?? 0,
      queuedBytes: link?.engine.schedule.queuedBytes ?? 0,
    };
  }

  /** Resolves when connected; rejects when closed for good, and while nothing tries to connect. */
  ready(): Promise<void> {
    if (this.#held() !== undefined) return Promise.reject(this.disconnected(false));
    return new Promise((resolve, reject) => {
      this.#state
        .pipe(
          filter(({ status }) => status === 'connected' || status === 'closed'),
          take(1),
        )
        .subscribe({
          next: ({ status }) => {
            if (status === 'connected') resolve();
            else reject(this.disconnected(false));
          },
          complete: () => {
            reject(this.disconnected(false));
          },
        });
    });
  }

  /** Runs `call.start` with an engine: at once, or when there is one. The result takes the call back while it waits. */
  withEngine(call: WaitingCall): () => void {
    const link = this.#link.value;
    if (link !== undefined) {
      call.start(link.engine);
      return nothing;
    }
    const wait = call.wait ?? (this.#state.value.status === 'connecting' && this.#held() === undefined);
    if (wait === false || this.#state.value.status === 'closed') {
      // On a macrotask: delivered at once, the failure makes retry() overflow the stack; on a microtask, starve the timers.
      return this.#runtime.schedule(() => {
        call.fail(this.disconnected(false));
      }, 0);
    }
    return this.#waiting.add(call, wait);
  }

  /** A link has opened. One that was there is replaced: what is in flight on it fails. */
  open(link: Link): void {
    const old = this.#link.value;
    if (this.#state.value.status === 'closed') {
      link.close();
      return;
    }
    if (old !== undefined) this.#past = this.#counts(old);
    this.#link.next(link);
    link.closed.subscribe((error) => {
      this.#onLinkClosed(link, error);
    });
    old?.close();
    // It may have closed before it came here, or while the calls of the old one failed.
    if (!link.open) return;
    link.ping();
    this.#setState('connected', this.#state.value.connects + 1);
    this.#waiting.startAll(
      (call) => {
        guarded(reportUnhandled, () => {
          call.start(link.engine);
        });
      },
      () => this.#link.value === link,
    );
  }

  /**
   * An attempt to connect failed: from now on calls fail at once, until a link opens. With `soonAgain`, a connection that is
   * `connecting` remains so, and calls still wait.
   */
  attemptFailed(error: Error, soonAgain = false): void {
    const { status, connects } = this.#state.value;
    if (status === 'closed' || status === 'connected') return;
    if (soonAgain && status === 'connecting') {
      this.#setState('connecting', connects, error);
      return;
    }
    this.#setState('back-off', connects, error);
    this.#waiting.fail(
      () => this.disconnected(false),
      ({ wait }) => wait === undefined,
    );
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
  }

  /** The error of a call whose connection is not there, or was lost. */
  disconnected(sent: boolean): DisconnectedError<Observable<void>> {
    const { status, error } = this.#state.value;
    const held = status === 'connecting' ? this.#held() : undefined;
    const reason = held ?? error?.message;
    const why =
      status === 'closed'
        ? `The connection to ${this.host} is closed for good.`
        : status === 'connected'
          ? `The call was dropped by ${this.host}, or its connection was replaced; there is a connection now`
          : `There is no connection to ${this.host}${reason === undefined ? '' : `: ${reason}`}`;
    const sentText = sent ? ' The call may have reached it.' : ' Nothing of the call was sent.';
    return new DisconnectedError(`${why.replace(/\.?$/, '.')}${sentText}`, {
      sent,
      host: this.host,
      reconnected: this.#reconnected,
      cause: held === undefined ? error?.cause : new ConfigurationError(held),
    });
  }

  #onLinkClosed(link: Link, error: Error | undefined): void {
    if (this.#link.value !== link) return;
    this.#past = this.#counts(link);
    this.#link.next(undefined);
    if (this.#state.value.status === 'closed') return;
    this.#setState('connecting', this.#state.value.connects, error);
    this.#lost.next(error);
  }

  #counts(link: Link | undefined): typeof noCounts {
    if (link === undefined) return this.#past;
    const { stats } = link.engine;
    const past = this.#past;
    return {
      callsOut: past.callsOut + stats.callsOut,
      callsIn: past.callsIn + stats.callsIn,
      messagesOut: past.messagesOut + stats.messagesOut,
      messagesIn: past.messagesIn + stats.messagesIn,
      bytesOut: past.bytesOut + stats.bytesOut,
      bytesIn: past.bytesIn + stats.bytesIn,
      creditStalls: past.creditStalls + stats.creditStalls,
    };
  }

  #setState(status: ConnectionStatus, connects: number, error?: Error): void {
    const before = this.#state.value;
    this.#state.next({
      host: this.host,
      status,
      // A further failed attempt begins no new state.
      since: before.status === status && status !== 'connected' ? before.since : this.#runtime.wallNow(),
      connects,
      ...(error === undefined ? {} : { error: errorInfo(error) }),
      ...(status === 'connected' && this.#link.value?.readPath !== undefined
        ? { readPath: this.#link.value.readPath }
        : {}),
    });
  }
}

function nothing(): undefined {
  // A call that has started cannot be taken back; a connection without a `held` has no reason to wait.
}
