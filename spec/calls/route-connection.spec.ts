import { afterEach, describe, expect, it } from '@jest/globals';
import { defer, filter, firstValueFrom, map, NEVER, of, retry, Subject, take, throwError, type Observable } from 'rxjs';
import {
  ConfigurationError,
  DeadlineExceededError,
  DisconnectedError,
  duplex,
  type,
  unary,
  type CallOptions,
} from '../../lib/index.js';
import { systemRuntime } from '../../lib/runtime.js';
import { all, hostB, linkedPair, pair as unlinkedPair, record, type Pair } from '../support/linked-managers.js';

const double = unary({ id: 1, name: 'double', request: type<number>(), response: type<number>() });
const count = duplex({ id: 2, name: 'count', output: type<number>() });

let pair: Pair;
let calls: number;
afterEach(async () => {
  await pair.grid.close();
});
const serving = ({ b }: Pair): void => {
  calls = 0;
  b.handle(double, (value) => {
    calls++;
    return 2 * value;
  });
  b.handle(count, () => {
    calls++;
    return [1, 2, 3];
  });
};

/** Two managers that are not connected, although they have started and dialed once. */
async function inBackOff(): Promise<void> {
  pair = unlinkedPair();
  serving(pair);
  pair.grid.reachable = false;
  await pair.grid.start();
  // Who is dialed goes to back-off after its grace.
  await pair.grid.advance(2_500, 500);
  const { status } = await firstValueFrom(pair.ab.state$);
  expect(status).toBe('back-off');
}
/** Lets them connect. */
async function connect(): Promise<void> {
  pair.grid.reachable = true;
  await pair.grid.advance(3_000, 100);
}

describe('a call while connecting', () => {
  it('waits, and is sent when the connection opens', async () => {
    pair = unlinkedPair();
    serving(pair);
    const started = pair.grid.start();
    const logs = [record(pair.ab.request(double, 4)), record(pair.ab.stream(count, undefined))].map(({ log }) => log);
    await Promise.resolve();
    expect([logs, calls]).toStrictEqual([[[], []], 0]);
    await started;
    expect(logs).toStrictEqual([
      [8, 'done'],
      [1, 2, 3, 'done'],
    ]);
  });

  it('is bounded by its deadline', async () => {
    // An attempt that takes longer than the call may.
    pair = unlinkedPair({ dial: () => NEVER });
    await Promise.all([pair.a.start(), pair.b.start()]);
    const { log } = record(pair.ab.request(double, 4, { timeout: 500 }));
    await pair.grid.advance(501);
    expect(log).toStrictEqual([
      new DeadlineExceededError(`The deadline of double passed while there was no connection to ${hostB}.`),
    ]);
  });

  it('is removed when it is unsubscribed', async () => {
    pair = unlinkedPair();
    serving(pair);
    const started = pair.grid.start();
    record(pair.ab.request(double, 4)).unsubscribe();
    record(pair.ab.stream(count, undefined)).unsubscribe();
    await started;
    expect(calls).toBe(0);
  });

  it('is removed by another one that starts before it', async () => {
    pair = unlinkedPair();
    serving(pair);
    const talk = duplex({ id: 3, name: 'talk', input: type<number>(), output: type<number>() });
    pair.b.handle(talk, () => []);
    const victims: { unsubscribe(): void }[] = [];
    const input = defer(() => {
      for (const victim of victims) victim.unsubscribe();
      return of(1);
    });
    const started = pair.grid.start();
    record(pair.ab.exchange(talk, undefined, input));
    victims.push(record(pair.ab.request(double, 4)), record(pair.ab.stream(count, undefined)));
    await started;
    expect(calls).toBe(0);
  });

  it('fails when the attempt to connect fails, on a macrotask', async () => {
    pair = unlinkedPair();
    pair.grid.reachable = false;
    const started = pair.grid.start();
    const [failing, waiting] = [{}, { waitForConnect: true }].map((options: CallOptions) =>
      record(pair.ab.request(double, 4, options)),
    );
    await started;
    await pair.grid.advance(2_500, 500);
    expect(failing!.log).toStrictEqual([expect.any(DisconnectedError)]);
    expect(failing!.log).toMatchObject([{ sent: false, retryable: true, host: hostB, code: 'disconnected' }]);
    expect(waiting!.log).toStrictEqual([]);
    waiting!.unsubscribe();
  });

  it('fails at once with waitForConnect: false', async () => {
    pair = unlinkedPair({ dial: () => NEVER });
    await Promise.all([pair.a.start(), pair.b.start()]);
    const { log } = record(pair.ab.request(double, 4, { waitForConnect: false }));
    expect(log).toStrictEqual([]);
    await pair.grid.advance(0);
    expect(log).toMatchObject([{ code: 'disconnected', sent: false }]);
  });
});

