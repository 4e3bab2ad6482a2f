import { describe, expect, test } from '@jest/globals';
import { firstValueFrom, map } from 'rxjs';
import { DisconnectedError, sharedSecret, type ConnectionState, type ConnectionStatus } from '../../../lib/index.js';
import { gridTest, type Cluster, type GridTestContext } from '../../../lib/testing/index.js';
import { add } from './routes.js';

/*
 * Wall clocks that are set, machines that sleep, and both. Hosts a and b; the machine of a has the faults.
 */

const latency = 5;
const minute = 60_000;
const hour = 60 * minute;
const wallJumps = [-24 * hour, -10 * minute, 10 * minute, 24 * hour];

/** The states of one host's connection to the other, as they come: `status ms`, counted from now. */
function watch({ clock }: GridTestContext, grid: Cluster, from: string, to: string): string[] {
  const [seen, origin] = [new Array<string>(), clock.elapsed];
  grid
    .host(from)
    .connection(to)
    .state$.pipe(map(({ status }: ConnectionState): ConnectionStatus => status))
    .subscribe((status) => seen.push(`${status} ${clock.elapsed - origin}`));
  return seen;
}

/** Two hosts whose handler of `add` gives how many ms are left until its call's deadline, by its host's wall clock. */
async function connectedGrid(test: GridTestContext): Promise<Cluster> {
  const grid = test.cluster({ hosts: 2, latency });
  await grid.connected();
  return grid;
}

describe('a wall clock that is adjusted while hosts are connected', () => {
  test.each(wallJumps)('by %i ms: no connection is lost, and no state changes', (wall) =>
    gridTest(async (context) => {
      const grid = await connectedGrid(context);
      const seen = [watch(context, grid, 'a', 'b'), watch(context, grid, 'b', 'a')];
      context.faults.clock(grid.host('a'), { wall, at: '15s x' });
      await context.advance('2m');
      expect(seen).toStrictEqual([['connected 0'], ['connected 0']]);
    }),
  );

  test.each(wallJumps)('by %i ms: pending waits keep their duration', (wall) =>
    gridTest(async (context) => {
      const { clock, advance, faults } = context;
      const grid = await connectedGrid(context);
      grid.host('b').handle(add, () => new Promise<number>(() => undefined));
      const began = clock.elapsed;
      const ends: number[] = [];
      const host = grid.host('a').connection('b');
      // Both are durations from now on, and so is what a handler's own deadline says to the calls on its behalf.
      for (const options of [{ timeout: 700 }, { deadline: new Date(Date.now() + 900) }]) {
        host.request(add, [], options).subscribe({ error: () => ends.push(clock.elapsed - began) });
      }
      await advance(100);
      faults.clock(grid.host('a'), { wall });
      faults.clock(grid.host('b'), { wall: -wall });
      await advance('2s');
      expect(ends).toStrictEqual([700, 900]);
    }),
  );

  test.each(wallJumps)('by %i ms: call.deadline is correct by the adjusted clock', (wall) =>
    gridTest(async (context) => {
      const { clock, advance, faults } = context;
      const grid = await connectedGrid(context);
      const b = grid.host('b');
      const left: number[] = [];
      b.handle(add, async (_, call) => {
        const wallNow = (): number => clock.wallNow() + shift;
        let shift = 0;
        left.push(call.deadline!.getTime() - wallNow());
        faults.clock(b, { wall });
        shift = wall;
        left.push(call.deadline!.getTime() - wallNow());
        return left.length;
      });
      await firstValueFrom(grid.host('a').connection('b').request(add, [], { timeout: 1_000 }));
      await advance('1s');
      expect(left).toStrictEqual([1_000, 1_000]);
    }),
  );

  test('`since` of a state is the wall-clock time of the change', () =>
    gridTest(async (context) => {
      const grid = await connectedGrid(context);
      const a = grid.host('a');
      context.faults.clock(a, { wall: -hour });
      context.faults.cut(grid.cable('a', 'b'));
      const { since, status } = await firstValueFrom(a.connection('b').state$);
      expect([status, since]).toStrictEqual(['connecting', context.clock.wallNow() - hour]);
    }));
});

