/*
 * Values of MessagePack in JSON, and back. A value that JSON cannot express is an object with one key: {"$bytes":
 * "<base64>"}, {"$date": "…"}, {"$bigint": "…"}, {"$float": "NaN"}.
 */

const maxDepth = 64;

/** A value as text: indented, and cut where it is long. */
export function jsonText(value: unknown, maxLength = 20_000): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(plain(value, 0), null, 2);
  return text.length <= maxLength ? text : `${text.slice(0, maxLength)}\n… ${text.length - maxLength} more characters`;
}

/** The same in one line. */
export function jsonLine(value: unknown, maxLength = 400): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(plain(value, 0));
  return text.length <= maxLength ? text : `${text.slice(0, maxLength)}…`;
}

function plain(value: unknown, depth: number): unknown {
  if (value === undefined || value === null) return null;
  if (depth > maxDepth) return '…';
  if (typeof value === 'number') return Number.isFinite(value) ? value : { $float: String(value) };
  if (typeof value === 'bigint') return { $bigint: String(value) };
  if (typeof value !== 'object') return value;
  if (value instanceof Uint8Array) return { $bytes: toBase64(value) };
  if (value instanceof Date) return { $date: Number.isNaN(value.getTime()) ? null : value.toISOString() };
  if (Array.isArray(value)) return value.map((each) => plain(each, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each, depth + 1)]));
}

/** Reads what a user has typed. '' is no value. @throws SyntaxError, RangeError */
export function parseJson(text: string): unknown {
  return text.trim() === '' ? undefined : restored(JSON.parse(text) as unknown);
}

function restored(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(restored);
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first !== undefined && Object.hasOwn(special, first[0])) {
    return special[first[0] as keyof typeof special](String(first[1]));
  }
  return Object.fromEntries(entries.map(([key, each]) => [key, restored(each)]));
}

const special = {
  $bytes: fromBase64,
  $date: (text: string): Date => {
    const date = new Date(text);
    if (Number.isNaN(date.getTime())) throw new RangeError('{"$date": …} needs a time such as "2026-01-31T00:00:00Z".');
    return date;
  },
  $bigint: (text: string): bigint => {
    if (!/^-?\d{1,20}$/.test(text)) throw new RangeError('{"$bigint": …} needs digits in quotes.');
    return BigInt(text);
  },
  $float: (text: string): number => Number(text),
} as const;

/** Bytes as base64; of a long payload the beginning. */
function toBase64(bytes: Uint8Array): string {
  const most = 4_096;
  const text = btoa(String.fromCharCode(...bytes.subarray(0, most)));
  return bytes.length <= most ? text : `${text}… (${bytes.length} bytes)`;
}

function fromBase64(text: string): Uint8Array {
  let decoded: string;
  try {
    decoded = atob(text);
  } catch {
    throw new RangeError('{"$bytes": …} needs base64.');
  }
  return Uint8Array.from(decoded, (character) => character.charCodeAt(0));
}
