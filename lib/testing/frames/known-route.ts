import type { Codec } from '../../codec/codec.js';
import type { CreditWindow } from '../../limits.js';

/**
 * A route that a test has declared, as transcripts and invariants need it: its name, its windows, and what decodes its
 * payloads.
 */
export interface KnownRoute {
  readonly name: string;
  readonly kind: 'unary' | 'duplex';
  readonly request: Codec<unknown>;
  /** Response of a unary route, output of a duplex one. */
  readonly output: Codec<unknown>;
  /** Undefined if there is no input. */
  readonly input: Codec<unknown> | undefined;
  /** Windows of the input and of the output; undefined where there is none. */
  readonly inWindow: Required<CreditWindow> | undefined;
  readonly outWindow: Required<CreditWindow> | undefined;
}
