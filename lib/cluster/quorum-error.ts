import { errorText, GridError } from '../errors.js';
import type { HostFailure } from './host-outcome.js';

/** Too few hosts answered for a quorum. */
export class QuorumError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.QuorumError';
  readonly code = 'quorum';
  /** True where one of the failures may be gone later. */
  override readonly retryable: boolean;
  /** What failed, in the order in which it did. */
  readonly failures: readonly HostFailure[];
  /** Answers that were needed. */
  readonly needed: number;
  /** Answers that came. */
  readonly answered: number;

  constructor(needed: number, answered: number, failures: readonly HostFailure[]) {
    const each = failures.map(({ host, error }) => `${host}: ${errorText(error)}`);
    const why = each.length === 0 ? 'no more hosts were asked' : each.join('; ');
    super(`${needed} hosts had to answer, and ${answered} did: ${why}`);
    this.needed = needed;
    this.answered = answered;
    this.failures = failures;
    this.retryable = failures.some(({ error }) => error instanceof GridError && error.retryable);
  }
}
