import type { Fate } from './wire-log.js';

/** One WebSocket on a cable, for watchers. */
export interface WatchedCircuit {
  /** Short names of its ends; the first one dialed. */
  readonly ends: readonly [string, string];
}

/** Sees what happens on the cables of a network while it happens. It must not change anything, nor throw. */
export interface WireWatcher {
  opened(circuit: WatchedCircuit): void;
  /** A host, by its short name, dials another one. */
  dialed?(from: string, to: string): void;
  /** A message sets out; `bytes` as they were sent. */
  sent(circuit: WatchedCircuit, from: string, bytes: Uint8Array, fates: readonly Fate[]): void;
  /** A message arrives. What the end does about it, it does after this. */
  arrived(circuit: WatchedCircuit, to: string, bytes: Uint8Array): void;
  /** An end is closed, by either side. */
  closed(circuit: WatchedCircuit, end: string): void;
  /** The socket of an end counts as full by chance, or does no more. */
  full?(circuit: WatchedCircuit, end: string, full: boolean): void;
}
