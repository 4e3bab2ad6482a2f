import type { RunningHandlers } from '../mux/running-handlers.js';
import type { Runtime } from '../runtime.js';
import type { Link } from './link.js';

/** What this side has announced to the peer. */
interface Refusing {
  readonly reason: string;
  /** When the connection closes at the latest, on the monotonic clock. */
  readonly until: number;
  /** Calls of the peer that its link had left without an answer before. A new link has none. */
  unanswered: number;
}

/**
 * The drains of both ends of a connection to a host.
 *
 *     this side   taking calls ──refuseCalls──▶ refusing those of the peer ──makeNoCalls──▶ and making none
 *     the peer    taking calls ──its notice──▶ refusing ours, until the link is lost
 */
export class HostDrain {
  readonly #host: string;
  readonly #runtime: Runtime;
  readonly #running: RunningHandlers;
  readonly #link: () => Link | undefined;
  #refusing: Refusing | undefined = undefined;
  #makesNoCalls = false;
  #peerReason: string | undefined = undefined;

  /** `link`: the link that is open; undefined while there is none. */
  constructor(host: string, runtime: Runtime, running: RunningHandlers, link: () => Link | undefined) {
    this.#host = host;
    this.#runtime = runtime;
    this.#running = running;
    this.#link = link;
  }

  /** Why this side refuses calls of the peer; undefined while it takes them. */
  get refusal(): string | undefined {
    return this.#refusing?.reason;
  }

  /** Why no calls can be made to the peer now; undefined while they can. */
  get noCalls(): string | undefined {
    if (this.#makesNoCalls) return `this host drains: ${this.refusal ?? ''}`;
    return this.#peerReason === undefined
      ? undefined
      : `${this.#host} drains and takes no new calls: ${this.#peerReason}`;
  }

  /** Calls of the peer that are open, and handlers that run on after their calls. */
  get working(): number {
    return this.#running.count + (this.#link()?.engine.open.incoming ?? 0);
  }

  /** True while nothing waits to be sent. */
  get flushed(): boolean {
    return (this.#link()?.engine.schedule.queuedBytes ?? 0) === 0;
  }

  /** Unary calls of this side that wait for their answer. */
  get requests(): number {
    return this.#link()?.engine.requests ?? 0;
  }

  /**
   * From now on the calls of the peer are refused, which is announced to it, at once and on each later link. `until` is
   * on the monotonic clock. The first reason counts.
   */
  refuseCalls(reason: string, until: number): void {
    if (this.#refusing !== undefined) return;
    this.#refusing = { reason, until, unanswered: this.#link()?.engine.stats.unanswered ?? 0 };
    this.#announce();
  }

  /** After {@link refuseCalls}: this side makes no new calls either. */
  makeNoCalls(): void {
    this.#makesNoCalls = this.#refusing !== undefined;
  }

  /** The peer says that it drains. */
  peerDrains(reason: string): void {
    this.#peerReason = reason;
  }

  /** A link begins, before anything is sent on it. */
  linkBegins(): void {
    this.#peerReason = undefined;
    if (this.#refusing !== undefined) this.#refusing.unanswered = 0;
  }

  /** The link is in use. */
  linkOpened(): void {
    this.#announce();
  }

  /** The link is gone. */
  linkLost(): void {
    this.#peerReason = undefined;
  }

  /**
   * Closes the link after a drain, with the last word that all calls of the peer are answered. It is left out where one
   * of them got no answer, because it may have run: the peer must not take it for a call that was never begun.
   */
  finishLink(): void {
    const link = this.#link();
    if (link === undefined || this.#refusing === undefined) return;
    if (link.engine.stats.unanswered === this.#refusing.unanswered) link.drain.sayLastWord(this.#refusing.reason);
    link.close();
  }

  #announce(): void {
    if (this.#refusing === undefined) return;
    const { reason, until } = this.#refusing;
    this.#link()?.drain.announce(reason, until - this.#runtime.now());
  }
}
