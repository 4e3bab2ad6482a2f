import { afterEach, describe, expect, it } from '@jest/globals';
import { concat, map, NEVER, Observable, of, Subject, take, tap, throwError } from 'rxjs';
import { DisconnectedError, duplex, RemoteError, type, unary } from '../../lib/index.js';
import { retryOnDisconnect, type RetryOnDisconnectOptions } from '../../lib/operators/retry-on-disconnect.js';
import { linkedPair, record, type Pair } from '../support/linked-managers.js';
import { testScheduler } from '../support/streams/marbles.js';

interface Loss {
  readonly sent?: boolean;
  readonly idempotent?: boolean;
  readonly reconnected?: unknown;
}

function lost({ sent = false, idempotent = false, reconnected = of(undefined) }: Loss = {}): DisconnectedError {
  return new DisconnectedError('lost', { sent, idempotent, host: 'b', reconnected });
}

describe('retryOnDisconnect', () => {
  it('passes items and the end on', () => {
    testScheduler().run(({ hot, expectObservable }) => {
      expectObservable(hot('-a-b|').pipe(retryOnDisconnect())).toBe('-a-b|');
    });
  });

  it('calls again when the connection is back', () => {
    testScheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const reconnected = cold('    ---x|');
      const source = cold('  -a#     ', undefined, lost({ reconnected }));
      expectObservable(source.pipe(retryOnDisconnect()), '^------------!').toBe('-a----a----a--');
      expectSubscriptions(source.subscriptions).toBe(['^-!', '-----^-!', '----------^-!']);
      expectSubscriptions(reconnected.subscriptions).toBe(['--^--!', '-------^--!', '------------^!']);
    });
  });

  it('stops waiting for the connection when it is unsubscribed', () => {
    testScheduler().run(({ cold, expectObservable, expectSubscriptions }) => {
      const reconnected = cold('-----x|');
      const source = cold('  #', undefined, lost({ reconnected }));
      expectObservable(source.pipe(retryOnDisconnect()), '^--!').toBe('---');
      expectSubscriptions(reconnected.subscriptions).toBe('^--!');
    });
  });

  it('passes the error on where the connection never comes back', () => {
    testScheduler().run(({ cold, expectObservable }) => {
      const error = lost({ reconnected: cold('---|') });
      expectObservable(cold('-a#', undefined, error).pipe(retryOnDisconnect())).toBe('-a---#', undefined, error);
    });
  });

  it.each<[string, boolean, Loss, RetryOnDisconnectOptions]>([
    ['nothing was sent', true, {}, {}],
    ['something was', false, { sent: true }, {}],
    ['something was, and the route is idempotent', true, { sent: true, idempotent: true }, {}],
    ['something was, and the option says that it does no harm', true, { sent: true }, { idempotent: true }],
    [
      'something was, and the option overrules the route',
      false,
      { sent: true, idempotent: true },
      { idempotent: false },
    ],
    ['nothing was sent, whatever the option says', true, {}, { idempotent: false }],
  ])('where %s, calls again: %p', (_, again, loss, options) => {
    const error = lost(loss);
    let calls = 0;
    const source = new Observable<string>((subscriber) => {
      if (++calls === 1) subscriber.error(error);
      else subscriber.complete();
    });
    expect(record(source.pipe(retryOnDisconnect(options))).log).toStrictEqual([again ? 'done' : error]);
  });

  it.each([new RemoteError('of the handler'), new Error('any'), undefined])('passes %p on', (error) => {
    expect(record(throwError(() => error).pipe(retryOnDisconnect({ idempotent: true }))).log).toStrictEqual([error]);
  });

  it('passes on an error that does not report when the connection is back', () => {
    const error = lost({ reconnected: null });
    expect(record(throwError(() => error).pipe(retryOnDisconnect())).log).toStrictEqual([error]);
  });

  it('repeats the call at most count times in a row', () => {
    const error = lost();
    let calls = 0;
    const source = new Observable<never>((subscriber) => {
      calls++;
      subscriber.error(error);
    });
    expect(record(source.pipe(retryOnDisconnect({ count: 3 }))).log).toStrictEqual([error]);
    expect(calls).toBe(4);
  });

  it('resets the count with each item, or not, as configured', () => {
    const source = (): Observable<string> =>
      concat(
        of('a'),
        throwError(() => lost({ reconnected: of(1) })),
      );
    const reset = record(source().pipe(retryOnDisconnect({ count: 1 }), take(5))).log;
    const total = record(source().pipe(retryOnDisconnect({ count: 1, resetOnSuccess: false }))).log;
    expect(reset).toStrictEqual(['a', 'a', 'a', 'a', 'a', 'done']);
    expect(total).toStrictEqual(['a', 'a', expect.any(DisconnectedError)]);
  });

  it('does not call again where it was unsubscribed within next', () => {
    let calls = 0;
    const source = new Observable<number>((subscriber) => {
      subscriber.next(++calls);
      subscriber.error(lost());
    });
    expect(record(source.pipe(retryOnDisconnect(), take(2))).log).toStrictEqual([1, 2, 'done']);
    expect(calls).toBe(2);
  });

  it('passes on what the source throws when it is called again', () => {
    let calls = 0;
    const source = new Observable<number>((subscriber) => {
      if (++calls > 1) throw new Error('single use');
      subscriber.error(lost());
    });
    expect(record(source.pipe(retryOnDisconnect())).log).toStrictEqual([new Error('single use')]);
  });

  it('uses a restored connection once', () => {
    const reconnected = new Subject<void>();
    let calls = 0;
    const source = new Observable<never>((subscriber) => {
      if (++calls === 1) subscriber.error(lost({ reconnected }));
    });
    source.pipe(retryOnDisconnect()).subscribe();
    reconnected.next();
    expect([calls, reconnected.observed]).toStrictEqual([2, false]);
  });

  it.each([-1, Number.NaN])('refuses a count of %p', (count) => {
    expect(() => retryOnDisconnect({ count })).toThrow(
      `retryOnDisconnect: count must be a whole number, 0 or more, or Infinity; it is ${String(count)}.`,
    );
  });
});

