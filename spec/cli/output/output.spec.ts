import { expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { cellText, jsonText, yamlText } from '../../../lib/cli/output/output.js';

const hostile = { 'k\u001b': 'a\u202eb\u009b\u{e0001}', 'plain ü 日': 'x\ny', list: ['\u200b', 'yes', '1'] };

it.each([
  ['JSON', async () => jsonText(hostile), (text: string) => JSON.parse(text) as unknown],
  ['YAML', () => yamlText(hostile), (text: string) => parse(text) as unknown],
])('%s shows terminal control characters escaped, and reads back as the original', async (_, make, read) => {
  const text = await make();
  expect(text).toMatch(/^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u{e0000}-\u{e0fff}]+$/u);
  expect(text).toContain('plain ü 日');
  expect(read(text)).toStrictEqual(hostile);
});

it('a cell is one line', () => {
  expect(cellText('a\nb')).toBe('a\\nb');
  expect(cellText({ a: ['\u001b'] })).toBe('{"a":["\\u001b"]}');
  expect(cellText(undefined)).toBe('');
  expect(cellText(1n)).toBe('{"$bigint":"1"}');
});
