import { describe, expect, it } from '@jest/globals';
import { matrix } from '../../../bench/report/matrix.mjs';

const cell = (name: string, against: string, value: number, bounds: { gate?: number; stretch?: number } = {}) => ({
  name,
  against,
  value,
  unit: 'x',
  ...bounds,
  details: { ours: 5000, theirs: 1000 },
});

describe('matrix', () => {
  it('has a row for each peer: short of the gate, at gate, at stretch, without a gate', () => {
    const cells = [
      cell('c1', 'ws', 0.5, { gate: 0.75, stretch: 1 }),
      cell('c1', 'nats', 9.5, { gate: 6, stretch: 9.4 }),
      cell('c64', 'ws', 2, { gate: 1.8, stretch: 4.1 }),
      cell('c64', 'go', 2.9),
    ];
    expect(matrix(cells).split('\n')).toStrictEqual([
      '| against                   |                 c1 |           c64 |',
      '| ------------------------- | -----------------: | ------------: |',
      '| rxgrid itself, per second |              5 000 |         5 000 |',
      '| ws                        | **0.5** (0.75 / 1) | 2 (1.8 / 4.1) |',
      '| nats                      |    9.5 + (6 / 9.4) |               |',
      '| go                        |                    |         (2.9) |',
    ]);
  });
});
