import type { StandardSchemaV1 } from '@standard-schema/spec';
import { isBytes } from '../codec/codec.js';

/*
 * Shapes of the requests and answers of file routes, checked by the side that receives them: a request may come from
 * any caller, and an answer from a hostile host.
 */

/** The problem of a value, completing a sentence; undefined: it has none. */
export type Check = (value: unknown) => string | undefined;

const sha256Bytes = 32;

/**
 * A shape whose values are checked and not changed. It has a name so that declarations can name the types of routes.
 */
export interface CheckedShape<T> extends StandardSchemaV1<T, T> {
  readonly '~standard': StandardSchemaV1.Props<T, T>;
}

/** A shape that accepts the values without a problem. */
export function shapeOf<T>(check: Check): CheckedShape<T> {
  return {
    '~standard': {
      version: 1,
      vendor: 'rxgrid',
      validate: (value) => {
        const problem = check(value);
        return problem === undefined ? { value: value as T } : { issues: [{ message: problem }] };
      },
    },
  };
}

/** A record whose named fields are checked; unknown fields, which later versions may send, are skipped. */
export function record(fields: Readonly<Record<string, Check>>): Check {
  const checks = Object.entries(fields);
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || isBytes(value)) return 'it is not a map';
    for (const [name, check] of checks) {
      const problem = check((value as Readonly<Record<string, unknown>>)[name]);
      if (problem !== undefined) return `${name}: ${problem}`;
    }
    return undefined;
  };
}

/** Accepts also `undefined`. */
export function optional(check: Check): Check {
  return (value) => (value === undefined ? undefined : check(value));
}

/** A list of values without a problem. */
export function listOf(check: Check, max: number): Check {
  return (value) => {
    if (!Array.isArray(value)) return 'it is not a list';
    if (value.length > max) return `it has ${value.length} entries; the limit is ${max}`;
    for (const entry of value) {
      const problem = check(entry);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
}

/** A string. */
export const text: Check = (value) => (typeof value === 'string' ? undefined : 'it is not a string');
/** True or false. */
export const flag: Check = (value) => (typeof value === 'boolean' ? undefined : 'it is neither true nor false');
/** A number of bytes, or of items. */
export const count: Check = (value) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? undefined : 'it is not an integer from 0 to 2^53 − 1';
/** A time in ms since the epoch, which may be before it. */
export const time: Check = (value) => (Number.isFinite(value) ? undefined : 'it is not a number');
/** The value of a SHA-256. */
export const sha256: Check = (value) =>
  isBytes(value) && value.length === sha256Bytes ? undefined : `it is not ${sha256Bytes} bytes`;

/** One of some strings. */
export function oneOf(...values: readonly string[]): Check {
  return (value) => (values.includes(value as string) ? undefined : `it is not one of ${values.join(', ')}`);
}
