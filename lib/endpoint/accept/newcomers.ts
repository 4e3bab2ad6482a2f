/** A connection that is not authenticated yet. */
export interface Newcomer {
  /** Network address that it came from; empty if unknown. */
  readonly address: string;
  /** True until it has sent something. */
  readonly silent: boolean;
  /** Closes the connection to make room for another one. It has been removed from the pool before. */
  drop(): void;
}

interface Entry<T> {
  readonly newcomer: T;
  readonly order: number;
}

/**
 * A bounded pool of unauthenticated connections. When it is full, the oldest silent connection of the address with the
 * most connections is dropped for the next one. A client that opens connections and sends nothing thus displaces its
 * own connections, and an address with few connections keeps its share.
 */
export class Newcomers<T extends Newcomer> {
  readonly #max: number;
  // For each address, oldest first.
  readonly #byAddress = new Map<string, Set<Entry<T>>>();
  readonly #entries = new Map<T, Entry<T>>();
  #order = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Adds a connection. Returns false if the pool is full and no connection in it is silent. */
  add(newcomer: T): boolean {
    if (this.size >= this.#max && !this.#makeRoom(newcomer.address)) return false;
    const entry = { newcomer, order: this.#order++ };
    this.#entries.set(newcomer, entry);
    const { address } = newcomer;
    const siblings = this.#byAddress.get(address);
    if (siblings === undefined) this.#byAddress.set(address, new Set([entry]));
    else siblings.add(entry);
    return true;
  }

  /** Removes a connection that has been authenticated, rejected or closed. */
  delete(newcomer: T): void {
    const entry = this.#entries.get(newcomer);
    if (entry === undefined) return;
    this.#entries.delete(newcomer);
    const siblings = this.#byAddress.get(newcomer.address)!;
    siblings.delete(entry);
    if (siblings.size === 0) this.#byAddress.delete(newcomer.address);
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#entries.keys();
  }

  #makeRoom(addressOfNext: string): boolean {
    let victim: Entry<T> | undefined;
    let most = 0;
    for (const [address, entries] of this.#byAddress) {
      const count = entries.size + (address === addressOfNext ? 1 : 0);
      if (count < most) continue;
      const oldest = oldestSilent(entries);
      if (oldest === undefined || (count === most && victim !== undefined && oldest.order > victim.order)) continue;
      victim = oldest;
      most = count;
    }
    if (victim === undefined) return false;
    this.delete(victim.newcomer);
    victim.newcomer.drop();
    return true;
  }
}

function oldestSilent<T extends Newcomer>(entries: Iterable<Entry<T>>): Entry<T> | undefined {
  for (const entry of entries) if (entry.newcomer.silent) return entry;
  return undefined;
}
