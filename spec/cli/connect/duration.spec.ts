import { expect, it } from '@jest/globals';
import { duration, type DurationRule } from '../../../lib/cli/connect/duration.js';

it.each<[string, DurationRule, number]>([
  ['250ms', {}, 250],
  ['1.5s', {}, 1_500],
  ['2m', {}, 120_000],
  ['1h', {}, 3_600_000],
  ['.2', {}, 200],
  ['1.5ms', {}, 2],
  // In floating point, 1.005 s are 1004.9999999999999 ms.
  ['1.005s', {}, 1_005],
  ['10', {}, 10_000],
  ['10', { unit: 'ms' }, 10],
  ['1s', { unit: 'ms' }, 1_000],
  ['0', { zero: true }, 0],
])('%s with %j is %d ms', (text, rule, ms) => {
  expect(duration(rule)(text)).toBe(ms);
});

it.each([
  '',
  '0',
  '0s',
  '-5',
  '1e9',
  'NaN',
  '2h',
  '1d',
  '1 s 2',
  's',
  '1ss',
  '0x10',
  '3600001ms',
  '3600000.4ms',
  '0.4ms',
  '1e3s',
  '-1s',
  '1.5.2s',
  '١s',
])('refuses %j, and says what to give', (text) => {
  expect(() => duration()(text)).toThrow(/^Give a duration such as 500ms, 10s or 2m: 1ms at least, 1h at most\./);
});

it('names the unit of a plain number', () => {
  expect(() => duration({ unit: 'ms', zero: true })('x')).toThrow(/10s or 2m: 1h at most\. .* the unit ms\.$/);
});