describe('retryOnDisconnect over a connection', () => {
  const countTo = duplex({ id: 20, name: 'countTo', request: type<number>(), output: type<number>() });
  const safe = duplex({
    ...{ id: 21, name: 'safe' },
    request: type<number>(),
    output: type<number>(),
    idempotent: true,
  });
  const get = unary({ id: 9, name: 'get', response: type<number>(), idempotent: true });
  const set = unary({ id: 10, name: 'set', response: type<number>() });

  let net: Pair;
  let calls: unknown[];
  afterEach(async () => net.grid.close());

  async function start(): Promise<void> {
    calls = [];
    net = await linkedPair(({ b }) => {
      for (const route of [countTo, safe]) {
        b.handle(route, (from) => {
          calls.push(from);
          return concat(of(from, from + 1), NEVER);
        });
      }
      for (const route of [get, set]) {
        b.handle(route, () => {
          calls.push(route.name);
          return calls.length === 1 ? NEVER : 7;
        });
      }
    });
  }

  async function cut(): Promise<void> {
    await net.grid.settle();
    net.grid.cut();
    await net.grid.advance(5_000, 100);
  }

  it('restarts a stream of an idempotent route, where its payload says', async () => {
    await start();
    let last = 0;
    const { log, unsubscribe } = record(
      net.ab
        .stream(safe, () => last + 1)
        .pipe(
          retryOnDisconnect(),
          tap((value) => (last = value)),
        ),
    );
    await cut();
    await cut();
    expect([log, calls]).toStrictEqual([
      [1, 2, 3, 4, 5, 6],
      [1, 3, 5],
    ]);
    unsubscribe();
  });

  it('passes the loss of any other stream on, unless configured otherwise', async () => {
    await start();
    const plain = record(net.ab.stream(countTo, 1).pipe(retryOnDisconnect()));
    const configured = record(
      net.ab.stream(countTo, 1).pipe(
        retryOnDisconnect({ idempotent: true }),
        map((value) => -value),
      ),
    );
    await cut();
    expect(plain.log).toStrictEqual([
      1,
      2,
      expect.objectContaining({ code: 'disconnected', sent: true, idempotent: false }),
    ]);
    expect(configured.log).toStrictEqual([-1, -2, -1, -2]);
    configured.unsubscribe();
  });

  it('repeats a unary call of an idempotent route, and no other', async () => {
    await start();
    const again = record(net.ab.request(get, undefined).pipe(retryOnDisconnect()));
    await cut();
    expect([again.log, calls.splice(0)]).toStrictEqual([
      [7, 'done'],
      ['get', 'get'],
    ]);
    const once = record(net.ab.request(set, undefined).pipe(retryOnDisconnect()));
    await cut();
    expect([once.log, calls]).toStrictEqual([[expect.objectContaining({ sent: true, idempotent: false })], ['set']]);
  });

  it('repeats a call that failed while there was no connection', async () => {
    await start();
    net.grid.reachable = false;
    await cut();
    const plain = record(net.ab.stream(countTo, 5));
    const { log, unsubscribe } = record(net.ab.stream(countTo, 5).pipe(retryOnDisconnect()));
    await net.grid.advance(100);
    expect([plain.log, log]).toStrictEqual([[expect.objectContaining({ sent: false })], []]);
    net.grid.reachable = true;
    await net.grid.advance(5_000, 100);
    expect(log).toStrictEqual([5, 6]);
    unsubscribe();
  });

  it('gives up when the connection is closed', async () => {
    await start();
    const { log } = record(net.ab.stream(safe, 1).pipe(retryOnDisconnect()));
    await net.grid.settle();
    await net.a.close();
    await net.grid.advance(1);
    expect(log).toStrictEqual([1, 2, expect.any(DisconnectedError)]);
  });

  it('passes on the error that an open stream can be used only once', async () => {
    await start();
    const echo = duplex({ id: 30, name: 'echo', input: type<number>(), output: type<number>(), idempotent: true });
    net.b.handle(echo, (_, call) => call.input);
    const stream = net.ab.open(echo, undefined);
    const { log } = record(stream.pipe(retryOnDisconnect()));
    await cut();
    expect(log).toStrictEqual([expect.objectContaining({ code: 'configuration' })]);
  });
});