describe('a call in back-off', () => {
  it('fails at once, on a macrotask, with the host, the reason, and the time of reconnection', async () => {
    await inBackOff();
    const { log } = record(pair.ab.request(double, 4));
    const streams = record(pair.ab.stream(count, undefined)).log;
    await pair.grid.settle();
    expect([log, streams]).toStrictEqual([[], []]);
    await pair.grid.advance(0);
    expect([log, streams]).toMatchObject([[{ code: 'disconnected' }], [{ code: 'disconnected' }]]);
    const error = log[0] as DisconnectedError<Observable<void>>;
    expect(error.message).toMatch(/^There is no connection to http:\/\/b:1: .* Nothing of the call was sent\.$/);
    const back = record(error.reconnected).log;
    expect(back).toStrictEqual([]);
    await connect();
    expect(back).toStrictEqual([undefined, 'done']);
  });

  it('waits with waitForConnect: true, up to its deadline', async () => {
    await inBackOff();
    const [patient, late] = [
      record(pair.ab.request(double, 4, { waitForConnect: true })),
      record(pair.ab.request(double, 4, { waitForConnect: true, timeout: 200 })),
    ] as const;
    await pair.grid.advance(300);
    expect([patient.log, late.log]).toStrictEqual([[], [expect.any(DeadlineExceededError)]]);
    await connect();
    expect(patient.log).toStrictEqual([8, 'done']);
  });

  it('waits for the number of ms in waitForConnect', async () => {
    await inBackOff();
    const { log } = record(pair.ab.request(double, 4, { waitForConnect: 200 }));
    await pair.grid.advance(199);
    expect(log).toStrictEqual([]);
    await pair.grid.advance(2);
    expect(log).toMatchObject([{ code: 'disconnected' }]);
    const quick = record(pair.ab.request(double, 4, { waitForConnect: 60_000 })).log;
    await connect();
    expect(quick).toStrictEqual([8, 'done']);
  });

  it('works again with retry, which without a delay neither recurses nor starves the timers', async () => {
    // With real timers: on virtual time, calls that fail after 0 ms without end hold the time.
    pair = unlinkedPair({
      runtime: systemRuntime,
      limits: { redialInterval: 5, dialJitter: 0, dialedGrace: 5 },
    });
    serving(pair);
    pair.grid.reachable = false;
    await pair.grid.start();
    await firstValueFrom(pair.ab.state$.pipe(filter(({ status }) => status === 'back-off')));
    let attempts = 0;
    const endless = defer(() => {
      attempts++;
      return pair.ab.request(double, 4);
    }).pipe(retry());
    const delayed = pair.ab
      .request(double, 5)
      .pipe(retry({ delay: (error: DisconnectedError<Observable<void>>) => error.reconnected }));
    const results = Promise.all([all(endless), all(delayed)]);
    await new Promise<void>((resolve) => {
      const check = setInterval(() => {
        if (attempts < 20) return;
        clearInterval(check);
        resolve();
      }, 0);
    });
    pair.grid.reachable = true;
    expect(await results).toStrictEqual([[8], [10]]);
  });
});

describe('a call that cannot begin', () => {
  const sum = duplex({ id: 3, name: 'sum', input: type<unknown>(), output: type<number>() });
  const failing = (): never => {
    throw new Error('of the caller');
  };
  const unreadable = { [Symbol.iterator]: failing };
  it.each<[string, () => Observable<unknown>]>([
    ['has a request that no codec takes', () => pair.ab.request(double, Symbol('s') as never)],
    ['has a function for its request that throws', () => pair.ab.request(double, failing)],
    ['has an option that is none', () => pair.ab.request(double, 1, { timeout: -1 })],
    ['is a stream whose request no codec takes', () => pair.ab.stream(count, Symbol('s') as never)],
    ['is a stream with an option that is none', () => pair.ab.stream(count, undefined, { timeout: -1 })],
    ['has a function for its input that throws', () => pair.ab.exchange(sum, undefined, failing)],
    ['has an input that is none', () => pair.ab.exchange(sum, undefined, 5 as never)],
    ['has an iterable for its input that throws', () => pair.ab.exchange(sum, undefined, unreadable)],
    ['has an input that fails within subscribe', () => pair.ab.exchange(sum, undefined, throwError(failing))],
    ['has a first item that no codec takes', () => pair.ab.exchange(sum, undefined, of(Symbol('s')))],
    ['has deliveries, and a request that no codec takes', () => pair.ab.stream(count, Symbol('s') as never).deliveries],
  ])('fails on a macrotask where it %s, so that retry() does not recurse', async (_, call) => {
    pair = await linkedPair(serving);
    pair.b.handle(sum, () => NEVER);
    let subscriptions = 0;
    const { log } = record(
      defer(() => {
        subscriptions++;
        return call();
      }).pipe(retry(3)),
    );
    expect([log, subscriptions]).toStrictEqual([[], 1]);
    await pair.grid.advance(0);
    expect([log.length, subscriptions, calls]).toStrictEqual([1, 4, 0]);
  });
});

