/** Durations of the last calls of a route that are remembered. */
const remembered = 128;
/** Fewer durations do not show how long the slowest calls take. */
const enough = 20;

/** How long the last calls of each route took. */
export class Latencies {
  // The newest of each route replaces the oldest. Weak: routes may be made for one call.
  readonly #durations = new WeakMap<object, { readonly ms: number[]; next: number }>();

  /** A call of the route was answered after so many ms. */
  add(route: object, ms: number): void {
    let known = this.#durations.get(route);
    if (known === undefined) this.#durations.set(route, (known = { ms: [], next: 0 }));
    known.ms[known.next] = ms;
    known.next = (known.next + 1) % remembered;
  }

  /** The time within which 95 of 100 calls of the route were answered; undefined while too few are known. */
  p95(route: object): number | undefined {
    const known = this.#durations.get(route);
    if (known === undefined || known.ms.length < enough) return undefined;
    const sorted = [...known.ms].sort((left, right) => left - right);
    return sorted[Math.ceil(sorted.length * 0.95) - 1];
  }
}
