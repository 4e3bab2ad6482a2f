/** A connection of somebody who is not authenticated yet. */
export interface Newcomer {
  /** Network address that it came from; empty where it is not known. */
  readonly address: string;
  /** True while it has sent nothing. */
  readonly silent: boolean;
  /** Closes it: another one takes its place. It is not a newcomer any more. */
  drop(): void;
}

interface Entry<T> {
  readonly newcomer: T;
  readonly order: number;
}

/**
 * A bounded pool of connections that have not shown yet who they are. When it is full, the oldest silent one of the address
 * that has the most gives way to the next. So somebody who opens connections and says nothing displaces his own
 * connections, and an address that has few of them keeps its share.
 */
export class Newcomers<T extends Newcomer> {
  readonly #max: number;
  // Oldest first, of each address.
  readonly #byAddress = new Map<string, Set<Entry<T>>>();
  readonly #entries = new Map<T, Entry<T>>();
  #order = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Takes one in. False: the pool is full, and nobody in it is silent. */
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

  /** Takes one out that is authenticated, rejected or gone. */
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
