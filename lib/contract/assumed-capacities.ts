import { defaultWindow } from '../limits.js';
import type { Report } from '../observe.js';
import type { WireRoute } from './wire-route.js';

/**
 * Reports each route that declares no capacity and is used with a peer that does not announce windows, once per route.
 * Each side then uses its own table of capacities, and neither can detect that the tables differ.
 */
export class AssumedCapacities {
  readonly #report: Report;
  readonly #reported = new WeakSet<WireRoute>();

  constructor(report: Report) {
    this.#report = report;
  }

  /** Records that `route` is used with `host`, which does not announce windows. */
  note(route: WireRoute, host: string): void {
    const assumed = [];
    if (route.inWindow === defaultWindow) assumed.push('inCapacity');
    if (route.outWindow === defaultWindow) assumed.push('outCapacity');
    if (assumed.length === 0 || this.#reported.has(route)) return;
    this.#reported.add(route);
    const capacity = defaultWindow.initial;
    this.#report({
      type: 'capacity-assumed',
      route: route.name,
      host,
      capacity,
      remedy: `${route.name}: ${host} does not announce its capacities, and the route declares none: ${String(capacity)} is assumed. Declare ${assumed.join(' and ')} as in the table of ${host}, or its streams may fail or stall.`,
    });
  }
}
