/** Identifies a {@link float} also where it was made by another copy of this package. */
const floatValue: unique symbol = Symbol.for('rxgrid.float');

/** A number that is encoded as a float64, also where it is whole. */
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
 * A number that MessagePack encodes as a float64, whole numbers too: `float(5)`. MessagePack of JavaScript sends a whole
 * number as an integer, which a peer with static types, such as a Go struct with a float64 field, refuses. It arrives as a
 * plain number.
 *
 * Its type is that of a number, so that it fits the contract; it is meant for a value that is sent, not to compute with.
 */
export function float(value: number): number {
  return new Float(value) as unknown as number;
}

/** The number of a {@link float}; undefined for anything else. */
export function floatOf(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const number = (value as { readonly [floatValue]?: unknown })[floatValue];
  return typeof number === 'number' ? number : undefined;
}
