import type { StandardSchemaV1 } from '@standard-schema/spec';
import { isBytes } from '../codec/codec.js';

/*
 * Shapes of what file routes carry, checked by the side that receives it: a request comes from anybody who may call, and an
 * answer may come from a hostile host.
 */

/** Says what is wrong with a value; undefined: nothing. */
export type Check = (value: unknown) => string | undefined;

const sha256Bytes = 32;

/** A shape of values that are checked, and passed on as they are. Named, so that declarations can name the types of routes. */
export interface CheckedShape<T> extends StandardSchemaV1<T, T> {
  readonly '~standard': StandardSchemaV1.Props<T, T>;
}

/** A shape that lets through what has no problem, as it is. */
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

/** A record whose named fields are checked; an unknown field is of a later version, and is skipped. */
export function record(fields: Readonly<Record<string, Check>>): Check {
  const checks = Object.entries(fields);
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || isBytes(value)) return 'it is no map';
    for (const [name, check] of checks) {
      const problem = check((value as Readonly<Record<string, unknown>>)[name]);
      if (problem !== undefined) return `${name}: ${problem}`;
    }
    return undefined;
  };
}

/** Lets `undefined` through. */
export function optional(check: Check): Check {
  return (value) => (value === undefined ? undefined : check(value));
}

/** A list of what has no problem. */
export function listOf(check: Check, max: number): Check {
  return (value) => {
    if (!Array.isArray(value)) return 'it is no list';
    if (value.length > max) return `it has ${value.length} entries; the limit is ${max}`;
    for (const entry of value) {
      const problem = check(entry);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
}

/** A string. */
export const text: Check = (value) => (typeof value === 'string' ? undefined : 'it is no string');
/** True or false. */
export const flag: Check = (value) => (typeof value === 'boolean' ? undefined : 'it is neither true nor false');
/** A number of bytes, or of items. */
export const count: Check = (value) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? undefined : 'it is no integer from 0 to 2^53 − 1';
/** A time in ms since the epoch, which may be before it. */
export const time: Check = (value) => (Number.isFinite(value) ? undefined : 'it is no number');
/** The value of a SHA-256. */
export const sha256: Check = (value) =>
  isBytes(value) && value.length === sha256Bytes ? undefined : `it is not ${sha256Bytes} bytes`;

/** One of some strings. */
export function oneOf(...values: readonly string[]): Check {
  return (value) => (values.includes(value as string) ? undefined : `it is not one of ${values.join(', ')}`);
}
