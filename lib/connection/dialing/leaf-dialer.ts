/**
 * Dials the hosts of a leaf, one after the other, until it is stopped.
 *
 *     waiting ──time, signal──▶ attempt ──accepted──▶ linked ──lost──▶ waiting
 *        ▲                        │ │                    └── the host closed it as idle ──▶ dormant ──call, signal──▶ attempt
 *        │                        │ └── token refused, leaf denied ──▶ refused ──reconnect()──▶ attempt
 *        └── all hosts failed ────┴── failed: the next host, at once
 *
 * A round is one attempt at each host. The time between two rounds doubles, from `firstRedialInterval` to
 * `maxRedialInterval`; a random part of it, up to a half, is left out. It begins anew when a link is lost that lived
 * for `redialInterval`. A page that is hidden, or has no network, tries less often, and at once when it is shown or the
 * network is back: browsers are wrong about the network now and then, so it tries nevertheless. A page that has slept
 * tries at once; if it is linked, it makes sure that the host still answers.
 */

import { Subscription } from 'rxjs';
import { ClosedError, RejectedError } from '../../rejection.js';
import { firstRedialInterval, hiddenRedialInterval, leafRedialSpread, wakeProbeTimeout } from '../../bounds.js';
import { DialAttempt, type AttemptFailure, type DialAttemptOptions } from './dial-attempt.js';
import type { HostConnection } from '../host-connection.js';
import type { NextAttempt } from '../connection-state.js';
import type { Socket } from '../../transport/socket.js';
import type { ConnectResponse } from '../../wire/payloads/connect.js';
import type { Signal, Surroundings } from './surroundings.js';
import { WakeWatch } from '../wake-watch.js';

/** Options of a {@link LeafDialer}. */
export interface LeafDialerOptions extends Pick<DialAttemptOptions, 'dial' | 'runtime' | 'limits' | 'connect'> {
  readonly connection: HostConnection;
  /** The URLs to dial, in the order in which they are tried. */
  readonly urls: readonly string[];
  readonly surroundings: Surroundings;
  /** Loads the checksum for an attempt. */
  readonly checksum: () => DialAttemptOptions['checksum'];
  /** Creates the token for an attempt at a URL. */
  readonly token: (url: string) => string | Promise<string>;
  /** False where each token would be the same: one that has expired is not tried again. */
  readonly renews: boolean;
  /** The host accepted: creates the link of the socket. Called in the turn in which the answer arrived. */
  readonly accepted: (url: string, socket: Socket, response: ConnectResponse) => void;
  readonly rejected: (url: string, reason: string) => void;
}

type State = 'waiting' | 'attempt' | 'linked' | 'dormant' | 'refused' | 'stopped';

/** Dials the hosts of a leaf, one after the other, until it is stopped. */
export class LeafDialer {
  readonly #options: LeafDialerOptions;
  readonly #subscription = new Subscription();
  #attempt: DialAttempt | undefined = undefined;
  #cancelWait: (() => void) | undefined = undefined;
  #state: State = 'waiting';
  // False after the first link, and after the quick attempts that follow the start: page and host may be started
  // together.
  #starting = true;
  readonly #graceEnd: number;
  #url = 0;
  // Rounds, and attempts of the current round, that failed since the last link that lasted.
  #rounds = 0;
  #tried = 0;
  #attemptBegan = -Infinity;
  #linkedAt = 0;

