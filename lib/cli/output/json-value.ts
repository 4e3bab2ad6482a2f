import { float } from '../../codec/float.js';
import { exitCodes, Failure } from '../exit/failure.js';

/*
 * Values of MessagePack in JSON. A value that JSON cannot express is an object with one key:
 *
 *   bytes         {"$bytes": "<base64>"}        a time       {"$date": "2026-01-31T00:00:00.000Z"}
 *   a float64     {"$float": 5}, {"$float": "NaN"}   an integer beyond 2^53  {"$bigint": "9007199254740993"}
 */

/** A value of JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

const notFinite: Readonly<Record<string, number>> = { NaN: NaN, Infinity: Infinity, '-Infinity': -Infinity };
const maxDepth = 512;

/** Converts a value to JSON. */
export function toJson(value: unknown, depth = 0): Json {
  if (depth > maxDepth) return null;
  if (value === undefined || value === null) return null;
  if (typeof value === 'number') return Number.isFinite(value) ? value : { $float: String(value) };
  if (typeof value === 'bigint') return { $bigint: String(value) };
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
  if (value instanceof Date) return { $date: value.toISOString() };
  if (Array.isArray(value)) return value.map((each) => toJson(each, depth + 1));
  // Own keys, whatever they are called.
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, toJson(each, depth + 1)]));
}

/**
 * Converts JSON to the value that is sent. @throws Failure (usage) for an object with one of the keys that does not fit
 * it.
 */
export function fromJson(json: Json): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if (isList(json)) return json.map(fromJson);
  const entries = Object.entries(json);
  const [first] = entries;
  if (entries.length === 1 && first !== undefined && Object.hasOwn(special, first[0])) {
    return special[first[0] as keyof typeof special](first[1]);
  }
  return Object.fromEntries(entries.map(([key, each]) => [key, fromJson(each)]));
}

/** The JSON that a schema validates: numbers in place of `$float` and `$bigint`, texts in place of the others. */
export function plainJson(json: Json): Json {
  if (typeof json !== 'object' || json === null) return json;
  if (isList(json)) return json.map(plainJson);
  const entries = Object.entries(json);
  const [first] = entries;
  if (entries.length === 1 && first !== undefined && Object.hasOwn(special, first[0])) {
    return first[0] === '$float' || first[0] === '$bigint' ? Number(first[1]) : first[1];
  }
  return Object.fromEntries(entries.map(([key, each]) => [key, plainJson(each)]));
}

const special = {
  $bytes: (value: Json): Uint8Array => {
    if (typeof value !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) throw unfit('$bytes', 'base64');
    return new Uint8Array(Buffer.from(value, 'base64'));
  },
  $date: (value: Json): Date => {
    const date = new Date(typeof value === 'string' ? value : NaN);
    if (Number.isNaN(date.getTime())) throw unfit('$date', 'a time such as "2026-01-31T00:00:00Z"');
    return date;
  },
  $bigint: (value: Json): bigint => {
    if (typeof value !== 'string' || !/^-?\d{1,20}$/.test(value)) throw unfit('$bigint', 'digits in quotes');
    return BigInt(value);
  },
  $float: (value: Json): number => {
    if (typeof value === 'number') return float(value);
    if (typeof value === 'string' && Object.hasOwn(notFinite, value)) return notFinite[value]!;
    throw unfit('$float', 'a number, "NaN", "Infinity" or "-Infinity"');
  },
} as const;

function unfit(key: string, expected: string): Failure {
  return new Failure(`{"${key}": …} needs ${expected}.`, exitCodes.usage);
}

function isList(json: Json): json is readonly Json[] {
  return Array.isArray(json);
}
