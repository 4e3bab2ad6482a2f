import { firstValueFrom, lastValueFrom, of, Subject, take, throwError, timer, toArray } from 'rxjs';
import {
  at,
  raw,
  resumable,
  retryOnDisconnect,
  sendTo,
  takeUntilAborted,
  toAsyncIterable,
} from '../../../lib/index.js';
import { codeOf, end } from './ended.js';
import { giveInput } from './give-input.js';
import type { OddContext } from './oddity.js';
import { first, flaky, odd, oddEcho, oddSink, oddStream, QuotaExceeded, rawId, shelf, unserved } from './odd-routes.js';

const bytes = Uint8Array.of(1, 2, 3);
const nothingDecoded = new TypeError('nothing is decoded');

/** Codes of calls whose handlers do what they should not. */
const ofHandlers: Readonly<Record<string, string>> = {
  nothing: 'internal',
  two: 'internal',
  'two, later': 'internal',
  'no end': 'deadline-exceeded',
  'much data': 'internal',
  proxy: 'internal',
  'no input': 'internal',
  'no rejection': 'internal',
  foreign: 'internal',
  function: 'internal',
  generator: 'internal',
  'too large': 'resource-exhausted',
  quota: 'quota-exceeded',
  limit: 'resource-exhausted',
  cancelled: 'cancelled',
  text: 'internal',
  fine: 'completed',
  parent: 'completed',
};

/** Codes, and the last items, of streams of unusual sources. */
const ofSources: Readonly<Record<string, readonly [code: string, last?: unknown]>> = {
  flood: ['internal'],
  conflated: ['completed', 99],
  'conflated by key': ['completed'],
  dropped: ['completed', 99],
  shared: ['completed', 4],
  multicast: ['completed', 4],
  text: ['internal'],
  function: ['internal'],
  'no result': ['internal'],
  'no next': ['internal'],
  numbers: ['completed', 9],
};

const handlers = Object.entries(ofHandlers).map(([what, code]) => [
  `handler: ${what}`,
  async ({ connection, expect }: OddContext) => {
    const ended = await end(connection.request(odd, what, { timeout: 2_000 }));
    expect(ended.code === code, `${ended.code} in place of ${code}`);
    if (what === 'quota')
      expect(ended.error instanceof QuotaExceeded && ended.error.data.limit === 3, 'no error of the contract');
  },
]);

const sources = Object.entries(ofSources).map(([what, [code, last]]) => [
  `source: ${what}`,
  async ({ connection, expect }: OddContext) => {
    const ended = await end(connection.stream(oddStream, what, { timeout: 10_000 }));
    expect(ended.code === code, `${ended.code} in place of ${code}`);
    if (last !== undefined) expect(ended.items.at(-1) === last, `${String(ended.items.at(-1))} came last`);
  },
]);

