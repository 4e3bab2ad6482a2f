import { isMap } from '../../check.js';
import type { JsonSchema } from '../../monitor/index.js';

/*
 * Makes the fields of a form from a JSON Schema, which another host has sent and which may be anything. A part of the
 * schema that no field can express becomes a field for JSON; where that is the whole schema, there is no form.
 */

/** A field of a form. `path`: the keys that lead to its value. */
export interface Field {
  readonly path: readonly string[];
  readonly label: string;
  readonly kind: 'text' | 'number' | 'integer' | 'boolean' | 'choice' | 'json' | 'group';
  readonly required: boolean;
  readonly description?: string;
  /** Of `choice`. */
  readonly choices?: readonly (string | number | boolean | null)[];
  readonly initial?: unknown;
  readonly least?: number;
  readonly most?: number;
  readonly pattern?: string;
  /** Of `group`. */
  readonly fields?: readonly Field[];
}

const maxDepth = 4;
const maxFields = 64;
const maxChoices = 256;
const maxText = 500;

/**
 * The fields for a schema; undefined where only JSON will do. A value that is no object is one field with an empty
 * path.
 */
export function fieldsOf(schema: JsonSchema | undefined): readonly Field[] | undefined {
  if (schema === undefined) return undefined;
  const field = fieldOf([], 'value', schema, true, { left: maxFields });
  if (field.kind === 'json') return undefined;
  return field.kind === 'group' ? field.fields : [field];
}

interface Budget {
  left: number;
}

function fieldOf(path: readonly string[], label: string, schema: JsonSchema, required: boolean, budget: Budget): Field {
  budget.left--;
  const common = {
    path,
    label,
    required,
    ...(typeof schema.description === 'string' ? { description: schema.description.slice(0, maxText) } : {}),
    ...(schema.default === undefined ? {} : { initial: schema.default }),
  };
  const choices = choicesOf(schema);
  if (choices !== undefined) return { ...common, kind: 'choice', choices };
  switch (schema.type) {
    case 'string':
      return { ...common, kind: 'text', ...(typeof schema.pattern === 'string' ? { pattern: schema.pattern } : {}) };
    case 'number':
    case 'integer':
      return { ...common, kind: schema.type, ...boundsOf(schema) };
    case 'boolean':
      return { ...common, kind: 'boolean' };
    case 'object': {
      const fields = propertiesOf(path, schema, budget);
      return fields === undefined ? { ...common, kind: 'json' } : { ...common, kind: 'group', fields };
    }
    default:
      return { ...common, kind: 'json' };
  }
}

function propertiesOf(path: readonly string[], schema: JsonSchema, budget: Budget): readonly Field[] | undefined {
  const { properties, required } = schema;
  if (!isMap(properties) || path.length >= maxDepth) return undefined;
  const entries = Object.entries(properties);
  if (entries.length > budget.left) return undefined;
  const needed = new Set(Array.isArray(required) ? required : []);
  return entries.map(([key, property]) =>
    fieldOf([...path, key], key, isMap(property) ? property : {}, needed.has(key), budget),
  );
}

function choicesOf(schema: JsonSchema): Field['choices'] {
  const { enum: values, const: only } = schema;
  if (only !== undefined && isPlain(only)) return [only];
  if (!Array.isArray(values) || values.length === 0 || values.length > maxChoices) return undefined;
  return values.every(isPlain) ? values : undefined;
}

function boundsOf({ minimum, maximum }: JsonSchema): Pick<Field, 'least' | 'most'> {
  // Schemas of integers often have the bounds of what a float can hold.
  const isBound = (value: unknown): value is number =>
    typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER;
  return { ...(isBound(minimum) ? { least: minimum } : {}), ...(isBound(maximum) ? { most: maximum } : {}) };
}

function isPlain(value: unknown): value is string | number | boolean | null {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

/** The text that was entered for a field; undefined where nothing was. */
export type Entered = (field: Field) => string | undefined;

/** Makes the value of fields from what was entered. @throws Error that names the field. */
export function valueOf(fields: readonly Field[], entered: Entered, parse: (text: string) => unknown): unknown {
  const [first] = fields;
  if (fields.length === 1 && first?.path.length === 0) return valueOfField(first, entered, parse);
  // Own keys, whatever they are called.
  return Object.fromEntries(
    fields.flatMap((field): [string, unknown][] => {
      const value = valueOfField(field, entered, parse);
      return value === undefined ? [] : [[field.path.at(-1)!, value]];
    }),
  );
}

function valueOfField(field: Field, entered: Entered, parse: (text: string) => unknown): unknown {
  const { kind, label, required, fields = [], choices = [] } = field;
  if (kind === 'group') {
    const value = valueOf(fields, entered, parse) as object;
    return !required && Object.keys(value).length === 0 ? undefined : value;
  }
  const text = entered(field);
  if (text === undefined || (text === '' && (kind !== 'text' || !required))) {
    if (required && kind !== 'text') throw new Error(`${label} is needed.`);
    return required ? '' : undefined;
  }
  switch (kind) {
    case 'boolean':
      return text === 'true';
    case 'choice':
      return choices[Number(text)];
    case 'json':
      try {
        return parse(text);
      } catch (error) {
        throw new Error(`${label}: ${(error as Error).message}`, { cause: error });
      }
    case 'number':
    case 'integer': {
      const value = Number(text);
      if (!Number.isFinite(value) || (kind === 'integer' && !Number.isInteger(value))) {
        throw new Error(`${label} has to be ${kind === 'integer' ? 'a whole number' : 'a number'}.`);
      }
      return value;
    }
    default:
      return text;
  }
}
