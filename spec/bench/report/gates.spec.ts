import { describe, expect, it } from '@jest/globals';
import { judge, lastLine, settle, type Cell } from '../../../bench/report/gates.mjs';

const cell = (value: number, more: Partial<Cell> = {}): Cell => ({
  name: 'cell',
  value,
  unit: 'x',
  gate: 2,
  stretch: 4,
  ...more,
});

describe('judge', () => {
  it.each([
    ['short', 1.99],
    ['gate', 2],
    ['gate', 3.99],
    ['stretch', 4],
  ])('says %s for %d of a gate of 2 and a stretch of 4', (verdict, value) => {
    expect(judge(cell(value))).toBe(verdict);
  });

  it.each([
    ['short', 4.01],
    ['gate', 4],
    ['gate', 2.01],
    ['stretch', 2],
  ])('says %s for %d where less is better, of a gate of 4 and a stretch of 2', (verdict, value) => {
    expect(judge(cell(value, { gate: 4, stretch: 2, less: true }))).toBe(verdict);
  });

  it('says gate where there is no stretch, however good the value', () => {
    expect(judge({ name: 'cell', value: 1e9, unit: 'x', gate: 2 })).toBe('gate');
  });

  it('says stated without a gate', () => {
    expect(judge({ name: 'cell', value: 1, unit: 'x' })).toBe('stated');
  });

  it('fails a measurement that errored', () => {
    expect(judge(cell(NaN))).toBe('short');
    expect(judge(cell(NaN, { less: true }))).toBe('short');
  });
});

describe('settle', () => {
  const settled = (values: number[], more: Partial<Cell> = {}): number =>
    settle(values.map((value) => cell(value, more))).value;

  it('uses a single measurement', () => {
    expect(settled([1])).toBe(1);
  });

  it('uses the median of three: two of them must reach the gate', () => {
    expect(settled([1, 3, 2.5])).toBe(2.5);
    expect(settled([1, 3, 1.5])).toBe(1.5);
  });

  it('uses the worse one of the middle two', () => {
    expect(settled([1, 3])).toBe(1);
    expect(settled([1, 3], { less: true })).toBe(3);
  });
});

describe('lastLine', () => {
  it('counts cells, those at gate, and of these those at stretch', () => {
    expect(lastLine([cell(1), cell(2), cell(3), cell(4)])).toBe('bench: 4 cells, 3 at gate, 1 at stretch');
  });

  it('does not count stated values', () => {
    expect(lastLine([{ name: 'cell', value: 1, unit: 'x' }])).toBe('bench: 0 cells, 0 at gate, 0 at stretch');
  });
});
