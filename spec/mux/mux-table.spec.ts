import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { MuxTable } from '../../lib/mux/mux-table.js';
import type { MuxId } from '../../lib/wire/frame.js';
import { anyMuxId } from '../support/protocol/arbitrary-frames.js';
import { runs } from '../support/property-runs.js';

function tableOf(ids: readonly MuxId[]): MuxTable<{ id: MuxId }> {
  const table = new MuxTable<{ id: MuxId }>();
  for (const id of ids) table.add({ id });
  return table;
}

const sorted = (ids: MuxId[]): MuxId[] => ids.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

describe('MuxTable', () => {
  it('behaves as a Map for any ids', () => {
    // Ids that share their low bits fall on one slot, in a table of any size.
    const colliding = fc.nat({ max: 5 }).map((high) => high * 2 ** 20 + 3);
    const anyId = fc.oneof(anyMuxId, colliding, fc.nat({ max: 60 }));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), anyId), { maxLength: 200 }), (steps) => {
        const table = new MuxTable<{ id: MuxId }>();
        const model = new Map<MuxId, { id: MuxId }>();
        for (const [add, id] of steps) {
          if (add && !model.has(id)) {
            const entry = { id };
            table.add(entry);
            model.set(id, entry);
          } else if (!add) {
            expect(table.delete(id)).toBe(model.delete(id));
          }
          expect(table.get(id)).toBe(model.get(id));
          expect(table.size).toBe(model.size);
        }
        for (const [id, entry] of model) expect(table.get(id)).toBe(entry);
        expect(sorted(table.entries().map(({ id }) => id))).toStrictEqual(sorted([...model.keys()]));
      }),
      { numRuns: runs(300) },
    );
  });

  it('distinguishes ids above 2^53', () => {
    const ids: MuxId[] = [2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n, 2n ** 64n - 2n, 2 ** 53 - 1, 1];
    const table = tableOf(ids);
    for (const id of ids) expect(table.get(id)?.id).toBe(id);
    expect(table.get(2n ** 63n)).toBe(undefined);
  });

  it('holds 200 000 sequential ids, and returns each of them', () => {
    const first = 2 ** 40;
    const table = tableOf(Array.from({ length: 200_000 }, (_, index) => first + index));
    expect(table.size).toBe(200_000);
    for (let index = 0; index < 200_000; index++) {
      if (table.get(first + index)?.id !== first + index) throw new Error(`Lost ${index}.`);
    }
    for (let index = 0; index < 200_000; index++) table.delete(first + index);
    expect([table.size, table.entries()]).toStrictEqual([0, []]);
  });

  it('returns its entries as a copy', () => {
    const table = tableOf([1, 2, 3]);
    for (const { id } of table.entries()) table.delete(id);
    expect(table.size).toBe(0);
  });
});
