import { describe, expect, it } from '@jest/globals';
import { concat, firstValueFrom, ignoreElements, map, NEVER, of, switchMap, throwError, type Observable } from 'rxjs';
import {
  DisconnectedError,
  duplex,
  type,
  unary,
  UnavailableError,
  type CallOptions,
  type HandlerInterceptor,
} from '../../lib/index.js';
import { circuitBreaker, concurrency, log, retry, timeout, type CallRecord } from '../../lib/interceptors/index.js';
import { PairOfEachTest, record } from '../support/linked-managers.js';
import { collectUnhandled, reported } from '../support/unhandled.js';

const echo = unary({ id: 1, name: 'echo', request: type<string>(), response: type<string>(), idempotent: true });
const once = unary({ id: 2, name: 'once', request: type<string>(), response: type<string>() });
const upload = duplex({ id: 4, name: 'upload', input: type<string>(), output: type<string>() });
const retried = unary({ id: 3, name: 'retried', response: type<number>(), idempotent: true, retry: { attempts: 5 } });

const pair = new PairOfEachTest();
const unhandled = collectUnhandled();

/**
 * The ms that a handler has left, by its clock, where an interceptor has waited for 100 ms, and the wall clock was set
 * meanwhile.
 */
async function timeLeft(
  intercept: (wait: HandlerInterceptor) => readonly HandlerInterceptor[],
  jump: number,
  options: CallOptions = {},
): Promise<readonly number[]> {
  const left: number[] = [];
  await pair.link(({ b }) => {
    b.handle(
      echo,
      (text, { deadline }) => {
        left.push(deadline!.getTime() - pair.grid.time.wallNow());
        return text;
      },
      { intercept: intercept((call, next) => pair.grid.timer(100).pipe(switchMap(() => next(call)))) },
    );
  });
  record(pair.ab.request(echo, 'x', options));
  await pair.grid.advance(0);
  pair.grid.time.wallOffset += jump;
  await pair.grid.advance(200, 50);
  return left;
}

describe('timeout', () => {
  it('moves the deadline at the caller', async () => {
    await pair.link(({ b }) => b.handle(echo, () => NEVER), { intercept: { calls: [timeout(100)] } });
    const { log: seen } = record(pair.ab.request(echo, 'x'));
    await pair.grid.advance(150, 10);
    expect(seen).toMatchObject([{ code: 'deadline-exceeded', route: 'echo' }]);
  });

  it('leaves the deadline of a handler exact where the wall clock is corrected while an interceptor waits', async () => {
    expect(await timeLeft((wait) => [wait], 3_600_000, { timeout: 10_000 })).toStrictEqual([9_900]);
  });

  const hour = 3_600_000;

  it.each([hour, -hour])(
    'holds where the wall clock is set by %d ms while the next interceptor waits',
    async (jump) => {
      let calls = 0;
      await pair.link(
        ({ b }) =>
          b.handle(echo, () => {
            calls++;
            if (calls === 1) throw new UnavailableError('Not now.');
            return NEVER;
          }),
        { intercept: { calls: [timeout(500), retry({ backoff: 100 })] } },
      );
      const { log: seen } = record(pair.ab.request(echo, 'x'));
      await pair.grid.advance(0);
      pair.grid.time.wallOffset += jump;
      await pair.grid.advance(450, 50);
      expect([calls, seen]).toStrictEqual([2, []]);
      await pair.grid.advance(100, 50);
      expect([calls, seen]).toMatchObject([2, [{ code: 'deadline-exceeded' }]]);
    },
  );

  it.each([hour, -hour])('leaves a handler its time where the wall clock is set by %d ms meanwhile', async (jump) => {
    expect(await timeLeft((wait) => [timeout(500), wait], jump)).toStrictEqual([400]);
  });

  it('stops a handler', async () => {
    const aborted: string[] = [];
    await pair.link(({ b }) => {
      b.handle(
        echo,
        (_, { signal }) => {
          signal.addEventListener('abort', () => aborted.push('aborted'));
          return NEVER;
        },
        { intercept: [timeout(100)] },
      );
    });
    const { log: seen } = record(pair.ab.request(echo, 'x'));
    await pair.grid.advance(150, 10);
    expect(seen).toMatchObject([{ code: 'deadline-exceeded', initiator: 'remote' }]);
    expect(aborted).toStrictEqual(['aborted']);
  });
});

