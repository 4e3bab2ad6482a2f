import type { Observable } from 'rxjs';
import { delay, firstValueFrom, map, merge, mergeMap, of, range, share, Subject, timer } from 'rxjs';
import {
  bufferBounded,
  chunk,
  duplex,
  fromIterable,
  raw,
  sendTo,
  type,
  unary,
  unchunk,
  type Call,
  type Connection,
  type Manager,
} from '../../../lib/index.js';
import { sleep } from '../source.js';
import { codeOf, end } from './ended.js';
import { odd, oddEcho, oddPrefix, oddStream } from './odd-routes.js';
import type { OddContext } from './oddity.js';

const bytes = Uint8Array.of(1, 2, 3);
/** More items than the buffer of a source takes. */
const flood = 2_000;

/** The handler makes its output of streams of its own host, in the way that the request names. */
const relaying = duplex({ name: `${oddPrefix}-relaying`, request: type<string>(), output: raw, outCapacity: 4 });
/** Gives so many items. */
const items = duplex({ name: `${oddPrefix}-items`, request: type<number>(), output: raw, outCapacity: 8 });
/** Its handler does with its input what the request names. */
const eating = duplex({
  name: `${oddPrefix}-eating`,
  request: type<string>(),
  input: raw,
  output: raw,
  inCapacity: 4,
  outCapacity: 4,
});
/** The handler returns what the request names. */
const returning = unary({ name: `${oddPrefix}-returning`, request: type<string>(), response: type<unknown>() });

/** All of them, for transcripts. */
export const sourceRoutes = { relaying, items, eating, returning };

const relays: Readonly<Record<string, (connection: Connection) => Observable<Uint8Array>>> = {
  'in chunks': (own) => own.stream(items, 60).pipe(chunk({ maxBytes: 9, maxMs: 5 }), unchunk()),
  'many of each': (own) => own.stream(items, 5).pipe(mergeMap(() => range(0, flood).pipe(map(() => bytes)))),
  'late and many': (own) =>
    own.stream(items, flood).pipe(
      delay(2),
      map((item) => item),
    ),
  'while another one delivers': (own) => {
    const others = new Subject<Uint8Array>();
    return merge(
      others.pipe(share()),
      own.stream(items, 4).pipe(
        map((item) => {
          for (let count = 0; count < flood; count++) others.next(item);
          return item;
        }),
      ),
    );
  },
  'behind a buffer': (own) =>
    own.stream(items, 40).pipe(
      mergeMap((item) => of(item, item)),
      bufferBounded({ capacity: 3, overflow: 'error' }),
    ),
};

const codesOfRelays: Readonly<Record<string, string>> = {
  'in chunks': 'completed',
  'many of each': 'internal',
  'late and many': 'internal',
  'while another one delivers': 'internal',
  'behind a buffer': '',
};

const returned: Readonly<Record<string, () => unknown>> = {
  'an async iterable': () =>
    (async function* () {
      yield await Promise.resolve(1);
    })(),
  'another library’s Observable': () => ({ subscribe: () => undefined }),
};

/** Registers the handlers at a host. */
export function registerSourceHandlers(manager: Manager): void {
  manager.handle(items, (count) => {
    let given = 0;
    return {
      [Symbol.iterator]: () => ({
        next: () => (given++ < count ? { done: false, value: bytes } : { done: true, value: undefined as never }),
      }),
    };
  });
  manager.handle(relaying, (what, call: Call<never>) => relays[what]!(call.connection(manager.local)));
  manager.handle(eating, (what, call) => {
    switch (what) {
      case 'twice':
        return merge(call.input, call.input);
      case 'rejected':
        return Promise.reject(new Error('the handler rejects'));
      default:
        // Fails when its output is over.
        setTimeout(() => {
          try {
            call.input.subscribe({ error: () => undefined });
          } catch {
            // There is no input any more.
          }
        }, 200);
        return of(bytes);
    }
  });
  manager.handle(returning, (what) => returned[what]!() as never);
}

const ofRelays = Object.entries(codesOfRelays).map(([what, due]) => [
  `relay: ${what}`,
  async ({ connection, expect }: OddContext): Promise<void> => {
    const { code } = await end(connection.stream(relaying, what, { timeout: 10_000 }));
    expect(due === '' || code === due, `${code} in place of ${due}`);
  },
]);

