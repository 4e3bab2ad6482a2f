import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, NEVER, Observable, race, retry, Subject, switchMap, take, timeout, TimeoutError } from 'rxjs';
import { z } from 'zod';
import {
  CancelledError,
  CodecError,
  DeadlineExceededError,
  DisconnectedError,
  LimitError,
  raw,
  RefusedError,
  RemoteError,
  type,
  unary,
  type Connection,
} from '../../lib/index.js';
import { all, hostB, PairOfEachTest, record, type Pair } from '../support/linked-managers.js';

const double = unary({ id: 1, name: 'double', request: type<number>(), response: type<number>() });
const ping = unary({ name: 'ping' });
const hang = unary({ id: 2, name: 'hang', request: type<string>(), response: type<string>() });

const pair = new PairOfEachTest();
const { link, seen } = pair;

describe('a request', () => {
  const answering = ({ b }: Pair): void => {
    b.handle(double, (value) => {
      seen.push(value);
      return 2 * value;
    });
  };

  it('sends nothing before it is subscribed to, and makes one call per subscription', async () => {
    await link(answering);
    const call = pair.ab.request(double, 21);
    await pair.grid.settle();
    expect(seen).toStrictEqual([]);
    expect([await all(call), await all(call), seen]).toStrictEqual([[42], [42], [21, 21]]);
  });

  it('evaluates a payload function for each subscription', async () => {
    await link(answering);
    let value = 1;
    const call = pair.ab.request(double, () => value++);
    expect([await all(call), await all(call), seen]).toStrictEqual([[2], [4], [1, 2]]);
  });

  it('errors with what a payload function throws, and sends nothing', async () => {
    await link(answering);
    const call = pair.ab.request(double, () => {
      throw new Error('of the payload');
    });
    const { log } = record(call);
    await pair.grid.advance(0);
    expect([log, seen]).toStrictEqual([[new Error('of the payload')], []]);
  });

  it('needs neither request nor response, nor an id', async () => {
    await link(({ b }) => {
      b.handle(ping, (request) => {
        seen.push(request);
      });
    });
    expect([await all(pair.ab.request(ping, undefined)), seen]).toStrictEqual([[undefined], [undefined]]);
  });

  it('works in both directions over one connection, and to the own host', async () => {
    await link(({ a, b }) => {
      a.handle(double, (value) => 2 * value);
      b.handle(double, (value) => 2 * value);
    });
    const connections = [pair.ab, pair.ba, pair.a.connection(pair.a.local)];
    const results = connections.map(async (connection) => all(connection.request(double, 4)));
    expect(await Promise.all(results)).toStrictEqual([[8], [8], [8]]);
  });

  it('carries bytes unchanged where its shapes are raw', async () => {
    const echo = unary({ id: 3, name: 'echo', request: raw, response: raw });
    await link(({ b }) => {
      b.handle(echo, (bytes) => bytes);
    });
    const results = await all(pair.ab.request(echo, Uint8Array.of(1, 2, 255)));
    expect(results.map((bytes) => [...bytes])).toStrictEqual([[1, 2, 255]]);
    expect(await all(pair.ab.request(echo, new Uint8Array(0)))).toHaveLength(1);
  });

  it('gives the receiver the output of its schemas', async () => {
    const disk = z.object({ disk: z.coerce.number(), depth: z.number().default(3) });
    const stat = unary({ id: 3, name: 'stat', request: disk, response: z.object({ at: z.coerce.date() }) });
    await link(({ b }) => {
      b.handle(stat, (request) => {
        seen.push(request);
        return { at: 5 };
      });
    });
    expect(await all(pair.ab.request(stat, { disk: '7' }))).toStrictEqual([{ at: new Date(5) }]);
    expect(seen).toStrictEqual([{ disk: 7, depth: 3 }]);
  });
});