describe('retry', () => {
  const failing = (times: number, calls: string[]): (() => string) => {
    let left = times;
    return () => {
      calls.push('call');
      if (left-- > 0) throw new UnavailableError('Not now.');
      return 'ok';
    };
  };

  it('repeats only an idempotent call', async () => {
    const calls: string[] = [];
    await pair.link(
      ({ b }) => {
        b.handle(echo, failing(2, calls));
        b.handle(once, failing(2, calls));
      },
      { intercept: { calls: [retry()] } },
    );
    const first = record(pair.ab.request(echo, 'x'));
    await pair.grid.advance(2_000, 100);
    expect(first.log).toStrictEqual(['ok', 'done']);
    expect(calls).toHaveLength(3);
    const second = record(pair.ab.request(once, 'x'));
    await pair.grid.advance(2_000, 100);
    expect(second.log).toMatchObject([{ code: 'unavailable' }]);
    expect(calls).toHaveLength(4);
  });

  it('does not repeat an exchange for the error of another call, which came through its input', async () => {
    let runs = 0;
    await pair.link(
      ({ b }) =>
        b.handle(upload, (_, { input }) => {
          runs++;
          return input;
        }),
      { intercept: { calls: [retry({ backoff: 0 })] } },
    );
    const other = new DisconnectedError('Not sent.', {
      sent: false,
      host: 'http://c:1',
      reconnected: () => NEVER as never,
    });
    const failed = Object.assign(other, { route: 'another' });
    const input = (): Observable<string> =>
      concat(
        of('item'),
        throwError(() => failed),
      );
    const { log: seen } = record(pair.ab.exchange(upload, undefined, input).pipe(ignoreElements()));
    await pair.grid.advance(500, 50);
    expect(seen).toStrictEqual([failed]);
    expect(runs).toBe(1);
  });

  it('has a budget', async () => {
    const calls: string[] = [];
    await pair.link(({ b }) => b.handle(echo, failing(1_000, calls)), {
      intercept: { calls: [retry({ burst: 3, backoff: 0 })] },
    });
    for (let call = 0; call < 20; call++) {
      record(pair.ab.request(echo, 'x'));
      await pair.grid.advance(10, 5);
    }
    // Twenty calls, three retries at once, and a tenth of the calls.
    expect(calls.length).toBeGreaterThanOrEqual(24);
    expect(calls.length).toBeLessThanOrEqual(25);
  });

  it('repeats where the wall clock has been set past the deadline', async () => {
    const calls: string[] = [];
    await pair.link(({ b }) => b.handle(echo, failing(2, calls)), { intercept: { calls: [retry()] } });
    const { log: seen } = record(pair.ab.request(echo, 'x'));
    await pair.grid.advance(0);
    pair.grid.time.wallOffset += 3_600_000;
    await pair.grid.advance(2_000, 100);
    expect(seen).toStrictEqual(['ok', 'done']);
  });

  it('is a default of a contract, too', async () => {
    let calls = 0;
    await pair.link(({ b }) =>
      b.handle(retried, () => {
        if (++calls < 4) throw new UnavailableError('Not now.');
        return calls;
      }),
    );
    const { log: seen } = record(pair.ab.request(retried));
    await pair.grid.advance(5_000, 100);
    expect(seen).toStrictEqual([4, 'done']);
  });
});

describe('concurrency', () => {
  it('refuses calls beyond the queue, and serves the rest in order', async () => {
    const began: string[] = [];
    await pair.link(({ b }) => {
      b.handle(
        once,
        (text) => {
          began.push(text);
          return pair.grid.timer(100).pipe(map(() => text));
        },
        { intercept: [concurrency({ max: 1, queue: 1 })] },
      );
    });
    const logs = ['a', 'b', 'c'].map((text) => record(pair.ab.request(once, text)).log);
    await pair.grid.advance(0);
    expect(began).toStrictEqual(['a']);
    expect(logs[2]).toMatchObject([
      { code: 'resource-exhausted', retryable: true, sent: false, data: { limit: 'concurrency' } },
    ]);
    await pair.grid.advance(500, 50);
    expect(began).toStrictEqual(['a', 'b']);
  });

  it('runs a long queue of calls that end at once', async () => {
    let runs = 0;
    await pair.link(({ b }) => {
      b.handle(
        once,
        (text) => {
          runs++;
          return text === 'slow' ? pair.grid.timer(100).pipe(map(() => text)) : text;
        },
        { intercept: [concurrency({ max: 1, queue: 5_000 })] },
      );
    });
    const logs = ['slow', ...Array.from({ length: 3_000 }, () => 'x')].map(
      (text) => record(pair.ab.request(once, text)).log,
    );
    await pair.grid.advance(200, 50);
    expect(runs).toBe(3_001);
    expect(logs.every((seen) => seen.length === 2)).toBe(true);
  });
});

