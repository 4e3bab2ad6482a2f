import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, NEVER } from 'rxjs';
import { ConfigurationError, type, unary } from '../../../lib/index.js';
import {
  eventuallyAgree,
  gridTest,
  History,
  linearizable,
  type Model,
  monotonicReads,
  noLostUpdate,
  simulate,
  SimulationError,
  type Simulation,
  type SimulationOptions,
} from '../../../lib/testing/index.js';

const echo = unary({ id: 1, name: 'echo', request: type<number>(), response: type<number>() });

describe('a history', () => {
  it('records for each call whether it took effect', () =>
    gridTest(async ({ cluster, clock, advance }) => {
      const grid = cluster({ hosts: ['a', 'b'] });
      grid.host('b').handle(echo, (value) => (value === 3 ? NEVER : value));
      await grid.connected();
      const history = new History<number, number>(clock);
      const call = (value: number): Promise<unknown> =>
        history
          .record(value, () => firstValueFrom(grid.host('a').connection('b').request(echo, value, { timeout: 1_000 })))
          .catch((error: unknown) => error);
      await call(1);
      const open = call(3);
      await advance(10);
      expect(history.entries.map(({ outcome }) => outcome)).toStrictEqual(['ok', 'open']);
      grid.host('b').crash();
      await open;
      await advance('10s');
      await call(4);
      expect(history.entries).toMatchObject([
        { operation: 1, outcome: 'ok', result: 1, began: 0, ended: 1 },
        { operation: 3, outcome: 'unknown', began: 2, ended: Infinity },
        { operation: 4, outcome: 'fail', began: 3, ended: 4 },
      ]);
    }));

  it('of a simulation contains the results of its operations', async () => {
    let seen: Simulation['history'] | undefined;
    await simulate({
      hosts: ['a', 'b'],
      steps: 5,
      faults: false,
      liveness: false,
      workload: ({ history }) => {
        seen = history;
        return {
          setup: (manager) => {
            manager.handle(echo, (value) => 2 * value);
          },
          draw: (random) => random.below(9),
          perform: (value, { cluster }) => firstValueFrom(cluster.host('a').connection('b').request(echo, value)),
        };
      },
    });
    expect(seen!.entries).toHaveLength(5);
    for (const { operation, result, outcome } of seen!.entries) {
      expect([result, outcome]).toStrictEqual([2 * (operation as number), 'ok']);
    }
  });
});

/** The simulation of one host with operations that are already over, for checkers of what is there at the end. */
function withEnd(invariant: (simulation: Simulation) => { readonly name: string }, gives: readonly unknown[]) {
  let next = 0;
  const options: SimulationOptions<number> = {
    hosts: ['a', 'b'],
    steps: gives.map((_, index) => ({ at: 10 * index, operation: index })),
    faults: false,
    liveness: false,
    shrinkRuns: 0,
    workload: () => {
      next = 0;
      return { setup: () => undefined, draw: () => 0, perform: () => gives[next++] };
    },
    invariants: [invariant],
  };
  return simulate(options).then(
    () => undefined,
    (error: unknown) => {
      expect(error).toBeInstanceOf(SimulationError);
      return (error as Error).message.split('\n').slice(0, 2).join(' ');
    },
  );
}

describe('noLostUpdate', () => {
  const checked = (...present: readonly number[]): Promise<string | undefined> =>
    withEnd(noLostUpdate<number>({ update: (operation) => operation, present: () => present }), ['x', 'y']);

  it.each([
    [[0, 1], undefined],
    [[1], 'Seed 1 violates: no update is lost   0 at 0 ms was acknowledged, and is not there'],
    [[0, 1, 1], 'Seed 1 violates: no update is lost   1 at 10 ms is there 2 times'],
    [[0, 1, 7], 'Seed 1 violates: no update is lost   7 is there, and no operation made it'],
  ])('judges a final state with %j', async (present, text) => {
    expect(await checked(...present)).toBe(text);
  });

  it('asks with the outcome, which may say that an operation changed nothing', () =>
    gridTest(({ clock }) => {
      const history = new History<string, string>(clock);
      history.begin('ann').ok('ann');
      history.begin('bo').ok('ann');
      history.begin('cy').failed(new Error('no answer'));
      const asked: unknown[] = [];
      const check = (...present: readonly string[]): void =>
        noLostUpdate<string, string>({
          update: (who, outcome) => {
            asked.push(outcome);
            return outcome === undefined || outcome.result === who ? who : undefined;
          },
          present: () => present,
        })({ history } as unknown as Simulation).end!();
      check('ann');
      expect(asked).toStrictEqual([{ result: 'ann' }, { result: 'ann' }, undefined]);
      check('ann', 'cy');
      expect(() => {
        check('ann', 'bo');
      }).toThrow('"bo" is there, and no operation made it');
    }));

  it('excludes unsent updates, and permits uncertain ones', () =>
    gridTest(({ clock }) => {
      const history = new History(clock);
      history.begin('lost').failed(new Error('no answer'));
      history.begin('not sent').failed({ sent: false });
      const check = (...present: readonly string[]): void =>
        noLostUpdate<string>({ update: (operation) => operation, present: () => present })({
          history,
        } as unknown as Simulation).end!();
      check();
      check('lost');
      expect(() => {
        check('not sent');
      }).toThrow('"not sent" at 0 ms was never sent, and is there');
    }));
});

