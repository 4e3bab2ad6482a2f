import { GridError } from './errors.js';

/**
 * Why a handshake was rejected:
 *
 * - `unauthenticated`: the token of a leaf is refused, has expired or is missing;
 * - `permission-denied`: a leaf may not connect, for instance because of its Origin, or because the host takes no
 *   leaves;
 * - `rejected`: anything else, which may pass: a bound is reached, the host is starting, the clocks differ, it is
 *   another host.
 */
export type RejectionCode = 'rejected' | 'unauthenticated' | 'permission-denied';

/** The handshake ended with a rejection. `reason` is the text of the side that rejected. */
export class RejectedError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.RejectedError';
  readonly code: RejectionCode;
  override readonly retryable: boolean;
  /** The text of the side that rejected. */
  readonly reason: string;

  constructor(message: string, reason: string, code: RejectionCode = 'rejected') {
    super(message);
    this.reason = reason;
    this.code = code;
    this.retryable = code === 'rejected';
  }
}

/**
 * Why a host closed the connection of a leaf:
 *
 * - `unauthenticated`: its token has expired, or is not accepted any more;
 * - `permission-denied`: it may not be connected any more;
 * - `idle`: it has made no call for long;
 * - `resource-exhausted`: it went beyond a bound.
 */
export type ClosedCode = 'unauthenticated' | 'permission-denied' | 'idle' | 'resource-exhausted';

/** The other side closed the connection and said why. `reason` is its text. */
export class ClosedError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.ClosedError';
  readonly code: ClosedCode;
  override readonly retryable: boolean;
  override readonly initiator: 'local' | 'remote' = 'remote';
  /** The text of the side that closed the connection. */
  readonly reason: string;

  constructor(message: string, reason: string, code: ClosedCode) {
    super(message);
    this.reason = reason;
    this.code = code;
    this.retryable = code === 'idle' || code === 'resource-exhausted';
  }
}
