import { afterEach, describe, expect, it } from '@jest/globals';
import { BehaviorSubject, finalize, map, NEVER, of, Subject, throwError, type Observable } from 'rxjs';
import {
  consume,
  duplex,
  quorum,
  QuorumError,
  retryOnDisconnect,
  type,
  unary,
  type Manager,
  type ManagerOptions,
  type OutgoingCall,
} from '../../lib/index.js';
import { LinkedManagers, record } from '../support/linked-managers.js';
import { collectUnhandled, reported } from '../support/unhandled.js';

const who = unary({ id: 20, name: 'who', request: type<number>(), response: type<string>() });
const safe = unary({ id: 21, name: 'safe', request: type<number>(), response: type<string>(), idempotent: true });
const watch = duplex({ id: 22, name: 'watch', output: type<string>() });
const count = duplex({ id: 23, name: 'count', output: type<number>(), outCapacity: 4 });

const both = duplex({ id: 24, name: 'both', input: type<string>(), output: type<string>() });

const boom = (): never => {
  throw new Error('of a teardown');
};
const gone = 'http://gone:1';
const [a, b, c] = ['http://a:1', 'http://b:1', 'http://c:1'] as const;
const unhandled = collectUnhandled();
let grid: LinkedManagers;

/** Starts the hosts; `prepare` registers the handlers of each. */
async function hosts(
  names: readonly string[],
  prepare: (manager: Manager) => void,
  lists?: ManagerOptions['hosts'],
): Promise<Manager> {
  grid = new LinkedManagers();
  for (const name of names) prepare(grid.add(name, [], { hosts: lists ?? names }));
  await grid.start();
  return grid.managers.get(names[0]!)!;
}

/** Answers with the host's name after the given ms. */
const answering = (manager: Manager): void => {
  for (const route of [who, safe]) manager.handle(route, (ms) => grid.timer(ms).pipe(map(() => manager.local)));
};

afterEach(async () => {
  expect(unhandled).toStrictEqual([]);
  await grid.close();
});

