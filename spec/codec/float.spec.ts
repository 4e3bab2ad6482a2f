import { expect, it } from '@jest/globals';
import { float, msgpack } from '../../lib/index.js';

const hex = (value: unknown): string => Buffer.from(msgpack().encode(value)).toString('hex');

it('encodes a whole number as a float64, wherever it stands, and arrives as a number', () => {
  expect(hex({ f: float(5) })).toBe('81a166cb4014000000000000');
  expect(hex(float(5))).toBe('cb4014000000000000');
  expect(hex([float(0), 5])).toBe('92cb000000000000000005');
  expect(msgpack().decode(msgpack().encode({ f: [float(-1), float(0.5)] }))).toStrictEqual({ f: [-1, 0.5] });
  expect(JSON.stringify({ f: float(5) })).toBe('{"f":5}');
});
