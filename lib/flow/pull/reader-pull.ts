import type { Observable } from 'rxjs';
import { checkOption, checkOptions, whole, withMethods, type Rule } from '../../check.js';
import { BufferOverflowError } from '../../errors.js';
import type { OnThrown } from '../../guard.js';
import { defaultLimits } from '../../limits.js';
import { isDeliveryLost, retainCurrent } from '../delivery.js';
import { DeliveredItems } from '../delivered-items.js';
import { isPullable, makePull, QueuePull, type Pull, type Taken } from './pull.js';
import { SourceTracker } from '../source-tracker.js';

/** Options of a reader, which takes the items of an Observable on demand. */
export interface ReaderOptions {
  /**
   * Items that may be buffered where backpressure is impossible, because they do not come from a stream, or an operator
   * makes more of them from one item of a stream. One more fails with BufferOverflowError. Default 1 024.
   */
  readonly capacity?: number;
}

/** Creates the {@link Pull} of a reader. `reader` names it in errors and reports. */
export function openReader<T>(
  source: Observable<T>,
  reader: string,
  { capacity = defaultLimits.bufferItems }: ReaderOptions = {},
): Pull<T> {
  return isPullable(source) ? source[makePull]() : new ReaderPull(source, reader, capacity);
}

const sourceRule = withMethods('an Observable', 'subscribe');

/** @throws ConfigurationError for a source that is no Observable. */
export function checkSource(reader: string, source: unknown): void {
  checkOption(`${reader}: the source`, source, sourceRule);
}

const capacityRule = whole(1, Number.MAX_SAFE_INTEGER, 'items');

/**
 * Checks the `capacity` option, and `others`. `reader` names the owner of the options.
 *
 * @throws ConfigurationError for an unknown option or an invalid value.
 */
export function checkReaderOptions(reader: string, options: object, others: Readonly<Record<string, Rule>> = {}): void {
  checkOptions(options, { capacity: capacityRule, ...others }, { of: reader });
}

interface Waiting<T> extends Taken<T> {
  /** The delivery that it is of; 0 where the item counts towards the capacity. */
  readonly delivery: number;
}

/** Applies backpressure to the stream that the items come from, and bounds items that come from elsewhere. */
class ReaderPull<T> extends QueuePull<T, Waiting<T>> {
  readonly #reader: string;
  readonly #capacity: number;
  readonly #tracker = new SourceTracker(true);
  #counted = 0;
  readonly #delivered: DeliveredItems;
  #reported = false;

  constructor(source: Observable<T>, reader: string, capacity: number) {
    super(source);
    this.#reader = reader;
    this.#capacity = capacity;
    this.#delivered = new DeliveredItems(capacity);
  }

  override open(onReady: () => void, onThrown?: OnThrown): void {
    this.#tracker.during(() => {
      super.open(() => {
        // Streams that the reader subscribes to are no part of the source.
        this.#tracker.except(onReady);
      }, onThrown);
    });
  }

  override take(): Waiting<T> | undefined {
    const taken = super.take();
    if (taken === undefined) return undefined;
    if (taken.delivery === 0) this.#counted--;
    else this.#delivered.remove(taken.delivery);
    return taken;
  }

  protected accept(value: T): void {
    const release = retainCurrent();
    this.#tracker.cameOut(value);
    if (isDeliveryLost()) this.#reportLoss();
    const delivery = release === undefined ? 0 : this.#delivered.add();
    if (delivery < 0 || (delivery === 0 && ++this.#counted > this.#capacity)) {
      release?.();
      throw new BufferOverflowError(
        `An Observable produced faster than ${this.#reader} is read: more than ${String(this.#capacity)} items are buffered. ` +
          'Raise capacity, make the items with fromIterable(…), or pipe through bufferBounded(…) or conflate().',
      );
    }
    this.waiting.push({ value, release, delivery });
  }

  #reportLoss(): void {
    if (this.#reported) return;
    for (const { route, report } of this.#tracker.streams) {
      this.#reported = true;
      report({
        type: 'backpressure-lost',
        route,
        remedy: `${this.#reader}() stands behind an asynchronous operator, such as delay, observeOn or concatMap: the credit of an item returns before it is read. Put consume() before that operator.`,
      });
    }
  }
}
