import { describe, expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import { ConfigurationError, type, unary } from '../../../lib/index.js';
import { gridTest, simulate, type GridTestContext } from '../../../lib/testing/index.js';

const echo = unary({ id: 1, name: 'echo', request: type<number>(), response: type<number>() });

/** Runs `body` with two hosts that are connected. */
function withGrid(body: (grid: ReturnType<GridTestContext['cluster']>, context: GridTestContext) => unknown) {
  return gridTest(async (context) => {
    const grid = context.cluster({ hosts: ['shop', 'store'] });
    grid.host('store').handle(echo, (value) => value);
    await grid.connected();
    await body(grid, context);
  });
}

describe('names and options of faults', () => {
  it('refuses an unknown host name, and suggests the intended one', () =>
    withGrid((grid, { faults, expectFrames }) => {
      const refused: [() => unknown, string][] = [
        [() => grid.cable('shop', 'stroe'), 'stroe is no host of the cluster. Did you mean store?'],
        [() => grid.cable('shop', 'shop'), 'A cable has two ends: shop has none to itself.'],
        [() => grid.host('sotre'), 'sotre is no host of the cluster. Did you mean store?'],
        [() => grid.host('shop').cable('stroe'), 'Did you mean store?'],
        [() => grid.host('shop').connection('stroe'), 'stroe is no host of the cluster. Did you mean store?'],
        [() => grid.leaf('phone', 'stroe'), 'Did you mean store?'],
        [() => grid.leaf('shop', 'store'), 'shop is a host of the cluster.'],
        [() => faults.stall(grid, { from: 'shpo' }), "faults.stall: from is 'shpo', which is none of its ends."],
        [() => faults.drop(grid.cable('shop', 'store'), { from: 'stor' }), 'Did you mean store?'],
        [() => faults.drop('shop' as never), "a cable such as grid.cable('a', 'b'), or a leaf; it is 'shop'."],
        [() => faults.partition(['shop'] as never, ['store'] as never), "such as grid.host('a'); it is 'shop'."],
        [() => faults.partition([grid.host('shop')], [grid.host('shop')]), 'both groups are shop alone'],
        [() => faults.pause(grid as never), "must be a host of the cluster, such as grid.host('a'); it is an object."],
        [() => faults.partition([], [grid.host('store')]), 'a list of hosts and leaves that is not empty'],
        [() => faults.restart('store' as never), 'faults.restart: the target must be a host of the cluster'],
      ];
      for (const [ask, text] of refused) {
        expect(ask).toThrow(ConfigurationError);
        expect(ask).toThrow(text);
      }
      expect(() => expectFrames(grid.cable('shop', 'store'), { from: 'stroe' })).toThrow('Did you mean store?');
    }));

  it('refuses values out of range, and unknown options', () =>
    withGrid((grid, { faults, cluster, link }) => {
      const refused: [() => unknown, string][] = [
        [() => faults.drop(grid, { rate: 7 }), 'rate must be a probability above 0 and up to 1; it is 7.'],
        [() => faults.drop(grid, { rate: 0 }), 'rate must be a probability'],
        [() => faults.drop(grid, { count: 0 }), 'count must be'],
        [() => faults.drop(grid, { at: -1 }), 'at must be'],
        [() => faults.drop(grid, { at: '-----' }), 'a diagram with a mark'],
        [() => faults.drop(grid, { wher: () => true } as never), 'faults.drop has no option wher. Did you mean where?'],
        [() => faults.delay(grid, -5), 'faults.delay: ms must be'],
        [() => faults.drop(grid, { at: '5s' }), 'it is \'5s\'. Write "5s x" for one time.'],
        [() => faults.cut(grid, { every: -1 }), 'every must be'],
        [() => faults.cut(grid, { for: 'long' }), 'or a duration such as "500ms", "5s", "1m" or "1h"; it is \'long\'.'],
        [() => faults.cut(grid, { rate: 0.1 } as never), 'no option rate. The options are mayMiss, at, for, every.'],
        [() => faults.cut(grid, { at: 1, every: 10 }), 'give `at` or `every`, not both'],
        [() => faults.slice(grid, 0), 'faults.slice: bytes must be'],
        [() => faults.limit(grid, 0.5), 'faults.limit: bytesPerSecond must be'],
        [() => link({ latncy: 3 } as never), 'link has no option latncy. Did you mean latency?'],
        [() => link({ latency: -3 }), 'latency must be'],
        [() => link({ names: ['a', 'a'] }), 'names must be two names that differ'],
        [() => cluster({ latency: '3' as never }), 'latency must be'],
        [() => cluster({ latncy: 3 } as never), 'cluster has no option latncy. Did you mean latency?'],
        [() => cluster({ hosts: ['a', 'b', 'a'] }), 'two hosts are named a'],
        [() => cluster({ hosts: [] }), 'cluster: it needs a host'],
        [() => cluster({ hosts: ['http://a'] }), 'cluster: http://a must be a short name'],
        [() => cluster({ hosts: ['a', 'b'], skew: { c: 1 } }), 'c is no host of the cluster (option skew)'],
      ];
      for (const [ask, text] of refused) {
        expect(ask).toThrow(ConfigurationError);
        expect(ask).toThrow(text);
      }
    }));

  it('takes durations for how long and how often a fault happens', () =>
    withGrid(async (grid, { faults, advance }) => {
      const line = grid.cable('shop', 'store');
      faults.partition([grid.host('shop')], grid.hosts, { for: '2s' });
      expect(line.reachable).toBe(false);
      await advance('1999ms');
      expect(line.reachable).toBe(false);
      await advance(1);
      expect(line.reachable).toBe(true);
      const often = faults.cut(grid, { every: '10s' });
      await advance('10m');
      expect(often.strikes).toBeGreaterThan(20);
    }));

  it('says how a call is made that comes before the start of its host', () =>
    gridTest(async ({ cluster }) => {
      const grid = cluster({ hosts: ['shop', 'store'] });
      const call = firstValueFrom(grid.host('shop').connection('store').request(echo, 1));
      await expect(call).rejects.toThrow('host shop of the cluster is not started: `await grid.connected()` first');
    }));

  const plan = { hosts: ['a', 'b'], workload: () => ({ setup: () => undefined, draw: () => 0, perform: () => 0 }) };

  it.each([
    [{ step: 3 }, 'simulate has no option step. Did you mean steps?'],
    [{ duration: -1 }, 'simulate: duration must be'],
    [{ faults: { kinds: [] } }, 'kinds must be a list of kinds of faults that is not empty'],
    [{ faults: { kinds: ['cutt'] } }, '"cutt" is no kind of fault. Did you mean cut?'],
    [{ faults: { evry: 3 } }, 'Did you mean every?'],
    [
      { steps: [{ at: 1, fault: { kind: 'cut', between: ['a', 'c'] } }] },
      'c is no host of the simulation (simulate: steps[0]',
    ],
    [{ steps: [{ at: 1, fault: { kind: 'crash', host: 'a' } }] }, '"crash" is no kind of fault'],
    [{ steps: [{ at: -1, operation: 0 }] }, 'simulate: steps[0]: at must be a number of ms'],
    [{ steps: [{ at: 1 }] }, 'simulate: steps[0] must have either an operation or a fault'],
  ])('a simulation refuses %j', async (options, text) => {
    const run = (): Promise<unknown> => simulate({ ...plan, ...options } as never);
    await expect(run()).rejects.toThrow(ConfigurationError);
    await expect(run()).rejects.toThrow(text);
  });
});

describe('a fault that never struck', () => {
  it.each([
    ['of messages', 'faults.drop(shop ⇄ store, { count: 2, from: "store", where: function where })'],
    ['that is due after the end', 'faults.cut(shop ⇄ store, { at: 90000 })'],
    ['whose host does not run', 'faults.restart(store)'],
  ])('%s fails the test', async (what, text) => {
    const run = withGrid(async (grid, { faults, advance }) => {
      const cable = grid.cable('shop', 'store');
      if (what === 'of messages') faults.drop(cable, { count: 2, from: 'store', where: () => false });
      else if (what === 'that is due after the end') faults.cut(cable, { at: 90_000 });
      else {
        grid.host('store').crash();
        faults.restart(grid.host('store'));
      }
      await advance('10s');
    });
    await expect(run).rejects.toThrow('Faults that never struck');
    await expect(run).rejects.toThrow(`\n  ${text}\n`);
  });

  it('passes where it is allowed to miss, and counts one that struck', () =>
    withGrid(async (grid, { faults, advance }) => {
      faults.corrupt(grid, { rate: 0.000_001, mayMiss: true });
      const delay = faults.delay(grid, 5, { count: 2 });
      const limit = faults.limit(grid, 1_000_000);
      await advance('20s');
      expect([delay.strikes, limit.strikes]).toStrictEqual([2, 1]);
      expect(faults.unstruck).toStrictEqual([]);
    }));

  it('does not hide a failure of the test itself', () =>
    expect(
      withGrid((grid, { faults }) => {
        faults.drop(grid, { where: () => false });
        throw new Error('of the test');
      }),
    ).rejects.toThrow('of the test'));
});

describe('faults of leaves, slices and bandwidth', () => {
  it('a leaf is a target: its line is cut, and it is separated from its host', () =>
    gridTest(async ({ cluster, faults, advance }) => {
      const grid = cluster({ hosts: ['a', 'b'], leaves: { authenticate: (token) => token } });
      await grid.connected();
      const leaf = grid.leaf('phone', 'a');
      await leaf.ready();
      const states: string[] = [];
      // A state that only tells of the next attempt is not another one.
      leaf.state$.subscribe(({ status }) => (states.at(-1) === status ? 0 : states.push(status)));
      faults.cut(leaf);
      await advance('5s');
      expect(states).toStrictEqual(['connected', 'connecting', 'connected']);
      faults.partition([leaf], [grid.host('a')], { for: 60_000 });
      await advance('50s');
      expect(states.at(-1)).not.toBe('connected');
      await advance('30s');
      expect(states.at(-1)).toBe('connected');
      faults.stall(grid.cable('phone', 'a'), { from: 'phone', for: 10 });
      await advance(20);
    }));

  it('slice delays a message until its last piece, and limit bounds the bandwidth temporarily', () =>
    gridTest(async ({ link, faults, clock, advance }) => {
      const wire = link({ latency: 1 });
      wire.b.handle(echo, (value) => value);
      await wire.opened;
      const took = async (): Promise<number> => {
        const from = clock.elapsed;
        let at = NaN;
        wire.a.request(echo, 1).subscribe(() => (at = clock.elapsed));
        await advance(500);
        return at - from;
      };
      expect(await took()).toBe(2);
      const bytes = (): number => {
        const sent = wire.cable.log.entries.filter((entry) => entry.kind === 'message' && entry.from === 'a');
        return (sent.at(-1) as { bytes: Uint8Array }).bytes.length;
      };
      faults.slice(wire, 10, { gap: 3, from: 'a' });
      expect(await took()).toBe(2 + 3 * (Math.ceil(bytes() / 10) - 1));
      const limit = faults.limit(wire, 1_000, { from: 'a' });
      expect(await took()).toBe(2 + bytes());
      limit.unsubscribe();
      expect(await took()).toBe(2);
    }));
});
