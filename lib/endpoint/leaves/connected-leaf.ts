/**
 * What a host keeps of one leaf that is connected: its bounds, and the validity of its token.
 *
 *     open ──new token──▶ open, with a new end of validity
 *       ├── the token has expired ──▶ closed (unauthenticated)
 *       └── no calls for long ──────▶ closed (idle)
 *
 * A process that was held up, and finds either late, reads first what the leaf has sent meanwhile: a new token, or a
 * call.
 */

import { either, maxTimerMs, oneOf, whole, wholeMs, type Rule } from '../../check.js';
import { errorText } from '../../errors.js';
import { ClosedError, RejectedError, type ClosedCode } from '../../rejection.js';
import { WakeWatch } from '../../connection/wake-watch.js';
import type { Link } from '../../connection/link.js';
import type { EngineOptions, Refusal, Responder } from '../../mux/engine.js';
import type { RunningHandlers } from '../../mux/running-handlers.js';
import type { UnaryResponder } from '../../mux/unary.js';
import type { Runtime } from '../../runtime.js';
import { exhausted } from '../../wire/payloads/call-error.js';
import { controlBounds } from '../../wire/payloads/control-map.js';
import { encodeTtl, renewToken, ttlOf } from './leaf-control.js';
import { readingTime, timerAfterReading } from './timer-after-reading.js';

/** Bounds of each leaf of a host. */
export interface LeafLimits {
  /**
   * Calls of the leaf that may be open, or whose handlers still run; further ones are refused. Default: `maxOpenMuxes`.
   */
  readonly inFlight?: number;
  /**
   * Bytes that are read of the leaf per second, with as many in advance: it is slowed down, not refused. A message is
   * read as a whole, and one in a second in any case, so that pings are: a leaf that sends messages of several seconds'
   * worth exceeds the bound. `limits.maxMessageBytes` of the host bounds a message. Default: no bound.
   */
  readonly bytesPerSecond?: number;
  /**
   * Time in ms without a call in either direction after which the leaf is disconnected; it comes back for its next
   * call. Default: never.
   */
  readonly idle?: number;
}

/** Validation rules of {@link LeafLimits}. */
export const leafLimitRules: Readonly<Record<keyof LeafLimits, Rule>> = {
  inFlight: whole(1),
  bytesPerSecond: whole(1),
  idle: either(wholeMs(1), oneOf(Infinity)),
};

/** What `leaves.authenticate` found. */
export interface Authenticated {
  readonly identity: string;
  /** By the wall clock, in ms; undefined for a token that never expires. */
  readonly expiresAt: number | undefined;
}

/** Options of a {@link ConnectedLeaf}. */
export interface ConnectedLeafOptions extends Authenticated {
  readonly link: Link;
  readonly runtime: Runtime;
  readonly limits: LeafLimits;
  /** Handlers of this identity that outlive their calls. */
  readonly running: RunningHandlers;
  /** Finds the handler of a route that leaves may call. */
  readonly find: EngineOptions['find'];
  /** Verifies a new token. @throws RejectedError */
  readonly authenticate: (token: string) => Promise<Authenticated>;
}

/** One connected leaf, at its host: enforces its bounds, and closes it when its token expires or it is idle. */
export class ConnectedLeaf {
  /** Why this side closed the connection; undefined where it did not. */
  closedBecause: Error | undefined = undefined;

  readonly #options: ConnectedLeafOptions;
  readonly #renewal: Responder;
  #cancelExpiry: (() => void) | undefined = undefined;
  #cancelIdle: (() => void) | undefined = undefined;
  #renewing = false;

