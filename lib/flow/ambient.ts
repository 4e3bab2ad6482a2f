/**
 * The only state of the library that belongs to no object: what goes on in this process at this moment. It is one for all
 * copies of the package, such as one that was imported and one that was required: a `consume` of the one holds back a
 * stream of the other. So it is behind a registered symbol, whose version changes with the meaning of a field.
 */

import type { DeliverySource } from './delivery.js';
import type { SourceTracker } from './source-tracker.js';

/** See the head of this file. `next` and `subscribe` are synchronous, so each has one value at a time. */
export interface Ambient {
  /** Who delivers the innermost current delivery; undefined while none is current. */
  current: DeliverySource | undefined;
  /** Tells the current delivery from the next one: 0 while none is current. */
  currentId: number;
  /** The newest of the numbers that name deliveries. */
  lastId: number;
  /** True while an observer is told the end of its stream. */
  ending: boolean;
  /** Who notes the streams that are subscribed to now. */
  notes: SourceTracker | undefined;
}

const key = Symbol.for('rxgrid.ambient.1');

/** The state of this process. */
export const ambient: Ambient = ((globalThis as { [key]?: Ambient | undefined })[key] ??= {
  current: undefined,
  currentId: 0,
  lastId: 0,
  ending: false,
  notes: undefined,
});

/** Key of the method with which a stream makes a `Sending` for an observer; `sendTo` uses it. */
export const sendFrom: unique symbol = Symbol.for('rxgrid.sendFrom');
