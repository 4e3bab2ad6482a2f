import { describe, expect, it } from '@jest/globals';
import {
  aFunction,
  anObject,
  anyMs,
  checkOption,
  checkOptions,
  either,
  oneOf,
  shown,
  someText,
  timerMs,
  whole,
  wholeMs,
  withMethods,
  type Rule,
} from '../lib/check.js';
import { ConfigurationError } from '../lib/errors.js';

const rules = { timeout: wholeMs(1), maxItems: whole(1, 10), deadline: anObject };
const refused = (run: () => void): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
  }
  throw new Error('It was not refused with a ConfigurationError.');
};

describe('a table of options', () => {
  it('accepts values that obey its rules, and undefined for omitted ones', () => {
    for (const options of [{ timeout: 1, maxItems: 10, deadline: undefined }, {}]) {
      expect(() => {
        checkOptions(options, rules, { of: 'x' });
      }).not.toThrow();
    }
  });

  it.each<[unknown, string]>([
    [{ timeout: '500' }, "x: timeout must be a whole number of ms from 1 to 2147483647; it is '500'."],
    [{ timeout: 2 ** 31 }, 'x: timeout must be a whole number of ms from 1 to 2147483647; it is 2147483648.'],
    [{ maxItems: 11 }, 'x: maxItems must be a whole number from 1 to 10; it is 11.'],
    [{ tiemout: 1 }, 'x has no option tiemout. Did you mean timeout?'],
    [{ maxitems: 1 }, 'x has no option maxitems. Did you mean maxItems?'],
    [{ maxItem: 1 }, 'x has no option maxItem. Did you mean maxItems?'],
    [{ colour: 1 }, 'x has no option colour. The options are timeout, maxItems, deadline.'],
    [{ toString: 1 }, 'x has no option toString. The options are timeout, maxItems, deadline.'],
    ['timeout', "x: the options must be an object; it is 'timeout'."],
    [undefined, 'x: the options must be an object; it is undefined.'],
  ])('refuses %j', (options, message) => {
    expect(refused(() => checkOptions(options, rules, { of: 'x' }))).toBe(message);
  });

  it('names a missing option', () => {
    const of = { of: 'x', required: ['timeout'] };
    const message = 'x needs timeout: a whole number of ms from 1 to 2147483647.';
    expect(refused(() => checkOptions({}, rules, of))).toBe(message);
    expect(refused(() => checkOptions({ timeout: undefined }, rules, of))).toBe(message);
  });

  it('refuses undefined where a table says so', () => {
    expect(refused(() => checkOptions({ maxItems: undefined }, rules, { of: 'x', refuseUndefined: true }))).toBe(
      'x: maxItems must be a whole number from 1 to 10; it is undefined.',
    );
  });

  it('refuses only likely misspellings in an object of the user', () => {
    const of = { of: 'x', mayHaveOthers: true };
    checkOptions({ prefix: 'leaf', timeout: 1 }, rules, of);
    expect(refused(() => checkOptions({ timeuot: 1 }, rules, of))).toBe(
      'x has no option timeuot. Did you mean timeout?',
    );
  });
});

describe('a rule', () => {
  it.each<[string, Rule, readonly unknown[], readonly unknown[]]>([
    ['whole', whole(0), [0, 1, 2 ** 40], [-1, 0.5, Number.NaN, Infinity, '1', null, undefined, 1n]],
    ['wholeMs', wholeMs(0), [0, 2 ** 31 - 1], [-1, 2 ** 31, Infinity]],
    ['anyMs', anyMs, [0.1, 2 ** 31, Infinity], [0, -1, Number.NaN, '1']],
    ['timerMs', timerMs, [0, 0.5, 2 ** 31 - 1], [-1, 2 ** 31, Infinity, Number.NaN, '1']],
    ['oneOf', oneOf(true, false), [true, false], ['true', 1, null]],
    ['either', either(whole(1), oneOf(Infinity)), [1, Infinity], [0, 1.5]],
    ['someText', someText, ['a'], ['', 1, null]],
    ['anObject', anObject, [{}, []], [null, 'a', () => 0]],
    ['aFunction', aFunction('runs'), [() => 0], [{}, null]],
    ['withMethods', withMethods('a thing', 'run'), [{ run: () => 0 }], [{}, { run: 1 }, null, 'run']],
  ])('%s accepts valid values, and nothing else', (_, rule, good, bad) => {
    expect(good.filter((value) => !rule.accepts(value))).toStrictEqual([]);
    expect(bad.filter((value) => rule.accepts(value))).toStrictEqual([]);
    for (const value of bad) expect(() => checkOption('x', value, rule)).toThrow(`x must be ${rule.expected}; it is `);
  });

  it('shows a value shortened, and no possible secret', () => {
    const values = ['a', 'a'.repeat(41), [1, 2], {}, () => 0, null, undefined, 1, new Date(0), new Date('never')];
    expect(values.map(shown)).toStrictEqual([
      "'a'",
      'a text of 41 characters',
      'a list of 2',
      'an object',
      'a function',
      'null',
      'undefined',
      '1',
      'a Date',
      'an invalid Date',
    ]);
  });
});