const callers: Readonly<Record<string, (context: OddContext) => Promise<void>>> = {
  async 'a signal that is aborted already'({ connection, expect }) {
    const reason = new Error('aborted before');
    const options = { signal: AbortSignal.abort(reason) };
    expect((await end(connection.request(odd, 'fine', options))).error === reason, 'a call was made');
    expect((await end(connection.stream(oddStream, 'numbers', options))).error === reason, 'a stream was made');
    expect((await end(connection.open(oddEcho, undefined, options))).error === reason, 'a stream was opened');
  },
  async 'a deadline that has passed'({ connection, expect }) {
    const options = { deadline: new Date(0) };
    const { code } = await end(connection.request(odd, 'fine', options));
    expect(code === 'deadline-exceeded', code);
    const stream = await end(connection.stream(oddStream, 'numbers', options));
    expect(stream.code === 'deadline-exceeded', stream.code);
  },
  async 'a call of the other kind'({ connection, expect }) {
    let refused = false;
    try {
      refused = (await end(connection.request(oddStream as never, 'numbers'))).code === 'configuration';
    } catch {
      refused = true;
    }
    expect(refused, 'it was made');
  },
  async 'a route without a handler'({ connection, expect }) {
    const { code } = await end(connection.request(unserved));
    expect(code === 'unimplemented', code);
  },
  async 'a request that cannot be encoded'({ connection, expect }) {
    const { code } = await end(connection.request(odd, (() => () => 0) as never));
    expect(code === 'codec', code);
    const stream = await end(connection.stream(oddStream, (() => () => 0) as never));
    expect(stream.code === 'codec', stream.code);
  },
  async 'an output that cannot be decoded'({ connection, expect }) {
    const broken = {
      codec: 'broken',
      encode: () => bytes,
      decode: () => {
        throw nothingDecoded;
      },
    };
    const stream = await end(connection.stream({ ...oddStream, output: broken as never }, 'numbers'));
    expect(stream.error === nothingDecoded, `a stream: ${String(stream.error)}`);
    const unary = await end(connection.request({ ...odd, response: broken as never }, 'fine'));
    expect(unary.error === nothingDecoded, `a response: ${String(unary.error)}`);
  },
  async 'metadata that is too large'({ connection, expect }) {
    const { code } = await end(connection.request(odd, 'fine', { meta: { key: 'x'.repeat(9_000) } }));
    expect(code === 'limit', code);
  },
  async 'a call that is repeated'({ connection, id, expect }) {
    const { items, code } = await end(connection.request(flaky, id, { timeout: 5_000 }));
    expect(items[0] === 2, `${code}, attempt ${String(items[0])}`);
  },
  async 'the first of many items'({ connection, expect }) {
    const { items } = await end(connection.request(first, undefined, { timeout: 5_000 }));
    expect(items[0] === 0, `item ${String(items[0])}`);
  },
  async 'a group'({ connection, expect }) {
    const api = connection.api(shelf);
    expect((await firstValueFrom(api.put('x'))) === 'none x', 'put of the group');
    expect((await firstValueFrom(api.watch().pipe(toArray()))).length === 10, 'watch of the group');
    const back = await lastValueFrom(api.talk(undefined, () => [bytes]).pipe(toArray()));
    expect(back.length === 1, 'talk of the group');
    expect((await end(connection.at(shelf, 'top').put('x'))).code === 'unimplemented', 'a subroute without a handler');
    expect((await end(connection.request(at(odd, 'top'), 'fine'))).code === 'unimplemented', 'a route at a subroute');
  },
  async 'a handler of opaque bytes'({ connection, expect }) {
    const opaque = { ...odd, id: rawId, name: 'opaque', request: raw, response: raw };
    expect((await firstValueFrom(connection.request(opaque, bytes))).length === bytes.length, 'other bytes came');
    expect((await firstValueFrom(connection.request(opaque, new Uint8Array()))).length === 0, 'bytes came');
  },
  async 'by way of another host'({ connection, third, expect }) {
    const relayed = connection.via(third);
    const { items, code } = await end(relayed.request(odd, 'fine', { timeout: 5_000 }));
    expect(items[0] === 'fine', code);
    const stream = await end(relayed.stream(oddStream, 'numbers', { timeout: 5_000 }));
    expect(stream.items.length === 10, stream.code);
    const named = await end(relayed.request(flaky, -1, { timeout: 5_000 }));
    expect(typeof named.items[0] === 'number', named.code);
  },
  async 'an input of which one item is taken'(context) {
    await giveInput(context, oddSink, 20);
  },
  async 'calls that are given up before they leave'({ connection }) {
    await connection.ready();
    const stream = connection.open(oddEcho);
    // On a slow line these fill the socket. The rules about the wire see whether anything of the calls is sent.
    for (let count = 0; count < 4; count++) stream.next(new Uint8Array(100_000));
    await firstValueFrom(timer(50));
    const calls = ['fine', 'fine', 'fine'].map((what) =>
      connection.request(odd, what).subscribe({ error: () => undefined }),
    );
    await firstValueFrom(timer(2));
    for (const call of calls) call.unsubscribe();
    stream.cancel();
  },
  async 'what can be observed'({ connection, expect }) {
    await connection.ready();
    const frames: unknown[] = [];
    const observed = connection.frames$.subscribe((frame) => frames.push(frame));
    await end(connection.request(odd, 'fine'));
    observed.unsubscribe();
    expect(frames.length >= 2, `${frames.length} frames`);
    const { openOut } = await firstValueFrom(connection.stats$);
    expect(openOut >= 0, 'no statistics');
  },
  async 'an open stream that is pushed to'({ connection, expect }) {
    const stream = connection.open(oddEcho);
    const credits: number[] = [];
    stream.credit$.subscribe((credit) => credits.push(credit));
    for (let count = 0; count < 12; count++) stream.next(bytes);
    stream.complete();
    const { items, code } = await end(stream);
    expect(items.length === 12, `${items.length} items, ${code}`);
    await stream.ended.catch(() => undefined);
    stream.next(bytes);
    stream.complete();
    expect(stream.closed && stream.ignored === 1, `${stream.ignored} items were ignored`);
    expect(credits.length > 0, 'no credit');
    let again = false;
    try {
      stream.subscribe();
    } catch {
      again = true;
    }
    expect(again, 'it can be subscribed to twice');
  },
  async 'an open stream whose output is not of interest'({ connection, expect }) {
    const stream = connection.open(oddEcho);
    stream.ignoreOutput();
    await lastValueFrom(of(bytes, bytes, bytes).pipe(sendTo(stream)), { defaultValue: undefined });
    const ended = await stream.ended.then(() => 'completed', codeOf);
    expect(ended === 'completed', ended);
  },
  async 'an open stream that is given up'({ connection, expect }) {
    const failed = connection.open(oddEcho);
    const failure = new Error('given up');
    const outcome = end(failed);
    failed.error(failure);
    expect((await outcome).error === failure, 'error() of an open stream');
    await failed.ended.catch(() => undefined);
    const sent = connection.open(oddEcho);
    sent.ended.catch(() => undefined);
    const { error } = await end(throwError(() => failure).pipe(sendTo(sent)));
    expect(error === failure, 'the source of sendTo failed');
    const left = connection.open(oddEcho);
    left.ended.catch(() => undefined);
    const sending = new Subject<Uint8Array>();
    sending.pipe(sendTo(left)).subscribe().unsubscribe();
    await left.ended.catch(() => undefined);
    expect(left.closed, 'an unsubscribed sendTo goes on');
  },
  async 'an input that fails'({ connection, expect }) {
    const failure = new Error('the input fails');
    const { error } = await end(connection.exchange(oddEcho, undefined, () => throwError(() => failure)));
    expect(error === failure, 'another error');
    const wrong = await end(connection.exchange(oddEcho, undefined, (() => 5) as never));
    expect(wrong.code !== 'completed', 'an input that is none');
    const item = await end(connection.exchange(oddEcho, undefined, () => [5] as never));
    expect(item.code === 'codec', item.code);
  },
  async 'operators that repeat'({ connection, expect }) {
    const numbers = connection.stream(oddStream, 'numbers').pipe(retryOnDisconnect({ idempotent: true }));
    expect((await end(numbers)).items.length === 10, 'retryOnDisconnect');
    const resumed = resumable((_: number) => connection.stream(oddStream, 'numbers'), {
      from: (last) => Number(last ?? 0),
    });
    expect((await end(resumed)).items.length >= 10, 'resumable');
    const limited = connection.request(odd, 'limit').pipe(retryOnDisconnect());
    expect((await end(limited)).code === 'resource-exhausted', 'retryOnDisconnect of another error');
  },
  async 'readers that leave'({ connection, expect }) {
    const loop = toAsyncIterable(connection.stream(oddStream, 'numbers'))[Symbol.asyncIterator]();
    const both = await Promise.all([loop.next(), loop.next()]);
    expect(both[1].value === 1, `${String(both[1].value)} in place of 1`);
    await loop.throw?.(new Error('leaves')).catch(() => undefined);
    expect((await loop.next()).done === true, 'it goes on');
    const unread = toAsyncIterable(connection.stream(oddStream, 'numbers'))[Symbol.asyncIterator]();
    await unread.return?.();
    const abort = new AbortController();
    const reading = end(connection.stream(oddStream, 'numbers').pipe(takeUntilAborted(abort.signal)));
    abort.abort(new Error('left'));
    expect((await reading).code !== 'completed', 'an aborted reader completes');
    const some = await end(connection.stream(oddStream, 'multicast').pipe(take(2)));
    expect(some.items.length === 2, `${some.items.length} items`);
  },
  async 'sources that flood a reader'({ expect }) {
    const flood = toAsyncIterable(timer(0, 1).pipe(take(50)), { capacity: 3 });
    let code = 'completed';
    try {
      for await (const item of flood) await firstValueFrom(timer(10 + item));
    } catch (error) {
      code = codeOf(error);
    }
    expect(code === 'buffer-overflow', code);
  },
};

/** Unusual calls of usual routes, by their names. */
export const oddCalls: Readonly<Record<string, (context: OddContext) => Promise<void>>> = {
  ...Object.fromEntries([...handlers, ...sources]),
  ...callers,
};