describe('everyHost', () => {
  it('returns one outcome per host, this one included, and is cold', async () => {
    let runs = 0;
    const host = await hosts([a, b, c], (manager) =>
      manager.handle(who, (n) => {
        runs++;
        if (manager.local === b) throw new Error('no');
        return `${manager.local} ${String(n)}`;
      }),
    );
    const outcomes = host.everyHost(who, 7);
    await grid.settle();
    expect(runs).toBe(0);
    for (const { log } of [record(outcomes), record(outcomes)]) {
      await grid.settle();
      expect(log).toHaveLength(4);
      expect(log).toContainEqual({ host: a, value: `${a} 7` });
      expect(log).toContainEqual({
        host: b,
        error: expect.objectContaining({ message: expect.stringContaining('no') }),
      });
      expect(log).toContainEqual({ host: c, value: `${c} 7` });
      expect(log.at(-1)).toBe('done');
    }
  });

  it('passes on options and a payload that is created for each call', async () => {
    const host = await hosts([a, b], answering);
    let made = 0;
    const { log } = record(host.everyHost(who, () => (made++ === 0 ? 10 : 500), { timeout: 100 }));
    await grid.advance(200, 10);
    expect(made).toBe(2);
    expect(log).toContainEqual({ host: a, value: a });
    expect(log).toContainEqual({ host: b, error: expect.objectContaining({ code: 'deadline-exceeded' }) });
  });

  it('accepts a list of hosts, each once, and reports an invalid one', async () => {
    const host = await hosts([a, b, c], answering);
    const { log } = record(host.everyHost(who, 0, { hosts: [b, b, 'http://nobody:1'] }));
    await grid.advance(10);
    expect(log).toStrictEqual([
      { host: 'http://nobody:1', error: expect.objectContaining({ code: 'configuration' }) },
      { host: b, value: b },
      'done',
    ]);
    expect(record(host.everyHost(who, 0, { hosts: [] })).log).toStrictEqual(['done']);
  });

  it('cancels running calls when it is unsubscribed, and behind a quorum', async () => {
    let running = 0;
    const host = await hosts([a, b, c], (manager) =>
      manager.handle(who, () => {
        if (manager.local === b) return 'first';
        running++;
        return new Promise<string>(() => undefined).finally(() => running--);
      }),
    );
    const { log } = record(host.everyHost(who, 0).pipe(quorum(1)));
    await grid.settle();
    expect(log).toStrictEqual([{ host: b, value: 'first' }, 'done']);
    // The calls are over at both ends, whatever the handlers do.
    for (const manager of grid.managers.values()) {
      for (const name of grid.managers.keys()) {
        const figures: unknown[] = [];
        manager
          .connection(name)
          .stats$.subscribe((each) => figures.push(each))
          .unsubscribe();
        expect(figures[0]).toMatchObject({ openOut: 0, openIn: 0 });
      }
    }
  });

  it('fails a quorum as soon as too many calls fail', async () => {
    const host = await hosts([a, b, c], (manager) =>
      manager.handle(who, () => (manager.local === a ? NEVER : throwError(() => new Error(`${manager.local} fails`)))),
    );
    const { log } = record(host.everyHost(who, 0).pipe(quorum(2)));
    await grid.settle();
    expect(log).toStrictEqual([expect.any(QuorumError)]);
  });

  it('merges streams and follows the list of hosts', async () => {
    const lists = new BehaviorSubject<string[]>([a, b]);
    const items: Record<string, Subject<string>> = { [a]: new Subject(), [b]: new Subject(), [c]: new Subject() };
    const host = await hosts([a, b], (manager) => manager.handle(watch, () => items[manager.local]!), lists);
    const { log } = record(host.everyHost(watch));
    await grid.settle();
    items[a]!.next('1');
    items[b]!.next('2');
    const late = grid.add(c, [], { hosts: lists });
    late.handle(watch, () => items[c]!);
    await late.start();
    lists.next([a, b, c]);
    await grid.advance(2_000, 50);
    items[c]!.next('3');
    await grid.settle();
    lists.next([a, c]);
    await grid.advance(100, 10);
    expect(items[b]!.observed).toBe(false);
    items[c]!.next('4');
    await grid.settle();
    expect(log).toHaveLength(4);
    expect(log).toStrictEqual(
      expect.arrayContaining([
        { host: a, value: '1' },
        { host: b, value: '2' },
        { host: c, value: '3' },
        { host: c, value: '4' },
      ]),
    );
    items[a]!.error(new Error('broken'));
    items[c]!.complete();
    await grid.settle();
    expect(log.slice(4)).toStrictEqual([{ host: a, error: expect.anything() }, 'done']);
  });

  it('lets the consumer hold back each host', async () => {
    let produced = 0;
    const host = await hosts([a, b], (manager) =>
      manager.handle(count, function* () {
        for (;;) {
          produced++;
          yield produced;
        }
      }),
    );
    const subscription = host
      .everyHost(count)
      .pipe(consume(() => NEVER, { concurrency: 1 }))
      .subscribe();
    await grid.advance(1_000, 50);
    // The window of each of two hosts, and one.
    expect(produced).toBeLessThanOrEqual(10);
    subscription.unsubscribe();
    await grid.settle();
  });

  it('applies an operator to the call of each host; its errors are the outcome of that host', async () => {
    const host = await hosts([a, b], answering);
    const each = (call: Observable<string>, name: string): Observable<string> => {
      if (name === b) throw new Error('each');
      return call.pipe(
        map((value) => `(${value})`),
        retryOnDisconnect(),
      );
    };
    const { log } = record(host.everyHost(who, 0, { each }));
    await grid.advance(10);
    expect(log).toContainEqual({ host: a, value: `(${a})` });
    expect(log).toContainEqual({ host: b, error: new Error('each') });
  });

  it('returns all outcomes where the teardown of a call throws, which is reported', async () => {
    const host = await hosts([a, b], answering);
    const { log } = record(host.everyHost(who, 5, { each: (call) => call.pipe(finalize(boom)) }));
    await grid.advance(20, 5);
    expect(log).toStrictEqual([{ host: a, value: a }, { host: b, value: b }, 'done']);
    await reported();
    expect(unhandled.splice(0)).toStrictEqual([new Error('of a teardown'), new Error('of a teardown')]);
  });

  it('refuses invalid options', async () => {
    const host = await hosts([a], answering);
    expect(() => host.everyHost(who, 0, { hosts: 'a' as never })).toThrow(/hosts must be a list of host names/);
    expect(() => host.everyHost(who, 0, { each: 1 as never })).toThrow(/each must be a function/);
  });
});

