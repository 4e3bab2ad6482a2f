/**
 * The entry of this host in etcd, under a lease that is kept alive.
 *
 *     registering ──put──▶ registered ──lease lost, entry deleted──▶ registering
 *          └── failed: again after a pause ──┘                 any ──stop──▶ lease revoked
 */

import type { Etcd3, Lease } from 'etcd3';
import { firstLookupRetry } from '../../bounds.js';
import { systemRuntime } from '../../runtime.js';

/** What a registration needs. */
export interface EtcdRegistrationOptions {
  readonly client: Etcd3;
  readonly key: string;
  readonly value: string;
  /** In seconds. */
  readonly ttl: number;
  /** Longest pause between two attempts, in ms. */
  readonly maxPause: number;
  /** The entry is in etcd. */
  readonly registered: () => void;
  /** An attempt failed; the next one follows. */
  readonly failed: (error: unknown) => void;
}

/** Keeps this host's entry in etcd, under a lease. */
export class EtcdRegistration {
  readonly #options: EtcdRegistrationOptions;
  #lease: Lease | undefined = undefined;
  #state: 'registering' | 'registered' | 'stopped' = 'registering';
  // The newest revision at which the entry was missing, of those that were reported since the last put was sent: a
  // listing may say so before the answer to the put arrives. Older reports do not count: an etcd that was restored from
  // a backup goes back.
  #missingAt = 0n;
  #failures = 0;
  #cancelTimer: (() => void) | undefined = undefined;

  constructor(options: EtcdRegistrationOptions) {
    this.#options = options;
    void this.#register();
  }

  /** The entry was not in etcd at this revision: it was deleted, or another process had the same name. */
  restore(revision: bigint): void {
    if (revision > this.#missingAt) this.#missingAt = revision;
    if (this.#state !== 'registered') return;
    this.#state = 'registering';
    void this.#put(this.#lease!);
  }

  /** Removes the entry. Resolves when etcd has confirmed that, or cannot be reached. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#cancelTimer?.();
    // Where etcd cannot be reached, the lease expires by itself.
    await this.#lease?.revoke().catch(() => undefined);
  }

  async #register(): Promise<void> {
    const { client, ttl } = this.#options;
    const lease = client.lease(ttl);
    this.#lease = lease;
    lease.on('lost', (error) => {
      this.#again(lease, error);
    });
    await this.#put(lease);
  }

  async #put(lease: Lease): Promise<void> {
    const { key, value } = this.#options;
    let revision = 0n;
    try {
      do {
        this.#missingAt = 0n;
        const { header } = await lease.put(key).value(value).exec();
        revision = BigInt(header.revision);
        if (this.#state === 'stopped' || lease !== this.#lease || lease.revoked()) return;
      } while (this.#missingAt > revision);
    } catch (error) {
      this.#again(lease, error);
      return;
    }
    this.#state = 'registered';
    this.#failures = 0;
    this.#options.registered();
  }

  // A lease that failed is given up, and a new one is taken after a pause. The same lease may fail twice.
  #again(lease: Lease, error: unknown): void {
    if (this.#state === 'stopped' || lease !== this.#lease) return;
    this.#lease = undefined;
    this.#state = 'registering';
    lease.release();
    this.#options.failed(error);
    const pause = Math.min(this.#options.maxPause, firstLookupRetry * 2 ** Math.min(this.#failures++, 16));
    this.#cancelTimer = systemRuntime.schedule(() => {
      void this.#register();
    }, pause);
  }
}
