import { describe, expect, it } from '@jest/globals';
import stringWidth from 'string-width';
import { cut, tableLines } from '../../../lib/cli/output/table.js';

const columns = [{ title: 'NAME' }, { title: 'COUNT', right: true }];

describe('tableLines', () => {
  it('aligns texts to the left and numbers to the right', () => {
    expect(
      tableLines(
        columns,
        [
          ['a', '1'],
          ['longer', '1000'],
        ],
        undefined,
      ),
    ).toStrictEqual(['NAME    COUNT', 'a           1', 'longer   1000']);
  });

  it('truncates the widest column where the terminal is narrow', () => {
    expect(tableLines(columns, [['a-name-that-is-long', '1']], 16)).toStrictEqual([
      'NAME       COUNT',
      'a-name-t…      1',
    ]);
  });

  it('lists the cells where even that does not fit, with no line wider than the terminal', () => {
    const many = ['ONE', 'TWO', 'THREE', 'FOUR', 'FIVE'].map((title) => ({ title }));
    const lines = tableLines(
      many,
      [
        ['aaaa', 'bbbb', 'a text of many words', '日本語日本語日本語', 'e'],
        ['f', '', '', '', ''],
      ],
      20,
    );
    expect(lines.slice(0, 3)).toStrictEqual(['ONE: aaaa', 'TWO: bbbb', 'THREE: a text of ma…']);
    for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(20);
  });

  it('counts wide characters as two columns', () => {
    expect(
      tableLines(
        columns,
        [
          ['日本', '1'],
          ['abcd', '2'],
        ],
        undefined,
      ).slice(1),
    ).toStrictEqual(['日本      1', 'abcd      2']);
    expect(cut('日本語', 4)).toBe('日…');
    expect(cut('abc', 0)).toBe('');
  });
});
