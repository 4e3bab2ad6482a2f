import { concat, EMPTY, NEVER, of, range, timer, map, mergeMap, take as takeItems } from 'rxjs';
import {
  bufferBounded,
  CancelledError,
  conflate,
  defineError,
  duplex,
  group,
  LimitError,
  multicast,
  raw,
  type,
  UnavailableError,
  unary,
  type Call,
  type Manager,
  type Runtime,
} from '../../../lib/index.js';
import { rules } from '../ledger.js';

/** An error with data that the contracts name. */
export const QuotaExceeded = defineError('quota-exceeded', { data: type<{ limit: number; note?: string }>() });

/** Names of routes whose handlers fail begin with it. */
export const oddPrefix = 'odd';

/** A unary route whose handler does what the request names: mostly what no handler should. */
export const odd = unary({
  id: 70,
  name: 'odd',
  request: type<string>(),
  response: type<unknown>(),
  errors: [QuotaExceeded],
});
/** The same for streams. */
export const oddStream = duplex({
  id: 71,
  name: 'odd-stream',
  request: type<string>(),
  output: type<unknown>(),
  outCapacity: 4,
});
/** Its input is its output. */
export const oddEcho = duplex({ id: 72, name: 'odd-echo', input: raw, output: raw, inCapacity: 4, outCapacity: 4 });
/**
 * Takes one item of its input, and goes on for a while. The credit of one item is not sent alone: if that of the items
 * that are dropped were lost, no more would come.
 */
export const oddSink = duplex({ name: 'odd-sink', input: raw, output: raw, inCapacity: 8 });
/** Fails at the first attempt. */
export const flaky = unary({
  name: 'flaky',
  request: type<number>(),
  response: type<number>(),
  idempotent: true,
  retry: { attempts: 3, budget: 1, backoff: 5 },
});
/** The response is the first item of many. */
export const first = unary({ name: 'first', response: type<number>(), takeFirst: true });
/** Routes that are called by the names of a group, at a subroute, too. */
export const shelf = group('shelf', {
  put: unary({ request: type<string>(), response: type<string>() }),
  watch: duplex({ output: type<number>() }),
  talk: duplex({ input: raw, output: raw }),
});
/** A handler of opaque bytes has this id. */
export const rawId = 75;
/** Nobody has a handler for it. */
export const unserved = unary({ name: 'unserved', response: type<number>() });

/** Characters of the data of an error that is larger than `maxErrorDataBytes`. */
const tooMuchData = 70_000;
/** Bytes of a response that is larger than `maxUnaryBytes`. */
const tooMany = (4 << 20) + 1;
/** Items that an Observable emits at once: more than the buffer takes. */
const flood = 1_100;

const responses: Readonly<Record<string, (call: Call<never>) => unknown>> = {
  nothing: () => EMPTY,
  two: () => of(1, 2),
  'two, later': () => timer(1, 1),
  'no end': () => concat(of(1), NEVER),
  foreign: () => ({ subscribe: () => undefined, pipe: () => undefined }),
  function: () => () => undefined,
  generator: () => numbers(),
  'too large': () => new Uint8Array(tooMany),
  quota: () => {
    throw new QuotaExceeded('the quota is used up', { limit: 3 });
  },
  limit: () => {
    throw new LimitError('a limit', 'maxOpenMuxes');
  },
  cancelled: () => {
    throw new CancelledError('cancelled');
  },
  text: () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- handlers do that.
    throw 'a text';
  },
  fine: () => 'fine',
  'in time': () => 'fine',
  'much data': () => {
    throw new QuotaExceeded('the quota is used up', { limit: 3, note: 'x'.repeat(tooMuchData) });
  },
  proxy: () => {
    throw new Proxy(new Error('a proxy'), {
      getPrototypeOf() {
        throw new Error('no prototype');
      },
    });
  },
  'no input': (call) => call.input,
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- handlers do that.
  'no rejection': () => Promise.reject(),
};

/** Virtual ms before a sink takes its item. */
const sinkLateMs = 300;
/** Virtual ms in which the rest of an input comes. */
const sinkMs = 3_000;

const outputs: Readonly<Record<string, () => unknown>> = {
  flood: () => range(0, flood),
  conflated: () => range(0, 100).pipe(conflate()),
  'conflated by key': () => range(0, 100).pipe(conflate({ key: (item) => item % 2 })),
  dropped: () => range(0, 100).pipe(bufferBounded({ capacity: 5, overflow: 'drop-oldest' })),
  shared: () =>
    timer(0, 5).pipe(
      takeItems(5),
      multicast(),
      map((item) => item + 0),
    ),
  multicast: () => timer(0, 5).pipe(takeItems(5), multicast()),
  text: () => 'a text',
  function: () => [() => undefined],
  'no result': () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve(5) }) }),
  'no next': () => ({ [Symbol.iterator]: () => ({ next: () => 5 }) }),
  numbers: () => numbers(),
};

function* numbers(): Generator<number> {
  for (let index = 0; index < 10; index++) yield index;
}

/** Registers the handlers at a host. */
export function registerOddHandlers(manager: Manager, violate: (rule: string, text: string) => void): void {
  const attempts = new Map<number, number>();
  manager.handle(odd, (what, call) => {
    if (what === 'parent') {
      return call.connection(manager.local).request(odd, 'fine', { parent: call, timeout: 1_000 });
    }
    // The clock with which the deadline was computed.
    const { runtime } = call as unknown as { readonly runtime: Runtime };
    const late = call.deadline === undefined ? 0 : runtime.wallNow() - call.deadline.getTime();
    if (late > 1) violate(rules.late, `the handler of an unusual call begins ${late} ms after its deadline`);
    return responses[what]!(call);
  });
  manager.handle(oddStream, (what) => outputs[what]!() as never);
  manager.handle(oddEcho, (_, call) => call.input);
  manager.handle(oddSink, (_, call) => {
    // When some wait: they are discarded, and so is what comes later.
    timer(sinkLateMs)
      .pipe(mergeMap(() => call.input.pipe(takeItems(1))))
      // The connection may be lost before.
      .subscribe({ error: () => undefined });
    return timer(sinkMs).pipe(map(() => new Uint8Array(1)));
  });
  manager.handle(flaky, (id) => {
    const attempt = (attempts.get(id) ?? 0) + 1;
    attempts.set(id, attempt);
    if (attempt === 1) throw new UnavailableError('not at the first attempt');
    return attempt;
  });
  manager.handle(first, () => timer(0, 10));
  manager.handleAll(shelf, {
    put: (text, call) => `${call.subroute ?? 'none'} ${text}`,
    watch: () => numbers(),
    talk: (_: unknown, call: Call<Uint8Array>) => call.input,
  });
  manager.handleRaw({ id: rawId, kind: 'unary', handle: (payload) => (payload.length === 0 ? null : payload.slice()) });
  // Handlers come and go while calls run.
  const temporary = manager.handle(unserved, () => 1);
  temporary.replace(() => 2);
  temporary.remove();
}
