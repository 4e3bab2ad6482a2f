import { createContext, Script } from 'node:vm';
import type { JsonSchema } from '../../monitor/description.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { plainJson, type Json } from '../output/json-value.js';

/** Time limit for validating one value, in ms: the schema comes from the host. */
const maxCheckMs = 1_000;
/** Faults that are listed, at most. */
const maxFaults = 5;

/** Checks a value. @throws Failure (usage) for one that does not fit, with the place and the reason. */
export type Check = (json: Json) => void;

/**
 * Makes a check of a JSON Schema that the host has sent. The schema is interpreted, and nothing of it becomes code; a
 * pattern in it that takes for ever is given up, and the value is sent: the host checks it as well.
 */
export async function checkOf(schema: JsonSchema | undefined, what: string): Promise<Check> {
  if (schema === undefined) return () => undefined;
  const { Validator } = await import('@cfworker/json-schema');
  let validator: InstanceType<typeof Validator>;
  try {
    validator = new Validator(schema, '7', false);
  } catch {
    // The validator does not support this schema: the host validates alone.
    return () => undefined;
  }
  return (json) => {
    const result = timed(() => validator.validate(plainJson(json)));
    if (result?.valid !== false) return;
    // Only the innermost faults say what is wrong: the outer ones repeat that something is.
    const faults = result.errors.filter(({ keyword }) => !outer.has(keyword));
    const listed = (faults.length === 0 ? result.errors : faults).slice(0, maxFaults);
    const text = listed.map(({ instanceLocation, error }) => `${locationOf(instanceLocation)}${error}`).join(' ');
    throw new Failure(`${what} does not fit the route: ${text}`, exitCodes.usage);
  };
}

const outer = new Set(['properties', 'items', 'allOf', '$ref', 'additionalProperties']);

// Only a script of node:vm can interrupt a regular expression that backtracks.
function timed<T>(work: () => T): T | undefined {
  try {
    return new Script('work()').runInContext(createContext({ work }), { timeout: maxCheckMs }) as T;
  } catch {
    return undefined;
  }
}

function locationOf(pointer: string): string {
  const path = pointer.replace(/^#\/?/, '').replaceAll('/', '.');
  return path === '' ? '' : `${path}: `;
}
