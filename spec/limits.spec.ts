import { describe, expect, it } from '@jest/globals';
import { ConfigurationError } from '../lib/errors.js';
import { defaultLimits, withDefaults, type Limits } from '../lib/limits.js';

const names = Object.keys(defaultLimits) as (keyof Limits)[];
const times = names.filter((name) => /Timeout|Interval|Jitter|Grace/.test(name));

describe('limits set by a user', () => {
  it('replace the defaults', () => {
    expect(withDefaults(undefined)).toStrictEqual(defaultLimits);
    expect(withDefaults({ maxDials: 3 })).toStrictEqual({ ...defaultLimits, maxDials: 3 });
    expect(withDefaults(defaultLimits)).toStrictEqual(defaultLimits);
  });

  it.each(names)('%s refuses values that are not numbers in its range, and names itself', (name) => {
    for (const value of [undefined, null, Number.NaN, -1, 1.5, '1000', true, {}]) {
      const change = (): Limits => withDefaults({ [name]: value });
      expect(change).toThrow(ConfigurationError);
      expect(change).toThrow(`limits: ${name} must be a whole number`);
    }
  });

  it.each(times)('%s fits into a timer', (name) => {
    for (const value of [2 ** 31, 2 ** 53]) {
      expect(() => withDefaults({ [name]: value })).toThrow(`limits: ${name} must be a whole number of ms from `);
    }
    if (name !== 'unaryTimeout') expect(() => withDefaults({ [name]: Infinity })).toThrow(ConfigurationError);
  });

  it('include the sum of two that form one timer, which fits, too', () => {
    const most = 2 ** 30 - 1;
    const { redialInterval, dialJitter } = withDefaults({ redialInterval: most, dialJitter: most });
    expect(redialInterval + dialJitter).toBeLessThan(2 ** 31);
    expect(() => withDefaults({ redialInterval: most + 1 })).toThrow(ConfigurationError);
  });

  it('may leave unary calls without a timeout', () => {
    expect(withDefaults({ unaryTimeout: Infinity }).unaryTimeout).toBe(Infinity);
  });

  it.each<[string, unknown, string]>([
    ['maxDials', 0, 'limits: maxDials must be a whole number, 1 or more; it is 0.'],
    ['maxDails', 1, 'limits has no option maxDails. Did you mean maxDials?'],
    ['redial', 1, 'limits has no option redial. The options are maxMessageBytes, '],
  ])('%s: %p is refused', (name, value, message) => {
    expect(() => withDefaults({ [name]: value })).toThrow(message);
  });
});
