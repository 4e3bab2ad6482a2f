import { errorText } from '../../errors.js';

/** Longest text of one value in a failure message. */
const maxLength = 400;
const maxBytesShown = 24;

/**
 * A value as one line of text, for failure messages and transcripts. Equal values have equal texts, but for long ones.
 */
export function inspect(value: unknown): string {
  const text = textOf(value, []);
  return text.length > maxLength ? `${text.slice(0, maxLength)}… (${text.length} characters)` : text;
}

function textOf(value: unknown, path: readonly object[]): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value);
  if (path.includes(value)) return '[circular]';
  if (isMatcher(value)) return matcherText(value);
  if (ArrayBuffer.isView(value)) return bytesText(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Date(invalid)' : `Date(${value.toISOString()})`;
  if (value instanceof Error) return `${value.name}: ${errorText(value)}`;
  const inner = [...path, value];
  if (Array.isArray(value)) return `[${value.map((item) => textOf(item, inner)).join(', ')}]`;
  if (value instanceof Map) {
    const entries = [...value].map(([key, item]) => `${textOf(key, inner)} => ${textOf(item, inner)}`);
    return `Map {${entries.join(', ')}}`;
  }
  if (value instanceof Set) return `Set {${[...value].map((item) => textOf(item, inner)).join(', ')}}`;
  const fields = Object.entries(value).map(([key, item]) => `${keyText(key)}: ${textOf(item, inner)}`);
  const prototype = Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null;
  const name = prototype?.constructor?.name ?? '';
  const head = name === '' || name === 'Object' ? '' : `${name} `;
  return fields.length === 0 ? `${head}{}` : `${head}{ ${fields.join(', ')} }`;
}

function keyText(key: string): string {
  return /^[\w$]+$/.test(key) ? key : JSON.stringify(key);
}

function bytesText(bytes: Uint8Array): string {
  const hex = [...bytes.subarray(0, maxBytesShown)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return `bytes(${bytes.length})${hex === '' ? '' : ` ${hex}`}${bytes.length > maxBytesShown ? ' …' : ''}`;
}

/** What jest, vitest and this kit call an asymmetric matcher: it decides itself what it equals. */
export interface AsymmetricMatcher {
  /** Whether `actual` is what this matcher stands for. */
  asymmetricMatch(actual: unknown): boolean;
  /** How failure messages name it. */
  toString(): string;
}

/** True for an {@link AsymmetricMatcher}. */
export function isMatcher(value: unknown): value is AsymmetricMatcher {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<AsymmetricMatcher>).asymmetricMatch === 'function'
  );
}

function matcherText(matcher: AsymmetricMatcher): string {
  const { toAsymmetricMatcher } = matcher as { toAsymmetricMatcher?: () => string };
  if (typeof toAsymmetricMatcher === 'function') return toAsymmetricMatcher.call(matcher);
  return String(matcher);
}
