import type { Runtime } from '../../runtime.js';

/**
 * A list of hosts from which a host goes only when it has been missing for a while: a host that flaps, a resolver that
 * gives a part of the answer, or a store that was emptied and is filled again changes nothing.
 *
 *     listed ──missing──▶ missing ──for removeAfter──▶ removed
 *        ▲                   │
 *        └──── found again ──┘
 */
export class DelayedRemovals {
  readonly #runtime: Runtime;
  readonly #removeAfter: number;
  readonly #emit: (hosts: readonly string[]) => void;
  // Each host with the time since when it is missing; Infinity: it is not.
  readonly #hosts = new Map<string, number>();
  #emitted: readonly string[] | undefined = undefined;
  #cancelTimer: (() => void) | undefined = undefined;

  constructor(runtime: Runtime, removeAfter: number, emit: (hosts: readonly string[]) => void) {
    this.#runtime = runtime;
    this.#removeAfter = removeAfter;
    this.#emit = emit;
  }

  /** Hosts in the list, those that are missing for a short time among them; undefined before the first list. */
  get size(): number | undefined {
    return this.#emitted === undefined ? undefined : this.#hosts.size;
  }

  /** The hosts that are there now, without duplicates. */
  update(names: readonly string[]): void {
    const now = this.#runtime.now();
    const present = new Set(names);
    for (const name of present) this.#hosts.set(name, Infinity);
    for (const [name, missingSince] of this.#hosts) {
      if (!present.has(name) && missingSince === Infinity) this.#hosts.set(name, now);
    }
    this.#removeAndEmit();
  }

  /** Emits nothing any more. */
  stop(): void {
    this.#cancelTimer?.();
  }

  #removeAndEmit(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const now = this.#runtime.now();
    let next = Infinity;
    for (const [name, missingSince] of this.#hosts) {
      const due = missingSince + this.#removeAfter;
      if (due <= now) this.#hosts.delete(name);
      else next = Math.min(next, due);
    }
    if (next !== Infinity) {
      this.#cancelTimer = this.#runtime.schedule(() => {
        this.#removeAndEmit();
      }, next - now);
    }
    const list = [...this.#hosts.keys()].sort();
    const before = this.#emitted;
    if (before?.length === list.length && list.every((name, index) => name === before[index])) return;
    this.#emitted = list;
    this.#emit(list);
  }
}
