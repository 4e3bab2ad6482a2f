import { describe, expect, it } from '@jest/globals';
import { fillPlaces } from '../../../bench/report/places.mjs';

const text = [
  'a',
  '<!-- bench one -->',
  'old',
  '<!-- bench end -->',
  'b',
  '<!-- bench two -->',
  '<!-- bench end -->',
  'c',
];

describe('fillPlaces', () => {
  it('replaces the content of a placeholder, and leaves the others', () => {
    expect(fillPlaces(text.join('\n'), new Map([['one', '$1 new']])).split('\n')).toStrictEqual([
      'a',
      '<!-- bench one -->',
      '',
      '$1 new',
      '',
      '<!-- bench end -->',
      ...text.slice(4),
    ]);
  });

  it('fills an empty placeholder, repeatedly', () => {
    const once = fillPlaces(text.join('\n'), new Map([['two', 'new']]));
    expect(once.split('\n').slice(5)).toStrictEqual(['<!-- bench two -->', '', 'new', '', '<!-- bench end -->', 'c']);
    expect(fillPlaces(once, new Map([['two', 'new']]))).toBe(once);
  });

  it('leaves a text without placeholders unchanged', () => {
    expect(fillPlaces('a', new Map([['one', 'new']]))).toBe('a');
  });
});
