import { describe, expect, it } from '@jest/globals';
import { duration, shownPart } from '../../../lib/dashboard/parts/format.js';

describe('the shown part of a duration', () => {
  it.each([999, 61_999, 3_599_999, 3_659_999, 86_399_999, 90_000_000, 400_000_000])(
    'reads the same: %d ms',
    (value) => {
      expect(duration(shownPart(value))).toBe(duration(value));
    },
  );

  it('does not change before the text does', () => {
    expect(shownPart(61_001)).toBe(shownPart(61_999));
    expect(shownPart(2 * 3_600_000 + 1)).toBe(shownPart(2 * 3_600_000 + 59_999));
    expect(shownPart(undefined)).toBeUndefined();
  });
});
