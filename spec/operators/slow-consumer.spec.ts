import { afterEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom, map, Subscription, type Observable } from 'rxjs';
import { consume, duplex, type, type CallObservable, type Connection } from '../../lib/index.js';
import { toNodeReadable } from '../../lib/node/to-node-readable.js';
import { chunk } from '../../lib/operators/chunk.js';
import { fromIterable } from '../../lib/operators/from-iterable.js';
import { fromReadableStream } from '../../lib/operators/from-readable-stream.js';
import { sendTo } from '../../lib/operators/send-to.js';
import { toAsyncIterable } from '../../lib/operators/to-async-iterable.js';
import { toReadableStream } from '../../lib/operators/to-readable-stream.js';
import { unchunk } from '../../lib/operators/unchunk.js';
import { linkedPair, turn, type Pair } from '../support/linked-managers.js';

const window = 4;
const total = 60;
const down = duplex({ id: 1, name: 'down', output: type<number>(), outCapacity: window });
const up = duplex({ id: 2, name: 'up', input: type<number>(), output: type<number>(), inCapacity: window });

/** Counts the items at the two ends of the way that they go. */
class Account {
  produced = 0;
  readonly released: number[] = [];
  /** The greatest `produced − released` so far. */
  lead = 0;

  *produce(): Generator<number> {
    while (this.produced < total) {
      this.produced++;
      this.lead = Math.max(this.lead, this.produced - this.released.length);
      yield this.produced;
    }
  }
}

/** Takes items one after the other; `done` is called, and waited for, with each. */
type Reader = (items: Observable<number>, done: (value: number) => Promise<void>) => Promise<void>;

const readers: Record<string, Reader> = {
  toAsyncIterable: async (items, done) => {
    for await (const value of toAsyncIterable(items)) await done(value);
  },
  toReadableStream: async (items, done) => {
    const reader = toReadableStream(items).getReader();
    for (;;) {
      const result = await reader.read();
      if (result.done) return;
      await done(result.value);
    }
  },
  'toReadableStream and fromReadableStream': async (items, done) =>
    consumed(fromReadableStream(toReadableStream(items)), done),
  toNodeReadable: async (items, done) => {
    for await (const value of toNodeReadable(items)) await done(value as number);
  },
};

async function consumed(items: Observable<number>, done: (value: number) => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    items.pipe(consume(done)).subscribe({ complete: resolve, error: reject });
  });
}

describe('produced − released', () => {
  let net: Pair;
  const subscriptions = new Subscription();
  afterEach(async () => {
    subscriptions.unsubscribe();
    await net.grid.close();
  });

  /** Work of 1 ms of virtual time. */
  const work =
    (account: Account) =>
    async (value: number): Promise<void> => {
      await firstValueFrom(net.grid.timer(1));
      account.released.push(value);
    };

  async function runs(reading: Promise<void>): Promise<void> {
    let over = false;
    const ended = reading.finally(() => (over = true));
    ended.catch(() => undefined);
    const isOver = (): boolean => over;
    for (let ms = 0; ms < 20 * total && !isOver(); ms++) await net.grid.advance(1);
    await turn();
    expect(isOver()).toBe(true);
    await ended;
  }

  function expectAll({ released, produced }: Account): void {
    expect([produced, released]).toStrictEqual([total, Array.from({ length: total }, (_, index) => index + 1)]);
    expect(net.grid.events).toStrictEqual([]);
  }

  const passes: [string, (items: CallObservable<number>) => Observable<number>][] = [
    ['the stream', (items) => items],
    ['map', (items) => items.pipe(map((value) => value))],
  ];
  const cases = Object.keys(readers).flatMap((name) => passes.map(([behind, pass]) => ({ name, behind, pass })));

  it.each(cases)('is window + 1 at most: $name behind $behind', async ({ name, pass }) => {
    const account = new Account();
    net = await linkedPair(({ b }) => {
      b.handle(down, () => account.produce());
    });
    await runs(readers[name]!(pass(net.ab.stream(down, undefined)), work(account)));
    expectAll(account);
    expect(account.lead).toBeLessThanOrEqual(window + 1);
  });

  /** Hosts whose handler `up` works on what is sent to it. */
  async function sending(account: Account): Promise<Connection> {
    net = await linkedPair(({ a, b }) => {
      a.handle(down, () => account.produce());
      b.handle(up, (_, call) => call.input.pipe(consume(async (value) => (await work(account)(value), value))));
    });
    return net.ab;
  }

  async function sent(source: Observable<number>, connection: Connection): Promise<void> {
    const stream = connection.open(up, undefined);
    stream.ignoreOutput();
    let last = 0;
    await source.pipe(sendTo(stream)).forEach((progress) => (last = progress.sent));
    expect(last).toBe(total);
    await stream.ended;
  }

  it('is window + 1 at most: an iterable that is sent', async () => {
    const account = new Account();
    const connection = await sending(account);
    await runs(sent(fromIterable(account.produce()).pipe(map((value) => value)), connection));
    expectAll(account);
    expect(account.lead).toBeLessThanOrEqual(window + 1);
  });

  it('is window + 1 at most: an async iterable that is sent', async () => {
    const account = new Account();
    const connection = await sending(account);
    const items = (async function* () {
      yield* account.produce();
    })();
    await runs(sent(fromIterable(items), connection));
    expectAll(account);
    expect(account.lead).toBeLessThanOrEqual(window + 1);
  });

  it('is bounded by both streams: a stream that is sent to another one', async () => {
    const account = new Account();
    const connection = await sending(account);
    await runs(sent(net.ba.stream(down, undefined).pipe(map((value) => value)), connection));
    expectAll(account);
    expect(account.lead).toBeLessThanOrEqual(2 * (window + 1));
  });

  it('is bounded by the chunks: a stream that is chunked, sent and unchunked', async () => {
    const account = new Account();
    const chunks = duplex({ id: 4, name: 'chunks', output: type<number[]>(), outCapacity: window });
    net = await linkedPair(({ a, b }) => {
      a.handle(down, () => account.produce());
      b.handle(chunks, () =>
        net.ba.stream(down, undefined).pipe(chunk({ maxBytes: 2, maxMs: 60_000, sizeOf: () => 1 })),
      );
    });
    await runs(consumed(net.ab.stream(chunks, undefined).pipe(unchunk()), work(account)));
    expectAll(account);
    expect(account.lead).toBeLessThanOrEqual(2 * 2 * (window + 1));
  });
});