describe('a failing request', () => {
  it('carries the text of the handler', async () => {
    await link(({ b }) => {
      b.handle(double, () => {
        throw new Error('disk on fire');
      });
    });
    await expect(all(pair.ab.request(double, 1))).rejects.toStrictEqual(new RemoteError('disk on fire'));
  });

  it('says that the host has no such route, and which', async () => {
    await link();
    await expect(all(pair.ab.request(double, 1))).rejects.toStrictEqual(
      new RefusedError(
        `double: ${hostB} refused the call: No handler for id 1. Register one there with handle(…), and check that both sides declare the route with the same id.`,
      ),
    );
    await expect(all(pair.ab.request(ping, undefined))).rejects.toStrictEqual(
      new RefusedError(
        `ping: ${hostB} refused the call: No handler for a route of this name. Register one there with handle(…), and check that both sides declare the route with the same name and subroute, and without an id.`,
      ),
    );
  });

  it('reports what does not fit the schema of the request to its caller only', async () => {
    const stat = unary({ id: 3, name: 'stat', request: z.object({ disk: z.number() }), response: type<number>() });
    await link(({ b }) => {
      b.handle(stat, ({ disk }) => disk);
    });
    await expect(all(pair.ab.request(stat, { disk: 'one' } as never))).rejects.toThrow(
      /^stat: the request does not fit its schema: disk: .*number/,
    );
    expect(pair.grid.events).toStrictEqual([]);
  });

  it('says that a response does not fit its schema, where the schemas of the hosts differ', async () => {
    const stat = unary({ id: 3, name: 'stat', response: z.object({ free: z.number() }) });
    await link(({ b }) => {
      b.handle(unary({ id: 3, name: 'stat', response: type<unknown>() }), () => ({ free: 'much' }));
    });
    const { log } = record(pair.ab.request(stat, undefined));
    await pair.grid.settle();
    expect(log).toHaveLength(1);
    expect(log[0]).toBeInstanceOf(CodecError);
    expect(String(log[0])).toMatch(/stat: the response does not fit its schema: free: /);
  });

  it('names and reports a schema that validates asynchronously', async () => {
    const later = z.number().refine(async () => Promise.resolve(true));
    const stat = unary({ id: 3, name: 'stat', request: later });
    await link(({ b }) => {
      b.handle(stat, () => undefined);
    });
    await expect(all(pair.ab.request(stat, 1))).rejects.toBeInstanceOf(RemoteError);
    expect(pair.grid.events).toMatchObject([{ type: 'handler-error', route: 'stat', error: { name: 'TypeError' } }]);
  });

  it('says that a value cannot be encoded', async () => {
    await link();
    const { log } = record(pair.ab.request(double, Symbol('s') as never));
    await pair.grid.advance(0);
    expect(log).toStrictEqual([expect.any(CodecError)]);
  });

  it('names the limit that a request exceeds', async () => {
    await link(undefined, { limits: { maxUnaryBytes: 100 } });
    const { log } = record(pair.ab.request(hang, 'x'.repeat(200)));
    expect(log).toStrictEqual([]);
    await pair.grid.advance(0);
    expect(log[0]).toBeInstanceOf(LimitError);
    expect(log).toMatchObject([{ limit: 'maxUnaryBytes', message: expect.stringContaining('use a stream') }]);
  });

  it('names the limit of calls in flight', async () => {
    await link(({ b }) => b.handle(hang, () => NEVER), { limits: { maxOpenMuxes: 2 } });
    const calls = [1, 2, 3].map(() => record(pair.ab.request(hang, '')));
    await pair.grid.advance(0);
    expect(calls.map(({ log }) => log.length)).toStrictEqual([0, 0, 1]);
    expect(calls[2]!.log[0]).toMatchObject({ code: 'limit', limit: 'maxOpenMuxes' });
    for (const call of calls) call.unsubscribe();
  });
});