  constructor(options: LeafDialerOptions) {
    this.#options = options;
    const { runtime, limits, connection } = options;
    this.#graceEnd = runtime.now() + limits.dialedGrace;
    this.#subscription.add(
      connection.lost.subscribe((error) => {
        this.#onLost(error);
      }),
    );
    this.#subscription.add(
      connection.wanted.subscribe(() => {
        if (this.#state === 'dormant') this.#begin();
      }),
    );
    this.#subscription.add(options.surroundings.listen((signal) => this.#onSignal(signal)));
    this.#subscription.add(
      WakeWatch.of(runtime).listen(() => {
        this.#onSignal('awake');
      }),
    );
    this.#begin();
  }

  /** Tries to connect now, unless it is connected or trying: ends a wait, and a refusal. */
  reconnect(): void {
    if (this.#state !== 'waiting' && this.#state !== 'dormant' && this.#state !== 'refused') return;
    this.#rounds = 0;
    this.#tried = 0;
    this.#begin();
  }

  /** Stops dialing for good. */
  stop(): void {
    this.#state = 'stopped';
    this.#cancelWait?.();
    this.#attempt?.cancel();
    this.#subscription.unsubscribe();
  }

  #begin(): void {
    const { urls, dial, runtime, limits, connect, connection, accepted, checksum, token } = this.#options;
    const url = urls[this.#url]!;
    this.#cancelWait?.();
    this.#state = 'attempt';
    // A subscriber may stop the dialer, or ask it to reconnect.
    connection.attempting();
    if (!this.#is('attempt')) return;
    this.#attempt = new DialAttempt({
      ...{ url, dial, runtime, limits, connect },
      checksum: checksum(),
      token: () => token(url),
      began: () => {
        this.#attemptBegan = runtime.now();
      },
      accepted: (socket, response) => {
        this.#state = 'linked';
        this.#starting = false;
        this.#linkedAt = runtime.now();
        accepted(url, socket, response);
      },
      failed: (failure) => {
        this.#failed(url, failure);
      },
    });
    // So may the token function.
    if (this.#is('stopped')) this.#attempt.cancel();
  }

  // A method, because the compiler assumes that the field keeps its value across a call.
  #is(state: State): boolean {
    return this.#state === state;
  }

  #failed(url: string, { error, unreachable }: AttemptFailure): void {
    const { urls, runtime, connection, rejected, limits } = this.#options;
    this.#state = 'waiting';
    if (error instanceof RejectedError) rejected(url, error.reason);
    if (!this.#is('waiting')) return;
    if (error instanceof RejectedError && error.code !== 'rejected') {
      this.#refused(error);
      return;
    }
    this.#url = (this.#url + 1) % urls.length;
    const roundEnded = ++this.#tried >= urls.length;
    if (roundEnded) {
      this.#tried = 0;
      this.#rounds++;
    }
    const base = Math.min(limits.maxRedialInterval, firstRedialInterval * 2 ** this.#rounds);
    this.#starting &&= unreachable && base < limits.redialInterval && runtime.now() < this.#graceEnd;
    const next = roundEnded ? this.#wait(this.#backOff(base)) : this.#wait(0);
    connection.attemptFailed(error, this.#starting || !roundEnded, next);
  }

  #refused(error: Error): void {
    this.#state = 'refused';
    this.#cancelWait?.();
    this.#options.connection.refused(error);
  }

  #onLost(error: Error | undefined): void {
    const { runtime, limits, urls, connection, renews } = this.#options;
    if (this.#state === 'stopped') return;
    this.#state = 'waiting';
    if (error instanceof ClosedError) {
      if (error.code === 'permission-denied' || (error.code === 'unauthenticated' && !renews)) {
        this.#refused(error);
        return;
      }
      if (error.code === 'idle') {
        this.#state = 'dormant';
        connection.attempting({ waitsFor: 'call' });
        return;
      }
    }
    this.#tried = 0;
    if (runtime.now() - this.#linkedAt >= limits.redialInterval) this.#rounds = 0;
    else this.#rounds++;
    // Another host first: the one that was lost may be down for long.
    this.#url = (this.#url + 1) % urls.length;
    const base = Math.min(limits.maxRedialInterval, firstRedialInterval * 2 ** this.#rounds);
    connection.attempting(this.#wait(this.#rounds === 0 ? runtime.random() * leafRedialSpread : this.#backOff(base)));
  }

  #onSignal(signal: Signal): void {
    const { runtime, limits, connection } = this.#options;
    if (this.#state === 'linked') {
      if (signal === 'awake' || signal === 'online') this.#probe();
    } else if (this.#state === 'waiting') {
      if (signal === 'offline' || signal === 'hidden') {
        connection.attempting(this.#wait(this.#backOff(limits.maxRedialInterval)));
        return;
      }
      this.#rounds = 0;
      this.#tried = 0;
      // Whatever the platform says, and however often: not more than one attempt in `redialInterval`.
      const earliest = this.#attemptBegan + limits.redialInterval;
      if (runtime.now() >= earliest) this.#begin();
      else connection.attempting(this.#wait(earliest - runtime.now()));
    } else if (this.#state === 'dormant' && signal === 'visible') this.#begin();
  }

  #backOff(base: number): number {
    const { runtime, limits, surroundings } = this.#options;
    const least = surroundings.hidden ? Math.min(hiddenRedialInterval, limits.maxRedialInterval) : 0;
    return Math.max(least, base * (1 - runtime.random() / 2));
  }

  #wait(delay: number): NextAttempt {
    const { runtime, limits, surroundings } = this.#options;
    const { online, hidden } = surroundings;
    const ms = online ? delay : Math.max(delay, limits.maxRedialInterval / 2);
    this.#cancelWait?.();
    this.#cancelWait = runtime.schedule(() => {
      this.#begin();
    }, ms);
    return {
      nextAttempt: runtime.wallNow() + ms,
      ...(online ? (hidden ? { waitsFor: 'visible' } : {}) : { waitsFor: 'online' }),
    };
  }

  // The socket may be dead: the host closed it while the machine slept, or it belongs to a network that is gone.
  #probe(): void {
    const { link } = this.#options.connection;
    void link?.answers(wakeProbeTimeout).then((alive) => {
      if (!alive)
        link.fail(
          new Error(`The other side has not answered a ping for ${String(wakeProbeTimeout)} ms after a sleep.`),
        );
    });
  }
}
