import { EMPTY, map, Subscriber, timer, zip, type Observable } from 'rxjs';
import {
  bindAll,
  CodecError,
  duplex,
  group,
  raw,
  type,
  unary,
  type Call,
  type Codec,
  type Manager,
} from '../../../lib/index.js';
import { end } from './ended.js';
import { odd, oddEcho, oddStream } from './odd-routes.js';
import { giveInput } from './give-input.js';
import type { OddContext } from './oddity.js';

const bytes = Uint8Array.of(1, 2, 3);
/** What {@link oddStream} is declared as. */
const ofStream = { id: oddStream.id!, name: 'odd-stream', request: type<string>(), output: type<unknown>() };

/** Decodes texts but for two: one that is the caller's fault, and one at which it breaks itself. */
const picky: Codec<string> = {
  codec: 'picky',
  encode: (text) => new TextEncoder().encode(text),
  decode: (payload) => {
    const text = new TextDecoder().decode(payload);
    if (text === 'bad') throw new CodecError('a bad text');
    if (text === 'broken') throw new TypeError('the codec is broken');
    return text;
  },
};

const pickyUnary = unary({ name: 'odd-picky', request: picky, response: raw });
const pickyStream = duplex({ name: 'odd-picky-stream', request: picky, input: picky, output: raw, inCapacity: 4 });
/** Counts how often it runs, by its request, and answers after a while. */
export const counted = unary({ name: 'odd-counted', request: type<number>(), response: type<number>() });
/** The input is dropped after a while, without an item of it being taken. */
const dropped = duplex({ name: 'odd-dropped', input: raw, output: raw, inCapacity: 4 });
/** Two streams of the host itself, of which one is far ahead. */
const zipped = duplex({ name: 'odd-zipped', output: type<unknown>() });
/** One item every few ms, or many at once. */
const ticks = duplex({ name: 'odd-ticks', request: type<{ count: number; pace: number }>(), output: type<object>() });
/** Is refused what its handler asks it for. */
const ofSignals = unary({ name: 'odd-signals', request: type<string>(), response: type<string>() });
const box = group('odd-box', {
  put: unary({ request: type<string>(), response: type<string>() }),
  get: unary({ response: type<string>() }),
});

/** Those whose payloads transcripts and the rules about the wire can decode. */
export const contractRoutes = { counted, dropped, zipped, ticks, ofSignals, ...box.routes };

/** Ms in which the handler of {@link counted} runs. */
const countedMs = 1_500;
/** Ms until an input is dropped, and until the stream of it ends. */
const droppedAfter = 300;
const droppedMs = 3_000;

/** Registers the handlers at a host. `runs`: how often that of {@link counted} was called, by its request. */
export function registerContractHandlers(manager: Manager, runs: Map<number, number>): void {
  manager.handle(pickyUnary, () => bytes);
  manager.handle(pickyStream, (_, call) => call.input.pipe(map(() => bytes)));
  manager.handle(counted, (id) => {
    const ran = (runs.get(id) ?? 0) + 1;
    runs.set(id, ran);
    return timer(countedMs).pipe(map(() => ran));
  });
  manager.handle(dropped, (_, call) => {
    setTimeout(() => {
      // Whoever would take it has gone before it comes to that.
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- the shortest way to a subscriber that is closed.
      const gone = new Subscriber<Uint8Array>();
      gone.unsubscribe();
      call.input.subscribe(gone);
    }, droppedAfter);
    return timer(droppedMs).pipe(map(() => bytes));
  });
  manager.handle(ticks, ({ count, pace }) => ticking(count, pace));
  manager.handle(zipped, (_, call: Call<never>) => {
    const connection = call.connection(manager.local);
    return zip(
      connection.stream(ticks, { count: 200, pace: 0 }),
      connection.stream(ticks, { count: 5, pace: 20 }),
    ) as Observable<unknown>;
  });
  manager.handle(ofSignals, (what, call) => answerLate(what, call));
  registerBox(manager);
}

// Handlers of a group are registered together, replaced and removed; what is not complete is refused.
function registerBox(manager: Manager): void {
  const handlers = { put: (text: string) => text, get: () => 'got' };
  const refused = (task: () => unknown): void => {
    let isRefused = false;
    try {
      task();
    } catch {
      isRefused = true;
    }
    if (!isRefused) throw new Error('a group that is not complete was registered');
  };
  const registration = manager.handleAll(box, handlers);
  registration.replace({ ...handlers, get: () => 'replaced' });
  refused(() => bindAll(box, { put: handlers.put } as never));
  refused(() => bindAll(box, { ...handlers, push: handlers.put } as never));
  refused(() => manager.handleAll(box, handlers));
  registration.remove();
  registration.remove();
  manager.handleAll(box, handlers);
}

