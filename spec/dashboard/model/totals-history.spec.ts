import { describe, expect, it } from '@jest/globals';
import type { Totals } from '../../../lib/dashboard/model/model.js';
import { TotalsHistory } from '../../../lib/dashboard/model/totals-history.js';

const totals = (calls: number): Totals => ({
  up: 1,
  hosts: 1,
  calls,
  errors: 0,
  bytes: 0,
  p99: undefined,
  stalled: 0,
});

describe('the history of the totals', () => {
  it('keeps a sample a second, and a gap for each second without one', () => {
    const history = new TotalsHistory();
    history.add(totals(1), 10_000);
    history.add(totals(2), 10_500);
    history.add(totals(3), 11_000);
    history.add(totals(4), 14_000);
    expect(history.of('calls')).toStrictEqual([1, 3, undefined, undefined, 4]);
  });

  it('returns the same list until the next sample', () => {
    const history = new TotalsHistory();
    history.add(totals(1), 0);
    const before = history.of('calls');
    history.add(totals(2), 500);
    expect(history.of('calls')).toBe(before);
    history.add(totals(2), 1_000);
    expect(history.of('calls')).toStrictEqual([1, 2]);
  });

  it('keeps five minutes', () => {
    const history = new TotalsHistory();
    history.add(totals(1), 0);
    history.add(totals(2), 1e9);
    expect(history.of('calls')).toHaveLength(TotalsHistory.length);
    expect(history.of('calls').at(-1)).toBe(2);
  });
});
