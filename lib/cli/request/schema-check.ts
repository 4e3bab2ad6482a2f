import { createContext, Script } from 'node:vm';
import type { JsonSchema } from '../../monitor/description.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { plainJson, type Json } from '../output/json-value.js';

/** Time that a schema of the host has for a value, in ms. */
const maxCheckMs = 1_000;
/** Faults that are listed, at most. */
const maxFaults = 5;

/** Checks a value. @throws Failure (usage) for one that does not fit, with the place and the reason. */
export type Check = (json: Json) => void;

/**
 * Makes a check of a JSON Schema that the host has sent. The schema is interpreted, and nothing of it becomes code; a pattern
 * in it that takes for ever is given up, and the value is sent: the host checks it as well.
 */
export async function checkOf(schema: JsonSchema | undefined, what: string): Promise<Check> {
  if (schema === undefined) return () => undefined;
  const { Validator } = await import('@cfworker/json-schema');
  let validator: InstanceType<typeof Validator>;
  try {
    validator = new Validator(schema, '7', false);
  } catch {
    // A schema that this validator cannot read: the host decides alone.
    return () => undefined;
  }
  return (json) => {
    const result = timed(() => validator.validate(plainJson(json)));
    if (result?.valid !== false) return;
    // The innermost ones say what is wrong; those around them only that something is.
    const faults = result.errors.filter(({ keyword }) => !outer.has(keyword));
    const told = (faults.length === 0 ? result.errors : faults).slice(0, maxFaults);
    const text = told.map(({ instanceLocation, error }) => `${placeOf(instanceLocation)}${error}`).join(' ');
    throw new Failure(`${what} does not fit the route: ${text}`, exitCodes.usage);
  };
}

const outer = new Set(['properties', 'items', 'allOf', '$ref', 'additionalProperties']);

// A regular expression that backtracks cannot be interrupted but by the machine itself.
function timed<T>(work: () => T): T | undefined {
  try {
    return new Script('work()').runInContext(createContext({ work }), { timeout: maxCheckMs }) as T;
  } catch {
    return undefined;
  }
}

function placeOf(pointer: string): string {
  const path = pointer.replace(/^#\/?/, '').replaceAll('/', '.');
  return path === '' ? '' : `${path}: `;
}
