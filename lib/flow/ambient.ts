/**
 * The library's only module state: which delivery and which subscription are in progress. All copies of the package in
 * a process share it (one may have been imported and another one required), so that `consume` of one copy applies
 * backpressure to a stream of the other. It is stored under a registered symbol, whose version changes with the meaning
 * of a field.
 */

import type { DeliverySource } from './delivery.js';
import type { SourceTracker } from './source-tracker.js';

/**
 * The delivery and the subscription that are in progress. `next` and `subscribe` are synchronous, so each field has one
 * value at a time.
 */
export interface Ambient {
  /** The source of the innermost current delivery; undefined while none is current. */
  current: DeliverySource | undefined;
  /** Id of the current delivery; 0 while none is current. */
  currentId: number;
  /** The highest delivery id so far. */
  lastId: number;
  /** True while an observer is notified of the end of its stream. */
  ending: boolean;
  /** Records the streams that are being subscribed to. */
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

/** Key of the method with which a stream creates a `Sending` for an observer; used by `sendTo`. */
export const sendFrom: unique symbol = Symbol.for('rxgrid.sendFrom');
