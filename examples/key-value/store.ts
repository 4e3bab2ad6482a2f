// #region contract
// store.ts: each key belongs to one host, which keeps a list of items under it
import { type, unary, type Handles } from 'rxgrid';

/** Adds an item to the list of a key, and returns the list. */
export const append = unary({
  id: 1,
  name: 'append',
  request: type<{ key: string; item: number }>(),
  response: type<readonly number[]>(),
});

/** Returns the list of a key. */
export const read = unary({ id: 2, name: 'read', request: type<string>(), response: type<readonly number[]>() });
// #endregion

// #region disk
/** What a host keeps when its process ends. Each access takes 2 ms. */
export class Disk {
  readonly #lists = new Map<string, readonly number[]>();

  async get(key: string): Promise<readonly number[]> {
    await access();
    return this.#lists.get(key) ?? [];
  }

  /** `signal`: a process that is gone writes no more. */
  async put(key: string, list: readonly number[], signal: AbortSignal): Promise<void> {
    await access();
    signal.throwIfAborted();
    this.#lists.set(key, list);
  }

  /** All items, of all keys. */
  items(): number[] {
    return [...this.#lists.values()].flat();
  }
}

function access(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2));
}
// #endregion

// #region faulty
/**
 * Registers the handlers, with a fault: two calls that append at the same time read the same list, and one write is
 * lost.
 */
export function serveFaultyStore(host: Handles, disk: Disk): void {
  host.handle(read, (key) => disk.get(key));
  host.handle(append, async ({ key, item }, { signal }) => {
    const list = [...(await disk.get(key)), item];
    await disk.put(key, list, signal);
    return list;
  });
}
// #endregion

// #region mended
/** Registers the handlers: one call at a time for each key. */
export function serveStore(host: Handles, disk: Disk): void {
  const last = new Map<string, Promise<unknown>>();
  host.handle(read, (key) => disk.get(key));
  host.handle(append, ({ key, item }, { signal }) => {
    const turn = (last.get(key) ?? Promise.resolve()).then(async () => {
      const list = [...(await disk.get(key)), item];
      await disk.put(key, list, signal);
      return list;
    });
    // The next call waits for this one, however it ends.
    last.set(
      key,
      turn.catch(() => undefined),
    );
    return turn;
  });
}
// #endregion
