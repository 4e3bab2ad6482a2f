import { describe, expect, it } from '@jest/globals';
import type { Cell } from '../../../bench/report/gates.mjs';
import { measureGroup } from '../../../bench/report/measure-group.mjs';

interface Bench {
  readonly ms: number;
  wants(cell: string, against?: string): boolean;
  remark(text: string): void;
}

/** A group that gives the next of these values for each cell that is wanted, and what it was asked for. */
function played(values: Record<string, number[]>) {
  const asked: string[][] = [];
  const group = {
    name: 'played',
    async run({ wants, remark }: Bench): Promise<Cell[]> {
      const names = Object.keys(values).filter((name) => wants(name, 'peer'));
      asked.push(names);
      remark('about the peer');
      return names.map((name) => ({ name, against: 'peer', value: values[name]!.shift()!, unit: 'x', gate: 2 }));
    },
  };
  return { group, asked };
}

const options = { rounds: 5, ms: undefined, warm: 1, peers: undefined, check: true, asks: () => true };
const valuesOf = (cells: readonly Cell[]): number[] => cells.map(({ value }) => value);

describe('measureGroup', () => {
  it('measures once without --check', async () => {
    const { group, asked } = played({ a: [1], b: [3] });
    const { cells } = await measureGroup(group, { ...options, check: false });
    expect(valuesOf(cells)).toStrictEqual([1, 3]);
    expect(asked).toStrictEqual([['a', 'b']]);
  });

  it('repeats a measurement below its gate twice, and nothing else; the median counts', async () => {
    const { group, asked } = played({ a: [1, 3, 2.5], b: [3], c: [1.5, 1, 4] });
    const { cells, notes } = await measureGroup(group, options);
    expect(valuesOf(cells)).toStrictEqual([2.5, 3, 1.5]);
    expect(asked).toStrictEqual([
      ['a', 'b', 'c'],
      ['a', 'c'],
      ['a', 'c'],
    ]);
    expect(notes).toStrictEqual(['about the peer']);
  });

  it('measures the cells selected by the user', async () => {
    const { group, asked } = played({ a: [3], b: [3] });
    await measureGroup(group, { ...options, asks: (name: string, cell: string) => `${name}/${cell}` === 'played/b' });
    expect(asked).toStrictEqual([['b']]);
  });

  it('uses the round length of the user, or of the group, or 250 ms', async () => {
    const lengths: number[] = [];
    const run = async ({ ms }: Bench): Promise<Cell[]> => {
      lengths.push(ms);
      return [];
    };
    await measureGroup({ name: 'group', ms: 5_000, run }, { ...options, ms: 7 });
    await measureGroup({ name: 'group', ms: 5_000, run }, options);
    await measureGroup({ name: 'group', run }, options);
    expect(lengths).toStrictEqual([7, 5_000, 250]);
  });
});