describe('a host that starts before its clock is set', () => {
  test.each([-hour, hour])('by %i ms: it is refused until then, and accepted soon after, with its tokens', (skew) =>
    gridTest(async (context) => {
      const { advance, cluster, faults } = context;
      const auth = sharedSecret('0123456789abcdef0123456789abcdef');
      const grid = cluster({ hosts: 2, latency, auth, skew: { a: skew } });
      const reasons = new Set<string>();
      for (const { manager } of grid.hosts) {
        manager.events$.subscribe((event) => {
          if (event.type === 'rejected') reasons.add(event.reason);
        });
      }
      await grid.start();
      await advance('10s');
      const seen = watch(context, grid, 'a', 'b');
      expect(seen).toStrictEqual(['back-off 0']);
      expect([...reasons]).toStrictEqual(['the clocks differ by 3600 s, and 300 s are allowed: synchronise them']);
      faults.clock(grid.host('a'), { wall: -skew });
      await advance('3s');
      expect(seen.at(-1)).toMatch(/^connected/);
    }),
  );
});

describe('a machine that sleeps for an hour', () => {
  const sleep = { sleep: true, for: hour } as const;

  // With a wall clock that is wrong after the sleep, too: a battery that went flat.
  test.each([0, 4 * minute, -4 * minute])('is connected again at once, with a wall clock off by %i ms', (wall) =>
    gridTest(
      async (context) => {
        const grid = await connectedGrid(context);
        grid.host('b').handle(add, (numbers) => numbers.length);
        await context.advance('3s');
        const seen = watch(context, grid, 'a', 'b');
        context.faults.clock(grid.host('a'), sleep);
        if (wall !== 0) context.faults.clock(grid.host('a'), { wall, at: 1_000 });
        await context.advance(hour);
        expect(seen).toStrictEqual(['connected 0']);
        await context.advance('3s');
        expect(seen.map((state) => state.replace(/\d+$/, ''))).toStrictEqual([
          'connected ',
          'connecting ',
          'connected ',
        ]);
        expect(await firstValueFrom(grid.host('a').connection('b').request(add, [1, 2]))).toBe(2);
      },
      { maxTime: 2 * hour },
    ),
  );

  test('notices within an interval that a farewell was lost meanwhile', () =>
    gridTest(
      async (context) => {
        const { advance, faults } = context;
        const grid = await connectedGrid(context);
        await advance('3s');
        const seen = watch(context, grid, 'a', 'b');
        faults.halfOpen(grid.cable('a', 'b'));
        faults.clock(grid.host('a'), sleep);
        await advance(hour + 11_100);
        expect(seen.slice(0, 2)).toStrictEqual(['connected 0', expect.stringMatching(/^connecting/)]);
        expect(Number(seen[1]!.split(' ')[1]) - hour).toBeLessThanOrEqual(11_000);
      },
      { maxTime: 2 * hour },
    ));

  test('has calls that do not hang: they fail with the connection, and their time stops meanwhile', () =>
    gridTest(
      async (context) => {
        const { advance, clock, faults } = context;
        const grid = await connectedGrid(context);
        grid.host('b').handle(add, () => new Promise<number>(() => undefined));
        const ends: unknown[] = [];
        const call = grid
          .host('a')
          .connection('b')
          .request(add, [], { timeout: 10 * minute });
        call.subscribe({ error: (error: unknown) => ends.push(error, clock.elapsed) });
        await advance(1_000);
        const woken = clock.elapsed + hour;
        faults.clock(grid.host('a'), sleep);
        await advance(hour - 1);
        expect(ends).toStrictEqual([]);
        await advance(1_000);
        expect(ends).toStrictEqual([expect.any(DisconnectedError), expect.any(Number)]);
        expect(Number(ends[1])).toBeLessThanOrEqual(woken + 100);
      },
      { maxTime: 2 * hour },
    ));

  test('appears to the others as a silent host', () =>
    gridTest(
      async (context) => {
        const grid = await connectedGrid(context);
        const seen = watch(context, grid, 'b', 'a');
        context.faults.clock(grid.host('a'), sleep);
        await context.advance('40s');
        expect(seen.map((state) => state.replace(/ .*/, ''))).toStrictEqual(['connected', 'connecting', 'back-off']);
        await context.advance(hour);
        expect(seen.at(-1)).toMatch(/^connected/);
      },
      { maxTime: 2 * hour },
    ));
});
