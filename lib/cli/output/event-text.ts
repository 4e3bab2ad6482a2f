import { printable } from '../../printable.js';
import { toJson } from './json-value.js';
import { cellText, jsonText } from './output.js';

/**
 * An event in one line: its type, and its fields as `key=value`. What is not a plain word is JSON; of an error, its
 * message.
 */
export function eventText({ type, ...fields }: { readonly type: string }): string {
  return [
    printable(type),
    ...Object.entries(fields).map(([key, value]) => `${printable(key)}=${fieldText(value)}`),
  ].join(' ');
}

function fieldText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return wordText(value);
  if ('message' in value) return wordText(value.message);
  return jsonText(toJson(value));
}

// A text that JSON escapes is not escaped before: it would be escaped twice.
function wordText(value: unknown): string {
  if (typeof value !== 'string') return cellText(value);
  return /^[^\s"=\\{}[\]]+$/.test(value) && printable(value) === value
    ? value
    : jsonText(value.slice(0, maxTextLength));
}

/** Longest text of a field: a peer may send megabytes. */
const maxTextLength = 1_000;
