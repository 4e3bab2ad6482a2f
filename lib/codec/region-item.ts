import type { RegionFrame, RegionWriter } from '../mux/region-frame.js';

/** How the items of a route hold the bytes of files: as they are, or each behind its kind. */
export type RegionForm = 'raw' | 'files';

/** Where a region item goes: one direction of one stream. */
export interface RegionPort {
  readonly form: RegionForm;
  /** Names the route in errors. */
  readonly route: string;
  /** Items that may be sent now; 0 without a connection. */
  readonly credit: number;
  /** Bytes that a region frame should have at most, with what stands before the body. */
  readonly frameBytes: number;
  /** Writes region frames. Undefined without a connection. */
  readonly writer: RegionWriter | undefined;
  /** The monotonic clock, in ms. Asked only while there is credit, or has been. */
  now(): number;
  /** Sends an item, and uses a credit. */
  send(payload: Uint8Array): void;
  /** Sends an item that somebody else writes, and uses a credit. */
  sendRegionFrame(frame: RegionFrame): void;
}

/** A region item that is being sent. */
export interface RegionSending {
  /** There may be credit again. */
  resume(): void;
  /** Sends no more, and tells nobody. A frame that is being written goes on to its end. */
  stop(): void;
}

/** Key of the method with which a region item sends itself. Registered, so that two copies of the library know each other's. */
export const sendRegion: unique symbol = Symbol.for('rxgrid.sendRegion');

/** Tells a {@link RegionItem} from other values, for the compiler alone: there is no such property when the program runs. */
export declare const regionItem: unique symbol;

/** What a handler may give, or an input may have, in the place of many items: it sends itself piece by piece, as credit allows. */
export interface RegionItem {
  readonly [regionItem]: true;
  /** @internal Begins to send. `ended` is called once, later or at once. */
  [sendRegion](port: RegionPort, ended: (failure?: { readonly error: unknown }) => void): RegionSending;
}

/** Tells a region item. */
export function isRegionItem(value: unknown): value is RegionItem {
  return typeof value === 'object' && value !== null && sendRegion in value;
}