  constructor(options: ConnectedLeafOptions) {
    this.#options = options;
    this.#renewal = {
      kind: 'unary',
      respond: (mux, payload) => {
        void this.#renew(mux, payload);
      },
    };
    this.#expireAt(options.expiresAt);
    this.#watchIdle();
    options.link.closed.subscribe(() => {
      this.#cancelExpiry?.();
      this.#cancelIdle?.();
    });
  }

  /** Finds the responder of a call of the leaf. */
  find(handler: number, subroute: Uint8Array | undefined): Responder | Refusal | string {
    const { find, limits, link, running } = this.#options;
    if (handler === renewToken && subroute === undefined) return this.#renewal;
    const { inFlight } = limits;
    if (inFlight !== undefined && link.engine.open.incoming + running.count >= inFlight) {
      return {
        text: `${String(inFlight)} calls of this leaf are open, or their handlers are still running (leaves.limits.inFlight).`,
        error: exhausted('leaves.limits.inFlight', true, false),
      };
    }
    return find(handler, subroute);
  }

  #close(code: ClosedCode, reason: string): void {
    this.closedBecause = new ClosedError(`This host closed the connection: ${reason}`, reason, code);
    this.#options.link.close({ code, reason });
  }

  // The end of validity is a date, and the wall clock may be set, or go on while the machine sleeps and timers do not:
  // it is read again when that may have happened. A machine that has just woken has not read what arrived meanwhile.
  #expireAt(expiresAt: number | undefined, woken = false): void {
    const { runtime, link } = this.#options;
    this.#cancelExpiry?.();
    this.#cancelExpiry = undefined;
    if (expiresAt === undefined || !link.open) return;
    const again = (): void => {
      this.#expireAt(expiresAt);
    };
    const left = expiresAt - runtime.wallNow();
    if (woken && left < 0) {
      this.#cancelExpiry = timerAfterReading(runtime, again, readingTime);
      return;
    }
    if (left <= 0) {
      this.#close('unauthenticated', 'the token has expired');
      return;
    }
    const cancelTimer = timerAfterReading(runtime, again, Math.min(maxTimerMs, left));
    const stopWatch = WakeWatch.of(runtime).listen(() => {
      this.#expireAt(expiresAt, true);
    });
    this.#cancelExpiry = () => {
      cancelTimer();
      stopWatch();
    };
  }

  #watchIdle(): void {
    const { link, limits, runtime } = this.#options;
    const { idle = Infinity } = limits;
    if (idle === Infinity) return;
    const { engine } = link;
    let calls = -1;
    let idleSince = runtime.now();
    const check = (): void => {
      const made = engine.stats.callsIn + engine.stats.callsOut;
      const { incoming, outgoing } = engine.open;
      if (made !== calls || incoming + outgoing > 0) idleSince = runtime.now();
      calls = made;
      const left = idleSince + idle - runtime.now();
      if (left <= 0) {
        this.#close('idle', `no call for ${String(idle)} ms (leaves.limits.idle)`);
        return;
      }
      // Twice within the time, so that it is at most half as long again.
      this.#cancelIdle = timerAfterReading(runtime, check, Math.min(left, Math.max(1, idle / 2)));
    };
    check();
  }

  async #renew(mux: UnaryResponder, payload: Uint8Array): Promise<void> {
    const { authenticate, runtime, identity } = this.#options;
    if (this.#renewing || payload.length > controlBounds.token) {
      mux.fail('One token at a time, of the size that a handshake takes.', exhausted('token', true, false));
      return;
    }
    this.#renewing = true;
    try {
      const found = await authenticate(new TextDecoder().decode(payload));
      if (found.identity !== identity) {
        mux.fail('The token is of another identity: connect anew with it.', { code: 'permission-denied', sent: false });
        return;
      }
      this.#expireAt(found.expiresAt);
      mux.respond(encodeTtl(ttlOf(found.expiresAt, runtime.wallNow())));
    } catch (error) {
      const reason = error instanceof RejectedError ? error.reason : errorText(error);
      const code = error instanceof RejectedError && error.code !== 'rejected' ? error.code : 'unavailable';
      mux.fail(reason, { code, sent: false });
    } finally {
      this.#renewing = false;
    }
  }
}
