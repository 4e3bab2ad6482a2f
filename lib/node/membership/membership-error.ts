import { GridError } from '../../errors.js';

/**
 * A source of host names could not be used: a look-up failed, or what it found is no list of hosts. The last list
 * stays, and the source tries again; the message says what failed and what to change.
 */
export class MembershipError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.MembershipError';
  readonly code = 'membership';
  override readonly retryable = true;
}
