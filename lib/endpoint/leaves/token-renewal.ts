/**
 * Gives the host a new token before the old one expires.
 *
 *     linked ──most of the validity has passed──▶ asking for a token ──▶ sending it ──accepted──▶ linked, with a new validity
 *                                                        └── failed ────────┴──▶ again, after a part of what is left
 *
 * When the token expires nevertheless, the host closes the connection, and the leaf connects again with a token of that
 * time.
 */

import { maxTimerMs } from '../../check.js';
import { errorText, RefusedError, RemoteError } from '../../errors.js';
import { reportUnhandled } from '../../flow/unhandled.js';
import { guarded } from '../../guard.js';
import type { Link } from '../../connection/link.js';
import type { Runtime } from '../../runtime.js';
import { controlBounds } from '../../wire/payloads/control-map.js';
import { decodeTtl, encodeToken, renewToken } from './leaf-control.js';

/** Options of a {@link TokenRenewal}. */
export interface TokenRenewalOptions {
  readonly link: Link;
  readonly runtime: Runtime;
  /** Time for the answer of the host, in ms. */
  readonly timeout: number;
  /** Returns the new token. */
  readonly token: () => string | Promise<string>;
  /** A token could not be had, or the host refused it. */
  readonly failed: (reason: string) => void;
}

/** Shortest time between two attempts, in ms. */
const shortest = 1_000;

/** Sends the host of a leaf a new token before the old one expires. */
export class TokenRenewal {
  readonly #options: TokenRenewalOptions;
  #cancel: (() => void) | undefined = undefined;
  #expiry = Infinity;

  /** `ttl` is the validity of the present token in ms. */
  constructor(options: TokenRenewalOptions, ttl: number) {
    this.#options = options;
    this.#validFor(ttl);
    options.link.closed.subscribe(() => {
      this.#cancel?.();
      this.#cancel = undefined;
    });
  }

  #validFor(ttl: number): void {
    const { runtime } = this.#options;
    if (ttl <= 0) return;
    this.#expiry = runtime.now() + ttl;
    // Not all leaves of a host at the same time.
    this.#wait(ttl * (0.7 + 0.1 * runtime.random()));
  }

  #wait(ms: number): void {
    const { runtime, link } = this.#options;
    if (!link.open) return;
    this.#cancel = runtime.schedule(
      () => {
        this.#renew().catch((error: unknown) => {
          this.#failed(errorText(error));
        });
      },
      Math.min(maxTimerMs, Math.max(shortest, ms)),
    );
  }

  async #renew(): Promise<void> {
    const { link, token, timeout } = this.#options;
    const { engine } = link;
    const given: unknown = await token();
    if (!link.open) return;
    if (typeof given !== 'string') throw new TypeError('getToken must return a text');
    engine.request({ handler: renewToken }, encodeToken(given, controlBounds.token), engine.now() + timeout, {
      route: 'the new token',
      response: (payload) => {
        this.#validFor(decodeTtl(payload));
      },
      failed: (error) => {
        this.#failed(error instanceof RefusedError || error instanceof RemoteError ? error.message : errorText(error));
      },
    });
  }

  #failed(reason: string): void {
    const { link, runtime, failed } = this.#options;
    if (!link.open) return;
    guarded(reportUnhandled, failed, reason);
    this.#wait((this.#expiry - runtime.now()) / 4);
  }
}
