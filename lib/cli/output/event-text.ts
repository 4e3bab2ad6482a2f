import { printable } from '../../printable.js';
import { toJson } from './json-value.js';
import { cellText, jsonText, maxCellLength } from './output.js';

/**
 * Writes an event in one line: its type, and its fields as `key=value`. A value that is no plain word is written as
 * JSON, and an error as its message.
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
    : jsonText(value.slice(0, maxCellLength));
}