describe('anyHost', () => {
  it.each<[string, (host: Manager) => Observable<unknown>, string]>([
    ['a host that is none', (host) => host.anyHost(who, 1, { hosts: ['http://x:1'] }), 'http://x:1 is no host'],
    ['a route that cannot be called so', (host) => host.anyHost(both as never, 1 as never), 'has an input'],
    [
      'pick that throws',
      (host) =>
        host.anyHost(who, 1, {
          pick: () => {
            throw new Error('no pick');
          },
        }),
      'no pick',
    ],
  ])('errors for %s', async (_, call, message) => {
    const { log } = record(call(await hosts([a, b], answering)));
    await grid.settle();
    expect(log).toMatchObject([{ message: expect.stringContaining(message) }]);
  });

  it('runs a non-idempotent call once whose handler fails because of an unsent call', async () => {
    let runs = 0;
    const host = await hosts(
      [a, b],
      (manager) =>
        manager.handle(who, (n, call) => {
          runs++;
          return call.connection(gone).request(safe, n, { waitForConnect: false });
        }),
      [a, b, gone],
    );
    const { log } = record(host.anyHost(who, 1, { hosts: [a, b] }));
    await grid.advance(1_000, 100);
    expect(log).toMatchObject([{ code: 'unavailable', sent: true }]);
    expect(runs).toBe(1);
  });

  it('chooses among connected hosts that do not drain', async () => {
    const host = await hosts([a, b, c], answering);
    void grid.managers.get(b)!.drain({ timeout: 10_000 });
    const calls = Array.from({ length: 40 }, () => record(host.anyHost(who, 1)));
    await grid.advance(50, 10);
    const answers = new Set(calls.map(({ log }) => log[0]));
    expect(answers).toStrictEqual(new Set([a, c]));
  });

  it('repeats a call refused by a draining host at another one, and runs it once', async () => {
    const runs: string[] = [];
    const host = await hosts([a, b, c], (manager) =>
      manager.handle(who, () => {
        runs.push(manager.local);
        return manager.local;
      }),
    );
    const blocker = new Promise<string>(() => undefined);
    grid.managers.get(b)!.handle(safe, () => blocker);
    host
      .connection(b)
      .request(safe, 0)
      .subscribe({ error: () => undefined });
    await grid.settle();
    void grid.managers.get(b)!.drain({ timeout: 1_000 });
    // Not known here yet that it drains.
    const { log } = record(host.anyHost(who, 0, { hosts: [b, c], pick: (from) => from[0]!.host }));
    await grid.advance(100, 10);
    expect(log).toStrictEqual([c, 'done']);
    expect(runs).toStrictEqual([c]);
  });

  it('does not repeat a call that may have run, unless its route is idempotent', async () => {
    const host = await hosts([a, b, c], (manager) => {
      for (const route of [who, safe]) manager.handle(route, () => (manager.local === b ? NEVER : manager.local));
    });
    const pick = (from: readonly { readonly host: string }[]): string => from[0]!.host;
    const once = record(host.anyHost(who, 0, { hosts: [b, c], pick }));
    const again = record(host.anyHost(safe, 0, { hosts: [b, c], pick, hedgeAfter: false }));
    await grid.settle();
    await grid.managers.get(b)!.close();
    await grid.advance(100, 10);
    expect(once.log).toStrictEqual([expect.objectContaining({ code: 'disconnected', sent: true })]);
    expect(again.log).toStrictEqual([c, 'done']);
  });

  it('repeats a call of an idempotent route when its host is removed from the list meanwhile', async () => {
    const lists = new BehaviorSubject<string[]>([a, b, c]);
    const prepare = (manager: Manager): unknown =>
      manager.handle(safe, () => (manager.local === b ? NEVER : manager.local));
    const host = await hosts([a, b, c], prepare, lists);
    const pick = (from: readonly { readonly host: string }[]): string => from[0]!.host;
    const options = { hosts: [b, c], pick, hedgeAfter: false, timeout: 600_000 } as const;
    const { log } = record(host.anyHost(safe, 0, options));
    await grid.settle();
    lists.next([a, c]);
    await grid.advance(120_000, 1_000);
    expect(log).toStrictEqual([c, 'done']);
  });

  it('fails at once with an unsent error where there is no host', async () => {
    const host = await hosts([a, b], answering);
    expect(record(host.anyHost(who, 0, { hosts: [] })).log).toMatchObject([{ code: 'configuration', sent: false }]);
  });

  it('passes errors of handlers on, and limits the number of attempts', async () => {
    const runs: string[] = [];
    const host = await hosts([a, b, c], (manager) =>
      manager.handle(safe, () => {
        runs.push(manager.local);
        throw new Error('a fault of the request');
      }),
    );
    const { log } = record(host.anyHost(safe, 0));
    await grid.settle();
    expect(log).toStrictEqual([
      expect.objectContaining({ message: expect.stringContaining('a fault of the request') }),
    ]);
    expect(runs).toHaveLength(1);
  });

  it('calls a second host when the first one is slow, and cancels the slower one', async () => {
    const host = await hosts([a, b, c], (manager) =>
      manager.handle(safe, (ms) => (manager.local === b ? grid.timer(ms) : of(0)).pipe(map(() => manager.local))),
    );
    const pick = (from: readonly { readonly host: string }[]): string => from[0]!.host;
    const options = { hosts: [b, c], pick, hedgeAfter: 50 };
    const slow = record(host.anyHost(safe, 5_000, options));
    const quick = record(host.anyHost(safe, 20, options));
    await grid.advance(40, 10);
    expect(quick.log).toStrictEqual([b, 'done']);
    expect(slow.log).toStrictEqual([]);
    await grid.advance(40, 10);
    expect(slow.log).toStrictEqual([c, 'done']);
    const figures: unknown[] = [];
    host
      .connection(b)
      .stats$.subscribe((each) => figures.push(each))
      .unsubscribe();
    expect(figures[0]).toMatchObject({ openOut: 0 });
  });

  it('returns the answer of the faster one where the teardown of the slower one throws', async () => {
    grid = new LinkedManagers();
    const names = [a, b, c];
    const throwing = (call: OutgoingCall, next: (call: OutgoingCall) => Observable<unknown>): Observable<unknown> =>
      next(call).pipe(finalize(() => (call.host === b ? boom() : undefined)));
    for (const name of names) {
      const manager = grid.add(name, [], { hosts: names, intercept: { calls: [throwing] } });
      manager.handle(safe, () => (name === b ? NEVER : of(name)));
    }
    await grid.start();
    const pick = (from: readonly { readonly host: string }[]): string => from[0]!.host;
    const { log } = record(grid.managers.get(a)!.anyHost(safe, 0, { hosts: [b, c], pick, hedgeAfter: 10 }));
    await grid.advance(50, 10);
    expect(log).toStrictEqual([c, 'done']);
    await reported();
    expect(unhandled.splice(0)).toStrictEqual([new Error('of a teardown')]);
  });

  it('learns the delay after which to call a second host', async () => {
    const host = await hosts([a, b, c], (manager) =>
      manager.handle(safe, (ms) => (manager.local === b ? grid.timer(ms) : of(0)).pipe(map(() => manager.local))),
    );
    const pick = (from: readonly { readonly host: string }[]): string => from[0]!.host;
    for (let i = 0; i < 20; i++) {
      record(host.anyHost(safe, 30, { hosts: [b, c], pick }));
      await grid.advance(40, 10);
    }
    const slow = record(host.anyHost(safe, 10_000, { hosts: [b, c], pick }));
    await grid.advance(60, 10);
    expect(slow.log).toStrictEqual([c, 'done']);
  });

  it('does not call a second host for a route that is not idempotent', async () => {
    const host = await hosts([a, b, c], answering);
    const { log } = record(host.anyHost(who, 200, { hosts: [b, c], hedgeAfter: 10 }));
    await grid.advance(150, 10);
    for (const name of [b, c]) {
      const figures: { openOut: number }[] = [];
      host
        .connection(name)
        .stats$.subscribe((each) => figures.push(each))
        .unsubscribe();
    }
    expect(log).toStrictEqual([]);
    await grid.advance(100, 10);
    expect(log).toHaveLength(2);
  });

  it('has one timeout for all attempts', async () => {
    const host = await hosts([a, b, c], (manager) => manager.handle(safe, () => NEVER));
    const { log } = record(host.anyHost(safe, 0, { timeout: 100, hedgeAfter: 60 }));
    await grid.advance(120, 10);
    expect(log).toStrictEqual([expect.objectContaining({ code: 'deadline-exceeded' })]);
  });

  it('stays with the host of a stream that has begun', async () => {
    const items = new Subject<string>();
    const host = await hosts([a, b, c], (manager) => manager.handle(watch, () => items));
    const { log } = record(host.anyHost(watch, undefined, { hosts: [b, c] }));
    await grid.settle();
    items.next('x');
    await grid.settle();
    items.error(new Error('broken'));
    await grid.settle();
    expect(log).toStrictEqual(['x', expect.objectContaining({ message: expect.stringContaining('broken') })]);
  });

  it('errors where there is no host, where pick throws, and where it returns an unknown host', async () => {
    const host = await hosts([a], answering);
    const fail = (options: object): unknown => record(host.anyHost(who, 0, options)).log[0];
    expect(fail({ hosts: [] })).toMatchObject({ code: 'configuration' });
    expect(fail({ pick: () => 'http://x:1' })).toMatchObject({
      message: expect.stringContaining('pick chose http://x:1'),
    });
    const error = new Error('pick');
    expect(
      fail({
        pick: () => {
          throw error;
        },
      }),
    ).toBe(error);
    expect(() => host.anyHost(who, 0, { attempts: 0 })).toThrow(/attempts must be a whole number/);
    expect(() => host.anyHost(who, 0, { hedgeAfter: true as never })).toThrow(/hedgeAfter must be/);
  });
});

describe('the owners of a key', () => {
  it('are agreed on by all hosts, and known after the start', async () => {
    await hosts([a, b, c], answering);
    const [first, ...others] = [...grid.managers.values()];
    for (const key of ['x', 'y', 'z']) {
      for (const other of others) expect(other.ownersOf(key, 2)).toStrictEqual(first!.ownersOf(key, 2));
    }
    expect(first!.ownersOf('x')).toHaveLength(1);
    expect(() => grid.add('http://d:1', []).ownersOf('x')).toThrow(/is started/);
  });
});