describe('circuitBreaker', () => {
  it('opens after consecutive failures, and closes after a success', async () => {
    let calls = 0;
    let works = false;
    await pair.link(
      ({ b }) =>
        b.handle(once, () => {
          calls++;
          if (!works) throw new Error('no disk');
          return 'ok';
        }),
      { intercept: { calls: [circuitBreaker({ failures: 2, cooldown: 1_000 })] } },
    );
    const call = async (): Promise<unknown> => {
      const { log: seen } = record(pair.ab.request(once, 'x'));
      await pair.grid.advance(10, 5);
      return seen[0];
    };
    await call();
    await call();
    expect(await call()).toMatchObject({ code: 'unavailable', initiator: 'local', sent: false, retryable: true });
    expect(calls).toBe(2);
    works = true;
    await pair.grid.advance(1_000, 100);
    expect(await call()).toBe('ok');
    expect(await call()).toBe('ok');
  });

  it('continues where isFailure throws', async () => {
    let works = false;
    let throws = true;
    const isFailure = (): boolean => {
      if (throws) throw new Error('isFailure');
      return true;
    };
    await pair.link(
      ({ b }) =>
        b.handle(once, () => {
          if (!works) throw new Error('no disk');
          return 'ok';
        }),
      { intercept: { calls: [circuitBreaker({ failures: 1, cooldown: 1_000, isFailure })] } },
    );
    const call = async (): Promise<unknown> => {
      const { log: seen } = record(pair.ab.request(once, 'x'));
      await pair.grid.advance(10, 5);
      return seen[0];
    };
    // The error of the call stays that of the call, and counts as a failure.
    expect(await call()).toMatchObject({ message: 'no disk' });
    expect(await call()).toMatchObject({ code: 'unavailable' });
    await pair.grid.advance(1_000, 100);
    // The one that is let through.
    expect(await call()).toMatchObject({ message: 'no disk' });
    throws = false;
    works = true;
    await pair.grid.advance(1_000, 100);
    expect(await call()).toBe('ok');
    await reported();
    expect(unhandled).toMatchObject([{ message: 'isFailure' }, { message: 'isFailure' }]);
  });

  it('lets one call through at a time, also while earlier calls end', async () => {
    let calls = 0;
    await pair.link(
      ({ b }) => {
        b.handle(once, () => {
          calls++;
          return NEVER;
        });
        b.handle(echo, () => {
          throw new Error('no disk');
        });
      },
      { intercept: { calls: [circuitBreaker({ failures: 1, cooldown: 1_000 })] } },
    );
    const early = record(pair.ab.request(once, 'early'));
    record(pair.ab.request(echo, 'x'));
    await pair.grid.advance(1_000, 100);
    record(pair.ab.request(once, 'trial'));
    early.unsubscribe();
    const { log: seen } = record(pair.ab.request(once, 'next'));
    await pair.grid.advance(10, 5);
    expect(seen).toMatchObject([{ code: 'unavailable', initiator: 'local' }]);
    expect(calls).toBe(2);
  });
});

describe('log', () => {
  it('writes a record of each call, and survives errors of the writer', async () => {
    const records: CallRecord[] = [];
    await pair.link(({ b }) => b.handle(echo, (text) => (text === 'bad' ? (undefined as never) : text)), {
      intercept: { calls: [log((entry) => records.push(entry))] },
    });
    await firstValueFrom(pair.ab.request(echo, 'x'));
    record(pair.ab.request(echo, 'y')).unsubscribe();
    expect(records).toMatchObject([
      { side: 'caller', route: 'echo', peer: pair.ab.host, outcome: 'ok', items: 1 },
      { outcome: 'cancelled', items: 0 },
    ]);
  });
});
