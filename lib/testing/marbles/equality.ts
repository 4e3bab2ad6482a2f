import { inspect, isMatcher, type AsymmetricMatcher } from './inspect.js';

/**
 * Whether two values are equal, through objects, arrays, maps, sets, bytes, dates and errors (class, name and message).
 * A property that is undefined counts as absent. `expected` may hold matchers of jest, vitest or this kit.
 */
export function equal(actual: unknown, expected: unknown): boolean {
  return compare(actual, expected, []);
}

function compare(actual: unknown, expected: unknown, path: readonly (readonly [unknown, unknown])[]): boolean {
  if (isMatcher(expected)) return expected.asymmetricMatch(actual);
  if (Object.is(actual, expected)) return true;
  if (typeof actual !== 'object' || typeof expected !== 'object' || actual === null || expected === null) return false;
  // A circle that has come round at both sides at once is equal so far.
  if (path.some(([left, right]) => left === actual && right === expected)) return true;
  const inner = [...path, [actual, expected] as const];
  if (ArrayBuffer.isView(actual) || ArrayBuffer.isView(expected)) return sameBytes(actual, expected);
  if (Object.getPrototypeOf(actual) !== Object.getPrototypeOf(expected) && kindOf(actual) !== kindOf(expected))
    return false;
  if (actual instanceof Date && expected instanceof Date) return Object.is(actual.getTime(), expected.getTime());
  if (actual instanceof Error && expected instanceof Error) {
    return actual.name === expected.name && actual.message === expected.message;
  }
  if (actual instanceof Map && expected instanceof Map) return compare([...actual], [...expected], inner);
  if (actual instanceof Set && expected instanceof Set) return compare([...actual], [...expected], inner);
  if (Array.isArray(actual) && Array.isArray(expected) && actual.length !== expected.length) return false;
  const keys = new Set([...Object.keys(actual), ...Object.keys(expected)]);
  return [...keys].every((key) =>
    compare((actual as Record<string, unknown>)[key], (expected as Record<string, unknown>)[key], inner),
  );
}

// Objects without a prototype, and those of another realm (jest's sandbox is one), equal plain ones.
function kindOf(value: object): string {
  const kind = Object.prototype.toString.call(value);
  const { constructor } = value as { constructor?: { name?: string } };
  return kind === '[object Object]' ? (constructor?.name ?? 'Object') : kind;
}

function sameBytes(actual: object, expected: object): boolean {
  if (!ArrayBuffer.isView(actual) || !ArrayBuffer.isView(expected)) return false;
  if (actual.byteLength !== expected.byteLength) return false;
  const left = new Uint8Array(actual.buffer, actual.byteOffset, actual.byteLength);
  const right = new Uint8Array(expected.buffer, expected.byteOffset, expected.byteLength);
  return left.every((byte, index) => byte === right[index]);
}

/** Matches an object that has these properties, and perhaps others. */
export function like(partial: object): AsymmetricMatcher {
  return {
    asymmetricMatch: (actual) =>
      typeof actual === 'object' &&
      actual !== null &&
      Object.entries(partial).every(([key, value]) => equal((actual as Record<string, unknown>)[key], value)),
    toString: () => `like ${inspect(partial)}`,
  };
}

/** Matches an error of a class, with these properties: `anError(DisconnectedError, { sent: true })`. */
export function anError(type: abstract new (...args: never[]) => Error, partial: object = {}): AsymmetricMatcher {
  return {
    asymmetricMatch: (actual) => actual instanceof type && like(partial).asymmetricMatch(actual),
    toString: () => `anError(${type.name}${Object.keys(partial).length === 0 ? '' : `, ${inspect(partial)}`})`,
  };
}
