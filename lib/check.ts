/*
 * Validation of options, for all folders. An invalid option causes a ConfigurationError that names the option, its
 * range and the value, never a RangeError or a TypeError.
 */

import { ConfigurationError } from './errors.js';

/** Maximum delay of a timer in ms; the platform's timers fire immediately if it is longer. */
export const maxTimerMs = 0x7fff_ffff;

/** Validates the value of an option. */
export interface Rule {
  /** Completes "must be …". */
  readonly expected: string;
  accepts(value: unknown): boolean;
  /** An additional sentence, preceded by a space, about a value that is not accepted; may be empty. */
  hint?(value: unknown): string;
}

/** A whole number in a range. */
export function whole(least: number, most = Number.MAX_SAFE_INTEGER, unit = ''): Rule {
  const range = most === Number.MAX_SAFE_INTEGER ? `, ${least} or more` : ` from ${least} to ${most}`;
  return {
    expected: `a whole number${unit === '' ? '' : ` of ${unit}`}${range}`,
    accepts: (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
  };
}

/** A time in whole milliseconds that a timer can hold. */
export function wholeMs(least: number, most = maxTimerMs): Rule {
  return whole(least, most, 'ms');
}

/** A number of milliseconds, with a fraction or without; Infinity for no bound. */
export const anyMs: Rule = {
  expected: 'a number of ms above 0, or Infinity',
  accepts: (value) => typeof value === 'number' && value > 0,
};

/** One of some values. */
export function oneOf(...values: readonly unknown[]): Rule {
  return {
    expected: values.map((value) => (typeof value === 'string' ? `'${value}'` : String(value))).join(' or '),
    accepts: (value) => values.includes(value),
  };
}

/** Either of two. */
export function either(first: Rule, second: Rule): Rule {
  return {
    expected: `${first.expected}, or ${second.expected}`,
    accepts: (value) => first.accepts(value) || second.accepts(value),
  };
}

/** A number of milliseconds that a timer can hold, with a fraction or without. */
export const timerMs: Rule = {
  expected: `a number of ms from 0 to ${maxTimerMs}`,
  accepts: (value) => typeof value === 'number' && value >= 0 && value <= maxTimerMs,
};

/** A function; `purpose` says what it does. */
export function aFunction(purpose: string): Rule {
  return { expected: `a function that ${purpose}`, accepts: (value) => typeof value === 'function' };
}

/** An object with these methods; `example` is one. */
export function withMethods(example: string, ...names: readonly string[]): Rule {
  return {
    expected: example,
    accepts: (value) =>
      isObject(value) && names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function'),
  };
}

/** A text that is not empty. */
export const someText: Rule = {
  expected: 'a text that is not empty',
  accepts: (value) => typeof value === 'string' && value !== '',
};

/** An object, whose own options are checked elsewhere. */
export const anObject: Rule = { expected: 'an object', accepts: isObject };

/** Accepts any value, because it is validated elsewhere. */
export const anything: Rule = { expected: 'anything', accepts: () => true };

/**
 * Checks one option. `name` names it in the error.
 *
 * @throws ConfigurationError where the rule does not accept the value.
 */
export function checkOption(name: string, value: unknown, rule: Rule): void {
  if (rule.accepts(value)) return;
  const hint = rule.hint?.(value) ?? '';
  throw new ConfigurationError(`${name} must be ${rule.expected}; it is ${shown(value)}.${hint}`);
}

/** How {@link checkOptions} names options and treats those that are missing. */
export interface CheckedOptions {
  /** Whose options these are: `sharedSecret`, `limits`. Error messages begin with it. */
  readonly of: string;
  /** Options that must be there. */
  readonly required?: readonly string[];
  /**
   * True: the options may be an object of the user's with members of its own; a name is refused only where it looks
   * misspelt.
   */
  readonly mayHaveOthers?: boolean;
  /** True: undefined is a value like any other. Default: an option that is undefined counts as left out. */
  readonly refuseUndefined?: boolean;
}

/**
 * Checks options by a table of rules.
 *
 * @throws ConfigurationError for a name that is not in the table, a value that its rule does not accept, a missing
 * option, or options that are no object.
 */
export function checkOptions(
  options: unknown,
  rules: Readonly<Record<string, Rule>>,
  { of, required = [], mayHaveOthers = false, refuseUndefined = false }: CheckedOptions,
): void {
  if (!isObject(options))
    throw new ConfigurationError(`${of}: the options must be an object; it is ${shown(options)}.`);
  // This runs for each call that has options: it allocates nothing.
  for (const name in options) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) {
      refuseUnknown(of, name, Object.keys(rules), mayHaveOthers);
      continue;
    }
    const value = (options as Record<string, unknown>)[name];
    if (value === undefined && !refuseUndefined) continue;
    if (!rule.accepts(value)) checkOption(`${of}: ${name}`, value, rule);
  }
  for (const name of required) {
    if ((options as Record<string, unknown>)[name] === undefined) {
      throw new ConfigurationError(`${of} needs ${name}: ${rules[name]!.expected}.`);
    }
  }
}

/** A value as an error message shows it: short, and never what may be a secret's bytes. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return value.length > 40 ? `a text of ${value.length} characters` : `'${value}'`;
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (Object.prototype.toString.call(value) === '[object Date]') {
    return Number.isNaN((value as Date).getTime()) ? 'an invalid Date' : 'a Date';
  }
  if (isObject(value)) return 'an object';
  return String(value);
}

/** True for an object with keys, such as JSON has it: no list. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return isObject(value) && !Array.isArray(value);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function refuseUnknown(of: string, name: string, known: readonly string[], mayHaveOthers: boolean): void {
  const close = nearest(name, known);
  if (mayHaveOthers && close === undefined) return;
  const hint = close === undefined ? `The options are ${known.join(', ')}.` : `Did you mean ${close}?`;
  throw new ConfigurationError(`${of} has no option ${name}. ${hint}`);
}

/** The name that was probably meant; undefined where none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  // Two letters of four are as many as two unrelated names have in common, such as rate and at.
  const most = name.length < 5 ? 1 : Math.max(2, Math.floor(name.length / 3));
  let best: string | undefined;
  let bestDistance = most + 1;
  for (const each of known) {
    const distance = editDistance(name.toLowerCase(), each.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [each, distance];
  }
  return best;
}

/** Letters to insert, remove, replace or swap with their neighbour. */
function editDistance(left: string, right: string): number {
  const rows = [Array.from({ length: right.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= left.length; i++) {
    const row = [i];
    for (let j = 1; j <= right.length; j++) {
      const same = left[i - 1] === right[j - 1];
      let distance = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]) {
        distance = Math.min(distance, rows[i - 2]![j - 2]! + 1);
      }
      row.push(distance);
    }
    rows.push(row);
  }
  return rows[left.length]![right.length]!;
}