describe('a closed connection', () => {
  it('fails every call with the host, and retry(n) ends', async () => {
    pair = await linkedPair(serving);
    await pair.a.close();
    const { log } = record(pair.ab.request(double, 4, { waitForConnect: true }).pipe(retry(3)));
    await pair.grid.advance(4, 1);
    expect(log).toMatchObject([
      { code: 'disconnected', message: `The connection to ${hostB} is closed for good. Nothing of the call was sent.` },
    ]);
    await expect(pair.ab.ready()).rejects.toBeInstanceOf(DisconnectedError);
  });
});

describe('a connection', () => {
  it('knows its host, its state and its statistics', async () => {
    pair = await linkedPair(serving);
    expect(pair.ab.host).toBe(hostB);
    expect(await firstValueFrom(pair.ab.state$)).toMatchObject({ host: hostB, status: 'connected', connects: 1 });
    await all(pair.ab.request(double, 1));
    expect(await firstValueFrom(pair.ab.stats$)).toMatchObject({ callsOut: 1, openOut: 0 });
    expect(await firstValueFrom(pair.ba.stats$)).toMatchObject({ callsIn: 1, openIn: 0 });
  });

  it('shows the frames of its link', async () => {
    pair = await linkedPair(serving);
    const { log } = record(pair.ab.frames$.pipe(map(({ direction, frame }) => [direction, frame.op, frame.handler])));
    await all(pair.ab.stream(count, undefined).pipe(take(1)));
    expect(log.length).toBeGreaterThan(3);
    expect(log[0]).toStrictEqual(['out', expect.any(Number), 2]);
  });
});

describe('a call whose deadline has already passed', () => {
  it('is not sent: it fails on a macrotask, connected or in back-off', async () => {
    pair = unlinkedPair();
    serving(pair);
    await pair.grid.start();
    await connect();
    const past = (): CallOptions => ({ deadline: new Date(pair.grid.time.wallNow() - 60_000) });
    const make = (): readonly { readonly log: readonly unknown[] }[] => [
      record(pair.ab.request(double, 4, past())),
      record(pair.ab.stream(count, undefined, past())),
      record(pair.ab.request(double, 4, { ...past(), waitForConnect: false })),
    ];
    const late = { code: 'deadline-exceeded', sent: false, message: expect.stringContaining('could be sent') };
    const check = async (): Promise<void> => {
      const outcomes = make();
      expect(outcomes.map(({ log }) => log)).toStrictEqual([[], [], []]);
      await pair.grid.advance(1);
      for (const { log } of outcomes) expect(log).toMatchObject([late]);
    };
    await check();
    expect(calls).toBe(0);
    pair.grid.reachable = false;
    await pair.grid.advance(4_000, 500);
    await check();
  });

  it('errors once per retry(), without a stack overflow', async () => {
    pair = unlinkedPair();
    serving(pair);
    await pair.grid.start();
    await connect();
    const deadline = new Date(pair.grid.time.wallNow() - 1);
    const { log } = record(pair.ab.request(double, 4, { deadline }).pipe(retry(50)));
    await pair.grid.advance(200);
    expect(log).toMatchObject([{ code: 'deadline-exceeded', sent: false }]);
  });
});

// Types refuse it. JavaScript gets an error that says which method to call.
function thrownBy(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

describe('a method that does not match the kind of its route', () => {
  it.each([
    ['request', count, 'count is a duplex route: call it with stream(…), exchange(…) or open(…).'],
    ['stream', double, 'double is a unary route: call it with request(…).'],
    ['exchange', double, 'double is a unary route: call it with request(…).'],
    ['open', double, 'double is a unary route: call it with request(…).'],
  ] as const)('%s is refused', async (method, route, message) => {
    pair = await linkedPair();
    const call = pair.ab[method].bind(pair.ab) as (...args: unknown[]) => unknown;
    expect(() => call(route, 1, [])).toThrow(new ConfigurationError(message));
    expect(thrownBy(() => call(route, 1, []))).toMatchObject({ sent: false, retryable: false });
  });

  it('reports an invalid argument that ends an open stream as sent', async () => {
    const echo = duplex({ id: 3, name: 'echo', input: type<number>(), output: type<number>() });
    pair = await linkedPair(({ b }) => b.handle(echo, () => NEVER));
    const input = new Subject<number>();
    const { log } = record(pair.ab.exchange(echo, undefined, input));
    await pair.grid.settle();
    input.error(new ConfigurationError('such as of another call'));
    expect(log).toMatchObject([{ code: 'configuration', sent: true }]);
  });

  it('reports an item that open() cannot encode as an error of an unsent call', async () => {
    const echo = duplex({ id: 3, name: 'echo', request: type<unknown>(), input: type<number>() });
    pair = await linkedPair();
    expect(thrownBy(() => pair.ab.open(echo, () => 1))).toMatchObject({ code: 'codec', sent: false, route: 'echo' });
    const meta = { big: 'x'.repeat(100_000) };
    expect(thrownBy(() => pair.ab.open(echo, 1, { meta }))).toMatchObject({ code: 'limit', sent: false, host: hostB });
  });
});
