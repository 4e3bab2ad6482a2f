import { isMap } from '../../check.js';
import type { JsonSchema } from '../../monitor/description.js';
import { printable } from '../../printable.js';

const maxDepth = 4;
const maxKeys = 32;

/**
 * A JSON Schema in a few words, as a type: `{ disk: integer, name?: string }`. It may be anything: the host has sent
 * it.
 */
export function schemaText(schema: unknown, depth = 0): string {
  if (!isMap(schema)) return 'any';
  if (depth > maxDepth) return '…';
  const { type, properties, items, enum: values, const: value } = schema;
  if (value !== undefined) return literal(value);
  if (Array.isArray(values)) return values.slice(0, maxKeys).map(literal).join(' | ');
  const choices = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(choices)) {
    return choices
      .slice(0, maxKeys)
      .map((each) => schemaText(each, depth + 1))
      .join(' | ');
  }
  if (isMap(properties)) return objectText(properties, schema.required, depth);
  if (type === 'array') return `${schemaText(items, depth + 1)}[]`;
  if (Array.isArray(type)) return type.map((each) => printable(String(each), 32)).join(' | ');
  return typeof type === 'string' ? printable(type, 32) : 'any';
}

function objectText(properties: JsonSchema, required: unknown, depth: number): string {
  const needed = new Set<unknown>(Array.isArray(required) ? required : []);
  const keys = Object.keys(properties);
  const fields = keys
    .slice(0, maxKeys)
    .map((key) => `${printable(key, 64)}${needed.has(key) ? '' : '?'}: ${schemaText(properties[key], depth + 1)}`);
  if (keys.length > maxKeys) fields.push('…');
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}

function literal(value: unknown): string {
  return printable(JSON.stringify(value), 64);
}