function* atOnce(count: number): Generator<object> {
  for (let index = 0; index < count; index++) yield { index };
}

function ticking(count: number, pace: number): Iterable<object> | Observable<object> {
  if (pace === 0) return atOnce(count);
  return timer(0, pace).pipe(map((index) => ({ index }))) as Observable<object>;
}

/** Reads the signal of its call late, or fails after its caller has gone. */
async function answerLate(what: string, call: Call<never>): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 400));
  if (what === 'read') return String(call.signal.aborted);
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- handlers do that.
  throw {
    get name(): string {
      throw new Error('no name');
    },
  };
}

/** Calls of routes that the two sides have declared otherwise, and with payloads that only one of them takes. */
export const contractCalls: Readonly<Record<string, (context: OddContext) => Promise<void>>> = {
  async 'a request that cannot be decoded'({ connection, expect }) {
    const outcomes = { bad: 'invalid-argument', broken: 'internal', good: 'completed' };
    for (const [text, due] of Object.entries(outcomes)) {
      const unaryEnd = await end(connection.request(pickyUnary, text, { timeout: 5_000 }));
      expect(unaryEnd.code === due, `${text}: a unary call ended as ${unaryEnd.code}`);
      const stream = await end(connection.exchange(pickyStream, text, () => ['good'], { timeout: 5_000 }));
      expect(stream.code === due, `${text}: a stream ended as ${stream.code}`);
    }
  },
  async 'an item of an input that cannot be decoded'({ connection, expect }) {
    for (const [text, due] of [
      ['bad', 'invalid-argument'],
      ['broken', 'internal'],
    ] as const) {
      const { code } = await end(
        connection.exchange(pickyStream, 'good', () => ['good', text, 'good'], { timeout: 5_000 }),
      );
      expect(code === due, `${text}: ${code}`);
    }
  },
  async 'an input that the handler has not declared'({ connection, expect }) {
    const withInput = duplex({ ...ofStream, input: raw, inCapacity: 4 });
    const { items, code } = await end(connection.exchange(withInput, 'numbers', () => [bytes] as never));
    expect(items.length === 10, `${items.length} items, ${code}`);
  },
  async 'an input that the caller has not declared'({ connection, expect }) {
    const withoutInput = duplex({ id: oddEcho.id!, name: 'odd-echo', output: raw });
    const { items, code } = await end(connection.stream(withoutInput, undefined, { timeout: 8_000 }));
    expect(items.length === 0 && code === 'completed', `${items.length} items, ${code}`);
  },
  async 'a route of another kind'({ connection, expect }) {
    const asStream = duplex({ id: odd.id!, name: 'odd', request: type<string>(), output: type<unknown>() });
    const stream = await end(connection.stream(asStream, 'fine', { timeout: 5_000 }));
    expect(stream.code === 'unimplemented', stream.code);
    const asUnary = unary({
      id: oddStream.id!,
      name: 'odd-stream',
      request: type<string>(),
      response: type<unknown>(),
    });
    const { code } = await end(connection.request(asUnary, 'numbers', { timeout: 5_000 }));
    expect(code === 'unimplemented', code);
  },
  async 'an input that is dropped unread'(context) {
    await giveInput(context, dropped, 12);
  },
  async 'two streams of which one is far ahead'({ connection, expect }) {
    const { items, code } = await end(connection.stream(zipped, undefined, { timeout: 8_000 }));
    expect(items.length >= 5, `${items.length} items, ${code}`);
  },
  async 'a signal that is read late'({ connection }) {
    for (const what of ['read', 'fail']) {
      const call = connection.request(ofSignals, what).subscribe({ error: () => undefined });
      await new Promise((resolve) => setTimeout(resolve, 150));
      call.unsubscribe();
    }
  },
  async 'a group that was replaced'({ connection, expect }) {
    const { items, code } = await end(connection.api(box).get());
    expect(items[0] === 'got', `${String(items[0])}, ${code}`);
  },
  async 'a source that ends at once'({ connection, expect }) {
    const { code } = await end(connection.exchange(oddEcho, undefined, () => EMPTY));
    expect(code === 'completed', code);
    const failing = {
      [Symbol.iterator](): Iterator<Uint8Array> {
        throw new Error('no iterator');
      },
    };
    const failed = await end(connection.exchange(oddEcho, undefined, () => failing));
    expect(failed.code === 'Error: no iterator', failed.code);
    const failingLater = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          throw new Error('no next');
        },
      }),
    };
    const failedLater = await end(connection.exchange(oddEcho, undefined, () => failingLater as never));
    expect(failedLater.code === 'Error: no next', failedLater.code);
  },
};
