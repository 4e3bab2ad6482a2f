import { describe, expect, it } from '@jest/globals';
import { gridTest, SeededRandom, type FaultStep } from '../../../lib/testing/index.js';
import { drawFaults, startFault, usualFaults } from '../../../lib/testing/simulation/fault-plan.js';

const hosts = ['a', 'b', 'c'];

describe('drawFaults', () => {
  it('draws the same faults from the same seed, ordered by time', () => {
    const draw = (seed: number): unknown => drawFaults(new SeededRandom(seed), hosts, { every: 500 }, 20_000);
    const drawn = drawFaults(new SeededRandom(1), hosts, { every: 500 }, 20_000);
    expect(draw(1)).toStrictEqual(drawn);
    expect(draw(2)).not.toStrictEqual(drawn);
    expect(drawn.map(({ at }) => at)).toStrictEqual(drawn.map(({ at }) => at).sort((a, b) => a - b));
    expect(drawn.every(({ at }) => at < 20_000)).toBe(true);
  });

  it('draws another half of the kinds for each seed, with other rates', () => {
    const runs = Array.from({ length: 60 }, (_, seed) => drawFaults(new SeededRandom(seed), hosts, {}, 600_000));
    const kinds = runs.map((run) => new Set(run.map(({ fault }) => fault.kind)));
    const sizes = kinds.map(({ size }) => size);
    expect(Math.min(...sizes)).toBeGreaterThan(0);
    expect(Math.max(...sizes)).toBeLessThan(usualFaults.length);
    expect(new Set(kinds.map((each) => [...each].sort().join())).size).toBeGreaterThan(50);
    for (const kind of usualFaults) {
      const share = kinds.filter((each) => each.has(kind)).length / kinds.length;
      expect(share).toBeGreaterThan(0.25);
      expect(share).toBeLessThan(0.75);
    }
    const lengths = runs.map(({ length }) => length);
    expect(Math.max(...lengths) / Math.min(...lengths)).toBeGreaterThan(2);
    // A mix that names its kinds means all of them.
    const named = drawFaults(new SeededRandom(1), hosts, { kinds: ['cut', 'pause'] }, 600_000);
    expect(new Set(named.map(({ fault }) => fault.kind)).size).toBe(2);
  });

  it('draws every kind of fault in the mix, and no other', () => {
    const kinds = (mix: Parameters<typeof drawFaults>[2]): string[] => [
      ...new Set(drawFaults(new SeededRandom(3), hosts, mix, 100_000).map(({ fault }) => fault.kind)),
    ];
    expect(kinds({ every: 500, swarm: false }).sort()).toStrictEqual([...usualFaults].sort());
    expect(kinds({ every: 500, kinds: ['reorder'] })).toStrictEqual(['reorder']);
    expect(kinds({ kinds: [] })).toStrictEqual([]);
  });

  it('draws no faults for a single host', () => {
    expect(drawFaults(new SeededRandom(1), ['a'], {}, 100_000)).toStrictEqual([]);
  });
});

describe('startFault', () => {
  const between = ['a', 'b'] as const;

  it.each<[FaultStep, string]>([
    [{ kind: 'cut', between }, 'The line was cut.'],
    [{ kind: 'half-open', between }, 'half-open'],
    [{ kind: 'half-open', between, from: 'a' }, 'half-open: what a sends is lost'],
    [{ kind: 'stall', between, from: 'b', for: 10 }, 'stalled: from b'],
    [{ kind: 'partition', group: ['a'], for: 10 }, 'partitioned'],
    [{ kind: 'restart', host: 'a', silent: false, for: 10 }, 'The process of a is gone.'],
    [{ kind: 'restart', host: 'a', silent: true, for: 10 }, 'half-open'],
  ])('%j', (fault, text) =>
    gridTest(async ({ cluster, clock, advance }) => {
      const grid = cluster(3);
      await grid.connected();
      startFault(fault, grid, clock);
      await advance(20);
      const events = grid.cable('a', 'b').log.entries.flatMap((entry) => (entry.kind === 'event' ? [entry.text] : []));
      expect(events).toContain(text);
    }),
  );

  it.each(['corrupt', 'duplicate', 'reorder', 'drop'] as const)(
    '%s hits messages with a checksum, and no handshake',
    (kind) =>
      gridTest(async ({ cluster, clock, advance }) => {
        const grid = cluster(2);
        await grid.start();
        startFault({ kind, between, from: 'a', count: 1 }, grid, clock);
        await advance('12s');
        const { entries } = grid.cable('a', 'b').log;
        const hit = entries.filter((entry) => entry.kind === 'message' && entry.fates.length > 0);
        expect(hit).toHaveLength(1);
        // The first one of a is its Connect, or its answer to one.
        expect(hit[0]).not.toBe(entries.find((entry) => entry.kind === 'message' && entry.from === 'a'));
      }),
  );

  it('ignores a restart of a host that is down', () =>
    gridTest(async ({ cluster, clock, advance }) => {
      const grid = cluster(2);
      await grid.connected();
      startFault({ kind: 'restart', host: 'a', silent: false, for: 5_000 }, grid, clock);
      startFault({ kind: 'restart', host: 'a', silent: false, for: 10 }, grid, clock);
      await advance('1s');
      expect(grid.host('a').running).toBe(false);
      await advance('5s');
      expect(grid.host('a').running).toBe(true);
    }));

  it('ends when it is unsubscribed', () =>
    gridTest(async ({ cluster, clock }) => {
      const grid = cluster(2);
      await grid.connected();
      const partition = startFault({ kind: 'partition', group: ['a'], for: 60_000 }, grid, clock);
      expect(grid.cable('a', 'b').reachable).toBe(false);
      partition.unsubscribe();
      expect(grid.cable('a', 'b').reachable).toBe(true);
    }));
});
