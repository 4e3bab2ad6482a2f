import type { RegionFrame, RegionWriter } from '../mux/schedule/region-frame.js';

/** How the items of a route carry file bytes: unchanged, or each preceded by its kind. */
export type RegionForm = 'raw' | 'files';

/** The destination of a region item: one direction of one stream. */
export interface RegionPort {
  readonly form: RegionForm;
  /** Name of the route in errors. */
  readonly route: string;
  /** Number of items that may be sent now; 0 without a connection. */
  readonly credit: number;
  /** Maximum size of a region frame in bytes, including the part before the body. */
  readonly frameBytes: number;
  /** Writes region frames. Undefined without a connection. */
  readonly writer: RegionWriter | undefined;
  /** Monotonic time in ms. Called only if there is, or has been, credit. */
  now(): number;
  /** A file begins to be sent: the result counts its bytes. Not there in a port of another version of the library. */
  beginTransfer?(path: string, total: number, mode: string): RegionTransfer | undefined;
  /** Sends an item, using one credit. */
  send(payload: Uint8Array): void;
  /** Sends an item whose body another component writes, using one credit. */
  sendRegionFrame(frame: RegionFrame): void;
}

/** Counts a file that is being sent. */
export interface RegionTransfer {
  /** Bytes that were sent. */
  moved: number;
  /** It is over, well or not. */
  end(): void;
}

/** A region item that is being sent. */
export interface RegionSending {
  /** Continues after credit has arrived. */
  resume(): void;
  /** Stops sending without a notification. A frame that is being written is completed. */
  stop(): void;
}

/**
 * Key of the method with which a region item sends itself. Registered, so that two copies of the library recognize each
 * other's items.
 */
export const sendRegion: unique symbol = Symbol.for('rxgrid.sendRegion');

/** Distinguishes a {@link RegionItem} at compile time only; there is no such property at run time. */
export declare const regionItem: unique symbol;

/**
 * A single value, returned by a handler or contained in an input, that is sent as many items: it sends itself piece by
 * piece, as credit allows.
 */
export interface RegionItem {
  readonly [regionItem]: true;
  /** @internal Starts sending. `ended` is called once, possibly synchronously. */
  [sendRegion](port: RegionPort, ended: (failure?: { readonly error: unknown }) => void): RegionSending;
}

/** True for a region item. */
export function isRegionItem(value: unknown): value is RegionItem {
  return typeof value === 'object' && value !== null && sendRegion in value;
}