const callers: Readonly<Record<string, (context: OddContext) => Promise<void>>> = {
  async 'a handler that returns what it should not'({ connection, expect }) {
    for (const what of Object.keys(returned)) {
      const { code } = await end(connection.request(returning, what, { timeout: 5_000 }));
      expect(code === 'internal', `${what}: ${code}`);
    }
  },
  async 'an input that is taken twice, or late, or not at all'({ connection, expect }) {
    const outcomes = { twice: 'internal', rejected: 'internal', late: 'completed' };
    for (const [what, due] of Object.entries(outcomes)) {
      const { code } = await end(connection.exchange(eating, what, () => [bytes], { timeout: 5_000 }));
      expect(code === due, `${what}: ${code} in place of ${due}`);
    }
  },
  async 'an open stream that is completed beside its source'({ connection, expect }) {
    const stream = connection.open(oddEcho);
    stream.ignoreOutput();
    const source = new Subject<Uint8Array>();
    const sending = end(source.pipe(sendTo(stream)));
    source.next(bytes);
    stream.complete();
    const { code } = await sending;
    expect(code === 'configuration', `its source: ${code}`);
    const later = await end(of(bytes).pipe(sendTo(stream)));
    expect(later.code !== 'completed', `a source after its end: ${later.code}`);
    await stream.ended.catch(() => undefined);
    const last = await end(of(bytes).pipe(sendTo(stream)));
    expect(last.code !== 'completed', `a source after the end of the stream: ${last.code}`);
  },
  async 'an open stream whose request cannot be sent'({ connection, expect }) {
    let code = 'none';
    try {
      connection.open({
        ...eating,
        request: { codec: 'none', encode: () => bytes.buffer as never, decode: () => 0 },
      } as never);
    } catch (error) {
      code = codeOf(error);
    }
    expect(code === 'codec' || code === 'none', code);
    let refused = 'none';
    try {
      connection.open(eating, (() => () => 0) as never).cancel();
    } catch (error) {
      refused = codeOf(error);
    }
    expect(refused === 'codec' || refused === 'none', refused);
  },
  async 'a stream without its input'({ connection, expect }) {
    let code = 'none';
    try {
      code = (await end(connection.stream(oddEcho as never))).code;
    } catch (error) {
      code = codeOf(error);
    }
    expect(code === 'configuration', code);
  },
  async 'an iterator that is used as few do'({ connection, expect }) {
    const iterator = connection.stream(oddStream, 'numbers')[Symbol.asyncIterator]() as AsyncGenerator;
    expect(iterator[Symbol.asyncIterator]() === iterator, 'it is not its own iterator');
    await iterator.next();
    await (iterator as { [Symbol.asyncDispose]?: () => PromiseLike<void> })[Symbol.asyncDispose]?.();
    expect((await iterator.next()).done === true, 'it goes on after its disposal');
    const stream = connection.open(oddEcho);
    stream.subscribe({ error: () => undefined });
    const twice: unknown[] = [];
    let refused = false;
    try {
      for await (const item of stream) twice.push(item);
    } catch {
      refused = true;
    }
    expect(refused, 'an open stream was read twice');
    stream.cancel();
  },
  async 'an input that stops its own call'({ connection, expect }) {
    const seen = { begun: false, returned: false };
    function* input(): Generator<Uint8Array> {
      seen.begun = true;
      try {
        yield bytes;
        call.unsubscribe();
        yield bytes;
      } finally {
        seen.returned = true;
      }
    }
    const call = connection.exchange(oddEcho, undefined, () => input()).subscribe({ error: () => undefined });
    await sleep(200);
    call.unsubscribe();
    await sleep(1);
    // On a slow line the opening may wait for so long, and with it what is read of the input.
    expect(seen.returned || !seen.begun, 'its generator was not returned');
  },
  async 'an input whose items cannot be sent'({ connection, expect }) {
    const { code } = await end(connection.exchange(oddEcho, undefined, () => fromIterable([bytes, 5]) as never));
    expect(code === 'codec', code);
    const unsized = await end(connection.stream(oddStream, 'numbers').pipe(chunk({ maxBytes: 10, maxMs: 5 } as never)));
    expect(unsized.code !== 'completed', 'items without a size were chunked by their bytes');
  },
  async 'what a host can show of itself'({ connection, cluster, to, expect }) {
    const { manager } = cluster.host(to);
    const open = connection.open(oddEcho);
    open.subscribe({ error: () => undefined });
    open.next(bytes);
    const hanging = connection.request(odd, 'no end', { timeout: 1_500 }).subscribe({ error: () => undefined });
    await sleep(150);
    const figures: unknown[] = [];
    const watching = [manager.routes$, manager.streams$, manager.transfers$, manager.leaves$, manager.health$].map(
      (figure$) => (figure$ as Observable<unknown>).subscribe((figure) => figures.push(figure)),
    );
    await firstValueFrom(timer(1_200));
    expect(figures.length >= watching.length, `${figures.length} figures`);
    for (const watch of watching) watch.unsubscribe();
    hanging.unsubscribe();
    open.cancel();
  },
};

/** Relays, sources and inputs that hardly anybody writes, each with its known outcome. */
export const sourceCalls: Readonly<Record<string, (context: OddContext) => Promise<void>>> = {
  ...Object.fromEntries(ofRelays),
  ...callers,
};
