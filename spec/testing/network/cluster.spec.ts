import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, lastValueFrom, mergeMap, range, timer, toArray } from 'rxjs';
import {
  bind,
  DisconnectedError,
  duplex,
  sharedSecret,
  type,
  unary,
  type HandlerInterceptor,
} from '../../../lib/index.js';
import { Cluster, Faults, gridTest, VirtualClock, type GridTestContext } from '../../../lib/testing/index.js';

// Taken before time is virtual.
const realImmediate = setImmediate;

const whoAmI = unary({ name: 'whoAmI', response: type<string>() });
const ticks = duplex({ id: 2, name: 'ticks', output: type<number>() });

describe('a cluster', () => {
  it('is a full mesh in which all hosts call each other', () =>
    gridTest(async ({ cluster }) => {
      const grid = cluster(4);
      for (const host of grid.hosts) host.handle(whoAmI, async () => `I am ${host.name}`);
      await grid.connected();
      for (const from of grid.hosts) {
        for (const to of grid.hosts) {
          expect(await firstValueFrom(from.connection(to).request(whoAmI, undefined))).toBe(`I am ${to.name}`);
        }
      }
      // Six pairs; a host calls itself without a wire.
      expect(grid.cables).toHaveLength(6);
    }));

  it('has the registrations and handler options of a manager', () =>
    gridTest(async ({ cluster }) => {
      const [host] = cluster(1).hosts;
      const seen: string[] = [];
      const log: HandlerInterceptor = (call, next) => {
        seen.push(call.route.name);
        return next(call);
      };
      const registration = host!.handle(whoAmI, () => 'first', { intercept: [log] });
      await host!.start();
      const ask = (): Promise<string> => firstValueFrom(host!.connection(host!).request(whoAmI));
      expect(await ask()).toBe('first');
      registration.replace(() => 'second');
      expect(await ask()).toBe('second');
      registration.remove();
      await expect(ask()).rejects.toMatchObject({ code: 'unimplemented' });
      expect(seen).toStrictEqual(['whoAmI', 'whoAmI']);
    }));

  it('accepts names, manager options, and a setup that runs at each start', () =>
    gridTest(async ({ cluster, advance, faults }) => {
      const starts: string[] = [];
      const grid = cluster({
        hosts: ['x', 'y'],
        limits: { unaryTimeout: 50 },
        setup: (manager, name) => {
          let calls = 0;
          starts.push(name);
          manager.handle(whoAmI, () => `${name}, call ${++calls}`);
        },
      });
      await grid.connected();
      const ask = (): Promise<string> => firstValueFrom(grid.host('x').connection('y').request(whoAmI, undefined));
      expect([await ask(), await ask()]).toStrictEqual(['y, call 1', 'y, call 2']);
      faults.restart(grid.host('y'), { for: 1_000 });
      await advance('5s');
      expect(await ask()).toBe('y, call 1');
      expect(starts).toStrictEqual(['x', 'y', 'y']);
      expect(() => grid.host('z')).toThrow('z is no host of the cluster. There are: x, y.');
    }));

  it('drains a host, which finishes its calls, accepts no new ones, and returns with its handlers', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster(2);
      const [a, b] = grid.hosts as [(typeof grid.hosts)[0], (typeof grid.hosts)[0]];
      b.handle(whoAmI, async () => {
        await new Promise((resolve) => setTimeout(resolve, 500));
        return 'done';
      });
      await grid.connected();
      const ask = (): Promise<string> => firstValueFrom(a.connection(b).request(whoAmI, undefined));
      const running = ask();
      await advance('100ms');
      const drained = b.drain({ timeout: 2_000 });
      await advance('50ms');
      await expect(ask()).rejects.toThrow('drains');
      expect(await running).toBe('done');
      expect(await drained).toStrictEqual({ interrupted: 0 });
      expect(b.running).toBe(false);
      expect(await b.drain()).toStrictEqual({ interrupted: 0 });
      await b.start();
      await advance('5s');
      expect(await ask()).toBe('done');
    }));

  it('follows a changing list of hosts: a host leaves, and joins', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster({ hosts: 3, changingList: true });
      for (const host of grid.hosts) host.handle(whoAmI, () => host.name);
      await grid.connected();
      const ask = (): Promise<string> => firstValueFrom(grid.host('a').connection('c').request(whoAmI, undefined));
      expect(await ask()).toBe('c');
      grid.list(['a', 'b']);
      await advance('1s');
      expect(ask).toThrow('http://c');
      grid.list(['a', 'b', 'c']);
      await grid.connected();
      expect(await ask()).toBe('c');
      expect(() => {
        grid.list(['d']);
      }).toThrow('d is no host of the cluster');
      expect(() => {
        cluster(2).list(['a']);
      }).toThrow('changingList');
    }));

  it('detects a host that loses power, whose own calls end at once', () =>
    gridTest(async ({ cluster, advance, clock, faults }) => {
      const grid = cluster(2);
      const [a, b] = grid.hosts as [(typeof grid.hosts)[0], (typeof grid.hosts)[0]];
      for (const host of grid.hosts) host.handle(ticks, () => timer(0, 100));
      await grid.connected();
      const ends: string[] = [];
      const watch = (name: string, from: typeof a, to: typeof a): void => {
        from
          .connection(to)
          .stream(ticks, undefined)
          .subscribe({
            error: (error: unknown) => {
              ends.push(`${name} at ${Math.round(clock.elapsed / 1_000)} s: ${(error as Error).name}`);
            },
          });
      };
      watch('of a', a, b);
      watch('of b', b, a);
      await advance('1s');
      faults.restart(b, { silent: true });
      // It is down already.
      b.crash();
      await advance('30s');
      expect(ends).toStrictEqual([`of b at 1 s: ${DisconnectedError.name}`, `of a at 20 s: ${DisconnectedError.name}`]);
    }));

  it('freezes time while tokens are created and verified, however long that takes', () => {
    const slow = async (): Promise<string> => {
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => realImmediate(resolve));
      return 'token';
    };
    return gridTest(async ({ cluster, clock }) => {
      const grid = cluster({
        hosts: 2,
        auth: {
          sign: slow,
          verify: async () => {
            await slow();
          },
        },
      });
      await grid.connected();
      expect(clock.elapsed).toBe(4);
    });
  });

  it('tells a leaf why its host has closed the connection, as a close frame does', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster({ hosts: 1, leaves: { authenticate: () => 'phone', limits: { idle: 1_000 } } });
      const [host] = grid.hosts;
      host!.handle(whoAmI, () => 'the host');
      await grid.start();
      const leaf = grid.leaf('phone', 'a', { token: 'a token' });
      const states: unknown[] = [];
      leaf.state$.subscribe(({ status, waitsFor }) => states.push([status, waitsFor]));
      await leaf.ready();
      await advance('2s');
      expect(states.at(-1)).toStrictEqual(['connecting', 'call']);
      expect(await firstValueFrom(leaf.request(whoAmI))).toBe('the host');
    }));

  it('accepts leaves', () =>
    gridTest(async ({ cluster }) => {
      const grid = cluster({ hosts: 2, leaves: { authenticate: (token) => `leaf ${token}` } });
      grid.host('b').handle(whoAmI, (_, call) => call.caller);
      await grid.connected();
      const leaf = grid.leaf('phone', 'b', { handlers: [bind(whoAmI, () => 'the phone')] });
      expect(await firstValueFrom(leaf.request(whoAmI, undefined))).toBe('leaf phone');
      const back = grid.host('b').manager.connection('leaf phone');
      expect(await firstValueFrom(back.request(whoAmI, undefined))).toBe('the phone');
    }));

  it('survives chaos: every call ends, and the mesh recovers', () =>
    gridTest(
      async ({ cluster, faults, advance, random }) => {
        const grid = cluster({ hosts: 4, latency: 2, jitter: 5, bandwidth: 1_000_000 });
        for (const host of grid.hosts) host.handle(whoAmI, async () => host.name);
        await grid.connected();
        const chaos = [
          faults.cut(grid.cable('a', 'b'), { every: 5_000 }),
          faults.stall(grid.cable('c', 'd'), { every: 8_000, for: 3_000 }),
          faults.halfOpen(grid.cable('a', 'c'), { every: 40_000 }),
          faults.partition([grid.host('a')], [grid.host('d')], { every: 30_000, for: 25_000 }),
          faults.corrupt(grid, { rate: 0.002 }),
          faults.drop(grid, { rate: 0.002 }),
          faults.duplicate(grid, { rate: 0.002 }),
          faults.reorder(grid, { rate: 0.002 }),
          faults.restart(grid.host('b'), { every: 60_000, for: 5_000 }),
        ];
        let answered = 0;
        let failed = 0;
        const calls = range(0, 1_000).pipe(
          mergeMap(async () => {
            await new Promise((resolve) => setTimeout(resolve, random.below(100_000)));
            const [from, to] = [random.pick(grid.hosts), random.pick(grid.hosts)];
            try {
              const name = await firstValueFrom(from.connection(to).request(whoAmI, undefined, { timeout: 5_000 }));
              expect(name).toBe(to.name);
              answered++;
            } catch {
              failed++;
            }
          }),
          toArray(),
        );
        await lastValueFrom(calls);
        for (const fault of chaos) fault.unsubscribe();
        expect(answered + failed).toBe(1_000);
        expect(answered).toBeGreaterThan(600);
        expect(failed).toBeGreaterThan(0);
        await advance('2m');
        await grid.connected();
      },
      { seed: 7 },
    ));

  it('repeats the same run with the same seed', async () => {
    const run = async (seed: number): Promise<string> => {
      let seen = '';
      const body = async ({ cluster, faults, advance, transcript }: GridTestContext): Promise<void> => {
        const grid = cluster({ hosts: 3, jitter: 10 });
        for (const host of grid.hosts) {
          host.handle(ticks, async function* () {
            for (let number = 0; ; number++) {
              yield number;
              await new Promise((resolve) => setTimeout(resolve, 50));
            }
          });
        }
        await grid.connected();
        faults.cut(grid, { every: 2_000 });
        faults.drop(grid, { rate: 0.02 });
        grid
          .host('a')
          .connection('b')
          .stream(ticks, undefined)
          .subscribe({ error: () => undefined });
        grid
          .host('b')
          .connection('c')
          .stream(ticks, undefined)
          .subscribe({ error: () => undefined });
        await advance('10s');
        seen = transcript();
      };
      await gridTest(body, { seed });
      return seen;
    };
    const first = await run(1);
    expect(first.split('\n').length).toBeGreaterThan(150);
    expect(await run(1)).toBe(first);
    expect(await run(2)).not.toBe(first);
  });

  it('works without marbles and without virtual globals, for simulations', async () => {
    const clock = new VirtualClock({ seed: 3 });
    const grid = new Cluster({ clock, hosts: 5, latency: 1, history: 0, auth: sharedSecret('x'.repeat(32)) });
    for (const host of grid.hosts) host.handle(whoAmI, () => host.name);
    await grid.start();
    await clock.advance(5_000);
    new Faults(clock).cut(grid.cable('a', 'b'), { every: 1_000 });
    let answered = 0;
    const call = (): void => {
      const answer = grid.host('a').connection('e').request(whoAmI, undefined);
      answer.subscribe({ next: () => answered++, error: () => undefined });
      clock.schedule(call, 10);
    };
    call();
    // With synchronous handlers no turn of the event loop is needed.
    clock.runFor(10_000);
    expect(answered).toBe(1_000);
    await grid.close();
  });
});
