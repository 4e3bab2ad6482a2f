/** What a call to one of several hosts gave: a value. */
export interface HostValue<T> {
  /** The host that answered. */
  readonly host: string;
  readonly value: T;
  readonly error?: undefined;
}

/** What a call to one of several hosts gave: an error. */
export interface HostFailure {
  /** The host that failed. */
  readonly host: string;
  readonly error: unknown;
  readonly value?: undefined;
}

/** What a call to one of several hosts gave. A failure has the property `error`, a value the property `value`. */
export type HostOutcome<T> = HostValue<T> | HostFailure;

// Two copies of the package may be in one process: the one asks the hosts, the other counts the outcomes.
const asked = Symbol.for('rxgrid.asked-hosts');

/**
 * Notes on an outcome how many hosts were asked: each of them has one outcome. It is not enumerable: it is neither sent
 * nor copied.
 */
export function noteAsked<O extends HostOutcome<unknown>>(outcome: O, hosts: number): O {
  return Object.defineProperty(outcome, asked, { value: hosts });
}

/** How many outcomes there will be; undefined where that is not known. */
export function askedOf(outcome: HostOutcome<unknown>): number | undefined {
  const hosts: unknown = (outcome as { readonly [asked]?: unknown })[asked];
  return typeof hosts === 'number' ? hosts : undefined;
}
