import { brandPrefix, hasBrand } from './error-brand.js';

/**
 * Base class of all errors that rxgrid throws or delivers. Distinguish errors by class or `code`, never by message:
 * messages are for people and may change.
 */
export abstract class GridError extends Error {
  /** Stable identifier of the kind of failure. */
  abstract readonly code: string;
  /** True when the same call may succeed later without any change by the caller. */
  readonly retryable: boolean = false;
  /**
   * False when no handler has begun to work on the call, so that calling again cannot do anything twice; true when one
   * may have.
   */
  readonly sent: boolean = true;
  /** Host at the other end of the call, as configured. Undefined for an error that belongs to no call. */
  readonly host: string | undefined = undefined;
  /** The route of the call, as its contract names it. Undefined for an error that belongs to no call. */
  readonly route: string | undefined = undefined;
  /** Which side of the call reported the error first: this one, or the other one. */
  readonly initiator: 'local' | 'remote' = 'local';

  /** @internal Names the class: a literal, because minifiers and bundlers rename classes. */
  static readonly brand: string = 'rxgrid.GridError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    const { brand, name } = new.target;
    // A user's subclass without a brand keeps its own name.
    this.name = Object.hasOwn(new.target, 'brand') ? brand.slice(brandPrefix.length) : name;
  }

  /**
   * Compares brands, not identities: if two copies of the package are loaded in one process (for instance one imported
   * and one required), an error of one copy is an instance of the class of the other.
   */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (!Object.hasOwn(this, 'brand')) return Function.prototype[Symbol.hasInstance].call(this, value);
    return hasBrand(value, this.brand);
  }
}
