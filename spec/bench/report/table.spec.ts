import { describe, expect, it } from '@jest/globals';
import { cellTable } from '../../../bench/report/table.mjs';

describe('cellTable', () => {
  it('has a row for each cell, with bounds and verdicts', () => {
    const text = cellTable([
      { name: 'unary', against: 'ws', value: 1.234, unit: 'x', gate: 2, stretch: 3, details: { ours: 12345.6 } },
      { name: 'p99', value: 7, unit: 'ms', gate: 10, less: true },
      { name: 'size', value: 0.5, unit: '' },
    ]);
    expect(text.split('\n')).toStrictEqual([
      '| cell  | against |   ours | value | gate | stretch |   verdict |',
      '| ----- | ------: | -----: | ----: | ---: | ------: | --------: |',
      '| unary |      ws | 12 346 | 1.23x |  ≥ 2 |     ≥ 3 | **short** |',
      '| p99   |         |        |  7 ms | ≤ 10 |         |      gate |',
      '| size  |         |        |   0.5 |      |         |           |',
    ]);
  });

  it('omits columns without values', () => {
    expect(cellTable([{ name: 'size', value: 100.4, unit: 'kB' }])).toBe(
      ['| cell |  value |', '| ---- | -----: |', '| size | 100 kB |'].join('\n'),
    );
  });
});
