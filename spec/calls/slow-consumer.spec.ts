import { afterEach, describe, expect, it } from '@jest/globals';
import type { Observable } from 'rxjs';
import { from, map, mergeMap, NEVER, of, switchMap } from 'rxjs';
import { consume, defaultWindow, type Connection } from '../../lib/index.js';
import { linkedPair, LinkedManagers, type Pair } from '../support/linked-managers.js';
import { Account, consumers, producers, routesWith } from '../support/streams/slow-consumers.js';

const ticks = 40;
const plain = 'consume';
const windows = { 'a fixed window of 16': 16, 'a fixed window of 1': 1, 'the default window': defaultWindow };
const cases = Object.keys(consumers).flatMap((consumer) =>
  Object.keys(producers).map((producer) => ({ consumer, producer })),
);

let grid: LinkedManagers;
let account: Account;
afterEach(async () => {
  await grid.close();
});

const link = async (prepare: (pair: Pair) => void): Promise<Pair> => {
  account = new Account();
  const pair = await linkedPair(prepare);
  ({ grid } = pair);
  return pair;
};
const tick = (): Observable<unknown> => grid.timer(1);

/** One item is done each ms, and the producer never leads by more than `bound`. */
const check = async (bound: number): Promise<void> => {
  await grid.advance(ticks, 1);
  expect(account.lead).toBeLessThanOrEqual(bound);
  // Nobody waits for credit that is lost: the consumer always had something to do.
  expect(account.released).toBe(ticks);
};

describe.each(Object.entries(windows))('with %s, produced − released ≤ window + 1', (_, window) => {
  const { down, up } = routesWith(window);
  const bound = (typeof window === 'number' ? window : window.initial) + 1;

  it.each(cases)('for output of $producer that is consumed by $consumer', async ({ consumer, producer }) => {
    const { ab } = await link(({ b }) => b.handle(down, () => producers[producer]!(account) as Iterable<number>));
    const stop = consumers[consumer]!(ab.stream(down, undefined), tick, account);
    await check(bound);
    stop();
  });

  it.each(cases)('for input of $producer that is consumed by $consumer', async ({ consumer, producer }) => {
    const { ab } = await link(({ b }) =>
      b.handle(up, (_, { input }) => {
        consumers[consumer]!(input, tick, account);
        return NEVER;
      }),
    );
    const call = ab.exchange(up, undefined, () => producers[producer]!(account));
    const subscription = call.subscribe();
    await check(bound);
    subscription.unsubscribe();
  });
});

describe('through a relay, produced − released ≤ both windows + 1', () => {
  const { down, up } = routesWith(16);
  const [near, middle, far] = ['http://a:1', 'http://b:1', 'http://c:1'] as const;
  type Relay = (to: Connection) => Observable<number> | AsyncIterable<number> | Promise<Observable<number>>;
  const relays: [string, Relay][] = [
    ['that gives the stream', (to) => to.stream(down, undefined)],
    ['that gives a Promise of the stream', async (to) => Promise.resolve(to.stream(down, undefined))],
    [
      'that looks the stream up first',
      (to) => from(Promise.resolve()).pipe(switchMap(() => to.stream(down, undefined))),
    ],
    [
      'that looks it up, and works on it',
      (to) => from(Promise.resolve()).pipe(consume(() => to.stream(down, undefined).pipe(map((value) => value)))),
    ],
    ['that maps the stream', (to) => to.stream(down, undefined).pipe(map((value) => value))],
    ['that makes two of one', (to) => to.stream(down, undefined).pipe(mergeMap((value) => of(value)))],
    [
      'that works on the stream',
      (to) => to.stream(down, undefined).pipe(consume(async (value) => Promise.resolve(value), { concurrency: 4 })),
    ],
    [
      'that works on the stream twice',
      (to) =>
        to.stream(down, undefined).pipe(
          consume((value) => of(value)),
          consume(async (value) => Promise.resolve(value)),
          map((value) => value),
        ),
    ],
    [
      'that loops over the stream',
      async function* (to) {
        for await (const value of to.stream(down, undefined)) yield value;
      },
    ],
  ];

  const three = async (relay: Relay): Promise<Connection> => {
    account = new Account();
    grid = new LinkedManagers();
    const hosts = [near, middle, far];
    const [a, b, c] = hosts.map((host) => grid.add(host, hosts));
    b!.handle(down, (_, call) => relay(call.connection(far)) as Observable<number>);
    b!.handle(up, (_, call) => call.connection(far).exchange(up, undefined, call.input));
    c!.handle(down, () => producers['a generator']!(account) as Iterable<number>);
    c!.handle(
      up,
      (_, { input }) => input.pipe(consume(() => from(tick().pipe(map(() => account.release()))))) as never,
    );
    await grid.start();
    return a!.connection(middle);
  };

  it.each(relays)('for output: %s', async (_, relay) => {
    const connection = await three(relay);
    const stop = consumers[plain]!(connection.stream(down, undefined), tick, account);
    await check(33);
    stop();
  });

  it('for input', async () => {
    const connection = await three(() => NEVER);
    const input = producers['a generator']!(account) as Iterable<number>;
    const subscription = connection.exchange(up, undefined, input).subscribe();
    await check(33);
    subscription.unsubscribe();
  });
});

describe('a consumer that finishes at once', () => {
  const { down } = routesWith(defaultWindow);

  it('lets the window grow: far more items than windows pass in one turn', async () => {
    const { ab } = await link(({ b }) =>
      b.handle(down, function* () {
        for (let count = 0; count < 100_000; count++) yield account.produce();
      }),
    );
    let messages = 0;
    ab.frames$.subscribe(({ direction }) => {
      if (direction === 'out') messages++;
    });
    ab.stream(down, undefined).subscribe(() => {
      account.release();
    });
    await grid.settle();
    expect(account.released).toBe(100_000);
    expect(messages).toBeLessThan(200);
  });
});
