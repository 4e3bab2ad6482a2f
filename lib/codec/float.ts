/** Identifies a {@link float}, including one made by another copy of this package. */
const floatValue: unique symbol = Symbol.for('rxgrid.float');

/** A number that is encoded as a float64 even if it is an integer. */
class Float {
  readonly [floatValue]: number;

  constructor(value: number) {
    this[floatValue] = value;
  }

  valueOf(): number {
    return this[floatValue];
  }

  toJSON(): number {
    return this[floatValue];
  }
}

/**
 * Returns a number that MessagePack encodes as a float64 even if it is an integer: `float(5)`. Otherwise an integer
 * value is encoded as an integer, which a statically typed peer, such as a Go struct with a float64 field, refuses. The
 * receiver gets a plain number.
 *
 * The static type is `number`, so that it fits the contract. Use it in values to be sent, not in computations.
 */
export function float(value: number): number {
  return new Float(value) as unknown as number;
}

/** Returns the number of a {@link float}; undefined for any other value. */
export function floatOf(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const number = (value as { readonly [floatValue]?: unknown })[floatValue];
  return typeof number === 'number' ? number : undefined;
}
