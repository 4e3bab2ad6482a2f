import type { BulkFrame, BulkWriter } from '../mux/bulk.js';

/** How the items of a route hold the bytes of files: as they are, or each behind its kind. */
export type BulkForm = 'raw' | 'files';

/** Where a bulk item goes: one direction of one stream. */
export interface BulkPort {
  readonly form: BulkForm;
  /** Names the route in errors. */
  readonly route: string;
  /** Items that may be sent now; 0 without a connection. */
  readonly credit: number;
  /** Bytes that a bulk frame should have at most, with what stands before the body. */
  readonly frameBytes: number;
  /** Writes bulk frames. Undefined without a connection. */
  readonly writer: BulkWriter | undefined;
  /** The monotonic clock, in ms. Asked only while there is credit, or has been. */
  now(): number;
  /** Sends an item, and uses a credit. */
  send(payload: Uint8Array): void;
  /** Sends an item that somebody else writes, and uses a credit. */
  sendBulk(frame: BulkFrame): void;
}

/** A bulk item that is being sent. */
export interface BulkRun {
  /** There may be credit again. */
  resume(): void;
  /** Sends no more, and tells nobody. A frame that is being written goes on to its end. */
  stop(): void;
}

/** Key of the method with which a bulk item sends itself. Registered, so that two copies of the library know each other's. */
export const sendBulk: unique symbol = Symbol.for('rxgrid.sendBulk');

/** Tells a {@link BulkItem} from other values, for the compiler alone: there is no such property when the program runs. */
export declare const bulkItem: unique symbol;

/** What a handler may give, or an input may have, in the place of many items: it sends itself piece by piece, as credit allows. */
export interface BulkItem {
  readonly [bulkItem]: true;
  /** @internal Begins to send. `ended` is called once, later or at once. */
  [sendBulk](port: BulkPort, ended: (failure?: { readonly error: unknown }) => void): BulkRun;
}

/** Tells a bulk item. */
export function isBulkItem(value: unknown): value is BulkItem {
  return typeof value === 'object' && value !== null && sendBulk in value;
}