describe('a request that ends early', () => {
  let cancelled: unknown[];
  const hanging = ({ b }: Pair): void => {
    cancelled = [];
    b.handle(hang, (name, { signal }) => {
      signal.addEventListener('abort', () => cancelled.push(name, signal.reason));
      return new Observable((subscriber) => {
        seen.push(name);
        return () => seen.push(`${name} stopped`, subscriber.closed);
      });
    });
  };

  it('stops its handler when it is unsubscribed', async () => {
    await link(hanging);
    const call = record(pair.ab.request(hang, 'x'));
    await pair.grid.settle();
    expect(seen).toStrictEqual(['x']);
    call.unsubscribe();
    await pair.grid.settle();
    expect(seen).toStrictEqual(['x', 'x stopped', true]);
    expect(cancelled).toStrictEqual(['x', new CancelledError('The caller cancelled the call.')]);
    expect(call.log).toStrictEqual([]);
  });

  it('stops the handlers behind race, switchMap and timeout', async () => {
    await link((linked) => {
      hanging(linked);
      linked.b.handle(double, (value) => value);
    });
    expect(await firstValueFrom(race(pair.ab.request(hang, 'lost'), pair.ab.request(double, 1)))).toBe(1);
    const switching = new Subject<string>();
    const switched = switching.pipe(switchMap((name) => pair.ab.request(hang, name))).subscribe();
    switching.next('first');
    await pair.grid.settle();
    switching.next('second');
    await pair.grid.settle();
    expect(cancelled.filter((entry) => typeof entry === 'string')).toStrictEqual(['lost', 'first']);
    await expect(all(pair.ab.request(hang, 'slow').pipe(timeout(1)))).rejects.toBeInstanceOf(TimeoutError);
    await pair.grid.settle();
    expect(cancelled.filter((entry) => typeof entry === 'string')).toStrictEqual(['lost', 'first', 'slow']);
    switched.unsubscribe();
  });

  it('ends at its deadline with an error that names the route, and stops its handler', async () => {
    await link(hanging);
    const [byTimeout, byDeadline] = [{ timeout: 500 }, { deadline: new Date(pair.grid.time.wallNow() + 500) }].map(
      (options) => record(pair.ab.request(hang, 'x', options)),
    );
    await pair.grid.advance(499, 499);
    expect([byTimeout!.log, byDeadline!.log]).toStrictEqual([[], []]);
    await pair.grid.advance(2);
    const error = new DeadlineExceededError('The deadline of hang, 500 ms after the call, passed without a response.');
    expect([byTimeout!.log, byDeadline!.log]).toStrictEqual([[error], [error]]);
    await pair.grid.advance(100);
    expect(cancelled).toStrictEqual(['x', expect.any(DeadlineExceededError), 'x', expect.any(DeadlineExceededError)]);
  });

  it('has the default timeout where none is given', async () => {
    await link(hanging, { limits: { unaryTimeout: 300 } });
    const { log } = record(pair.ab.request(hang, 'x'));
    await pair.grid.advance(302);
    expect(log).toMatchObject([{ code: 'deadline-exceeded', retryable: true }]);
  });

  it('errors with the reason of its signal, and stops its handler', async () => {
    await link(hanging);
    const controller = new AbortController();
    const { log } = record(pair.ab.request(hang, 'x', { signal: controller.signal }));
    await pair.grid.settle();
    controller.abort('enough');
    expect(log).toStrictEqual(['enough']);
    await pair.grid.settle();
    expect(cancelled[0]).toBe('x');
  });

  it('errors with the reason of an already aborted signal, on a macrotask, and sends nothing', async () => {
    await link(hanging);
    const { log } = record(pair.ab.request(hang, 'x', { signal: AbortSignal.abort('long ago') }));
    await pair.grid.settle();
    expect(log).toStrictEqual([]);
    await pair.grid.advance(0);
    expect([log, seen]).toStrictEqual([['long ago'], []]);
  });

  it('leaves no resources behind', async () => {
    await link((linked) => {
      hanging(linked);
      linked.b.handle(double, (value) => value);
    });
    const controller = new AbortController();
    record(pair.ab.request(hang, 'x')).unsubscribe();
    await all(pair.ab.request(double, 1, { signal: controller.signal }));
    record(pair.ab.request(hang, 'y', { timeout: 5 }));
    await pair.grid.advance(100);
    const open = async (connection: Connection): Promise<unknown> => {
      const { openOut, openIn } = await firstValueFrom(connection.stats$);
      return [openOut, openIn];
    };
    expect([await open(pair.ab), await open(pair.ba)]).toStrictEqual([
      [0, 0],
      [0, 0],
    ]);
  });
});

describe('a request whose connection is lost', () => {
  it('says that it may have been sent, and works again with retry', async () => {
    let calls = 0;
    await link(({ b }) => {
      b.handle(hang, (name) => (++calls === 1 ? NEVER : Promise.resolve(name)));
    });
    const [plain, retrying] = [
      record(pair.ab.request(hang, 'x')),
      record(pair.ab.request(hang, () => `call ${String(calls)}`).pipe(retry(1), take(1))),
    ];
    await pair.grid.settle();
    pair.grid.cut();
    await pair.grid.advance(5_000, 500);
    expect(plain.log).toHaveLength(1);
    expect(plain.log[0]).toBeInstanceOf(DisconnectedError);
    expect(plain.log[0]).toMatchObject({ sent: true, retryable: true, host: 'http://b:1' });
    expect(retrying.log).toStrictEqual(['call 0', 'done']);
  });
});