describe('eventuallyAgree', () => {
  it.each([
    [{ a: [1], b: [1] }, undefined],
    [{ a: [1], b: [2] }, 'Seed 1 violates: the hosts agree in the end   a: [1]; b: [2]'],
  ])('with %j', async (views, text) => {
    expect(
      await withEnd(
        eventuallyAgree((host) => (views as Record<string, unknown>)[host]),
        ['x'],
      ),
    ).toBe(text);
  });
});

describe('monotonicReads', () => {
  const checker = monotonicReads<string, number>({ session: (operation) => operation, version: (result) => result });

  it('rejects an older value after a newer one, in one session', async () => {
    expect(await withEnd(checker, [1, 2])).toBeUndefined();
    const all = monotonicReads<number, number>({ session: () => 'one', version: (result) => result });
    expect(await withEnd(all, [1, 3, 2])).toBe(
      'Seed 1 violates: reads are monotonic   1 at 10 ms read version 3, and then 2 at 20 ms read version 2',
    );
    expect(await withEnd(all, [1, 1, 2])).toBeUndefined();
    const apart = monotonicReads<number, number>({ session: () => 'one', of: String, version: (result) => result });
    expect(await withEnd(apart, [1, 3, 2])).toBeUndefined();
  });

  it('permits overlapping reads in any order', () =>
    gridTest(({ clock }) => {
      const history = new History<string, number>(clock);
      const [first, second] = [history.begin('s'), history.begin('s')];
      first.ok(2);
      second.ok(1);
      history.check(checker);
      history.begin('s').ok(1);
      expect(() => {
        history.check(checker);
      }).toThrow('read version 2, and then');
    }));
});

describe('checkers', () => {
  const none = {} as never;

  it.each<[() => unknown, string]>([
    [
      () => linearizable(undefined as never),
      'linearizable: the model: the options must be an object; it is undefined.',
    ],
    [() => linearizable(none), 'linearizable: the model needs initial: a function'],
    [() => linearizable({ initial: () => 0, stpe: () => undefined } as never), 'no option stpe. Did you mean step?'],
    [() => noLostUpdate(none), 'noLostUpdate needs update: a function'],
    [() => noLostUpdate({ update: () => 1 } as never), 'noLostUpdate needs present: a function'],
    [() => monotonicReads({ sesion: () => '', version: () => 1 } as never), 'Did you mean session?'],
    [() => monotonicReads(none), 'monotonicReads needs session: a function'],
    [() => eventuallyAgree(none), 'eventuallyAgree: view must be a function'],
    [() => new History({ now: () => 0 }).check(none), 'history.check: the checker must be a function'],
  ])('refuse what lacks a function: %s', (make, text) => {
    expect(make).toThrow(ConfigurationError);
    expect(make).toThrow(text);
  });

  it.each<[string, (list: number[], item: number) => unknown, string]>([
    ['changes its state', (list, item) => (list.push(item), { state: list }), 'changed the state that it was given'],
    ['returns the bare state', (list, item) => [...list, item], 'must return { state }'],
    ['returns null', () => null, 'must return { state }'],
  ])('refuse a model whose step %s, and accepts whatever happened', (_, step, text) => {
    const history = new History<number, number>({ now: () => 0 });
    for (const item of [1, 2]) history.begin(item).ok(item);
    const model = { initial: () => [], step } as unknown as Model<number, number, number[]>;
    expect(() => {
      history.check(linearizable(model));
    }).toThrow(text);
  });
});
