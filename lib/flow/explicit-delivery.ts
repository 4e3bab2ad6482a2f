import type { Report } from '../observe.js';
import type { Delivery } from './delivery.js';

/** The report on a delivery that was garbage-collected. It must not reference the delivery. */
interface Loss {
  readonly route: string;
  readonly report: Report;
}

const lost = new FinalizationRegistry<Loss>(({ route, report }) => {
  report({ type: 'unreleased-delivery', route });
});

/**
 * A delivery that its consumer releases explicitly. If it is garbage-collected first, its credit is lost and reported.
 */
export class ExplicitDelivery<T> implements Delivery<T> {
  readonly value: T;
  #release: (() => void) | undefined;

  constructor(value: T, release: () => void, loss: Loss) {
    this.value = value;
    this.#release = release;
    lost.register(this, loss, this);
  }

  release(): void {
    const release = this.#release;
    if (release === undefined) return;
    this.#release = undefined;
    lost.unregister(this);
    release();
  }
}
