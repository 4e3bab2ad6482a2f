/**
 * The entries under a prefix of etcd, as they are now.
 *
 *     reading ──▶ watching from the revision of the read ──event──▶ watching
 *        ▲             └── stream lost, watch cancelled (compaction), entries differ from a later read ──┐
 *        └──────────────────────────────── pause ◀──────────────────────────────────────────────────────┘
 *
 * Whatever ends a watch, the next thing is a new read: what happened in between need not be known, so a compaction,
 * another leader and a restart are the same case. A read is repeated while the watch runs: a member of etcd that has
 * lost its quorum keeps a watch open and sends nothing.
 */

import type { Etcd3, IWatchResponse, Watcher } from 'etcd3';
import { Subscription } from 'rxjs';
import { firstLookupRetry } from '../../bounds.js';
import { systemRuntime } from '../../runtime.js';

/** What a listing needs. */
export interface EtcdListingOptions {
  readonly client: Etcd3;
  readonly prefix: string;
  /** Entries that are read at most. */
  readonly maxEntries: number;
  /** Time between two reads, and the longest pause after a failure; in ms. */
  readonly interval: number;
  /** The keys that were there at a revision of etcd, as bytes, without the prefix. */
  readonly found: (keys: ReadonlyMap<string, Uint8Array>, revision: bigint) => void;
  /** The listing failed; the next attempt follows. */
  readonly failed: (error: unknown) => void;
}

/** Reads and watches the entries under a prefix of etcd. */
export class EtcdListing {
  readonly #options: EtcdListingOptions;
  readonly #prefixBytes: number;
  // By the bytes of the key, so that keys that are no text stay apart.
  #entries = new Map<string, Uint8Array>();
  #failures = 0;
  #session: Subscription | undefined = undefined;
  #stopped = false;

  constructor(options: EtcdListingOptions) {
    this.#options = options;
    this.#prefixBytes = Buffer.byteLength(options.prefix);
    void this.#begin();
  }

  stop(): void {
    this.#stopped = true;
    this.#session?.unsubscribe();
  }

  async #begin(): Promise<void> {
    const session = new Subscription();
    this.#session = session;
    try {
      const revision = await this.#read(session);
      if (session.closed) return;
      this.#watch(session, revision);
      this.#readAgain(session);
    } catch (error) {
      this.#fail(session, error);
    }
  }

  // Resolves with the revision of the read.
  async #read(session: Subscription): Promise<bigint> {
    const { client, prefix, maxEntries } = this.#options;
    const { kvs, header } = await client
      .getAll()
      .prefix(prefix)
      .limit(maxEntries + 1)
      .exec();
    if (session.closed) return 0n;
    if (kvs.length > maxEntries) throw new Error(`there are more than ${String(maxEntries)} entries under ${prefix}`);
    this.#entries = new Map(kvs.map(({ key }) => this.#entry(key)));
    this.#failures = 0;
    const revision = BigInt(header.revision);
    this.#options.found(this.#entries, revision);
    return revision;
  }

  #watch(session: Subscription, revision: bigint): void {
    const { client, prefix } = this.#options;
    const watcher: Watcher = client
      .watch()
      .prefix(prefix)
      .startRevision(String(revision + 1n))
      .watcher();
    const end = (error: unknown): void => {
      this.#fail(session, error);
    };
    watcher.on('data', (response) => {
      if (!session.closed) this.#apply(session, response);
    });
    watcher.on('disconnected', end);
    // Also after the end of the session: an error without a listener would be thrown.
    watcher.on('error', end);
    session.add(() => {
      watcher.cancel().catch(() => undefined);
    });
  }

  #apply(session: Subscription, { events, header }: IWatchResponse): void {
    // A message that only says how far the watch is.
    if (events.length === 0) return;
    for (const { type, kv } of events) {
      const [id, key] = this.#entry(kv.key);
      if (type === 'Delete') this.#entries.delete(id);
      else this.#entries.set(id, key);
    }
    if (this.#entries.size > this.#options.maxEntries) {
      this.#fail(session, new Error(`there are more than ${String(this.#options.maxEntries)} entries`));
      return;
    }
    this.#options.found(this.#entries, BigInt(header.revision));
  }

  #readAgain(session: Subscription): void {
    const cancel = systemRuntime.schedule(() => {
      this.#checkAgainstRead(session).catch((error: unknown) => {
        this.#fail(session, error);
      });
    }, this.#options.interval);
    session.add(cancel);
  }

  async #checkAgainstRead(session: Subscription): Promise<void> {
    const watched = this.#entries;
    await this.#read(session);
    if (session.closed) return;
    const same = watched.size === this.#entries.size && [...watched.keys()].every((id) => this.#entries.has(id));
    // Perhaps an event is on its way; perhaps none comes any more. A new watch knows.
    if (same) this.#readAgain(session);
    else this.#restart(session);
  }

  #restart(session: Subscription): void {
    session.unsubscribe();
    if (!this.#stopped) void this.#begin();
  }

  #fail(session: Subscription, error: unknown): void {
    if (session.closed) return;
    session.unsubscribe();
    this.#options.failed(error);
    const pause = Math.min(this.#options.interval, firstLookupRetry * 2 ** Math.min(this.#failures++, 16));
    const wait = new Subscription();
    this.#session = wait;
    wait.add(
      systemRuntime.schedule(() => {
        void this.#begin();
      }, pause),
    );
  }

  #entry(key: Uint8Array): [string, Uint8Array] {
    const rest = key.subarray(this.#prefixBytes);
    return [Buffer.from(rest).toString('latin1'), rest];
  }
}
