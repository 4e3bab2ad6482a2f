/*
 * Uses that must compile, and refusals that must not. Checked by the compiler, not run: `npm run types` checks this
 * file with all others, and api.spec.ts checks it for those who only run the tests.
 */
import { filter, ignoreElements, interval, map, of, retry, type Observable } from 'rxjs';
import { z } from 'zod';
import {
  at,
  bind,
  bindAll,
  connect,
  consume,
  defineError,
  duplex,
  fileItems,
  group,
  InvalidArgumentError,
  msgpack,
  raw,
  type,
  unary,
  type Call,
  type CallObservable,
  type Codec,
  type Connection,
  type DeclaredError,
  type Delivery,
  type DuplexStream,
  type ErrorsOf,
  type FileRegion,
  type Group,
  type HandlersOf,
  type Handles,
  type Received,
  type Sent,
} from 'rxgrid';

/** True where the two types are the same, both ways. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles where `A` is exactly `B`. */
declare function same<A, B>(proof: Same<A, B>): void;

interface DiskQuery {
  disk: number;
}
interface DiskInfo {
  free: bigint;
}
interface Progress {
  bytes: number;
}
interface FileMeta {
  name: string;
}

declare const connection: Connection;
declare const grid: Handles;

export const diskInfo = unary({
  id: 9,
  name: 'diskInfo',
  request: type<DiskQuery>(),
  response: type<DiskInfo>(),
  idempotent: true,
});
const watch = duplex({
  id: 22,
  name: 'watch',
  request: z.object({ since: z.coerce.number().default(0) }),
  output: type<{ at: number }>(),
  outCapacity: 64,
});
const upload = duplex({
  id: 30,
  name: 'upload',
  request: type<FileMeta>(),
  input: raw,
  output: type<Progress>(),
  inCapacity: 16,
});
const ping = unary({ name: 'ping' });
const lines = duplex({ name: 'lines', subroute: 'disk1', output: type<string>() });
export const since = z.object({ since: z.coerce.number<string | number>().default(0) });
const dated = z.object({ at: z.coerce.date() });
const talk = duplex({
  name: 'talk',
  input: dated,
  output: z.string().transform(Number),
  inCapacity: { initial: 16, max: 1024 },
});

export function shapes(): void {
  same<Sent<typeof since>, { since?: string | number | undefined }>(true);
  same<Received<typeof since>, { since: number }>(true);
  same<Sent<Codec<string>>, string>(true);
  same<Received<Codec<string>>, string>(true);
  same<Received<typeof raw>, Uint8Array>(true);
  same<Sent<ReturnType<typeof type<DiskQuery>>>, DiskQuery>(true);
  msgpack<DiskInfo>().decode(new Uint8Array(1)).free.toString();
}

const added = duplex({ name: 'added', output: type<{ at: number; kind: 'add' | 'del' }>() });
const sink = duplex({ name: 'sink', input: type<number>() });
const download = duplex({ name: 'download', output: raw });
const files = duplex({ name: 'files', output: fileItems });
declare const region: FileRegion;

export function calls(): void {
  let last = 0;
  const info: Observable<DiskInfo> = connection.request(diskInfo, { disk: 1 }, { timeout: 500 });
  const maybe: { deadline?: Date; parent?: Call<unknown>; meta?: Record<string, string> } = {};
  const { deadline, parent, meta } = maybe;
  use(connection.request(diskInfo, { disk: 1 }, { timeout: undefined, deadline, parent, meta, signal: undefined }));
  const late = { deadline: new Date(), signal: new AbortController().signal, waitForConnect: 5_000 };
  const nothing: Observable<void> = connection.request(ping, undefined, late);
  connection.request(diskInfo, () => ({ disk: 1 }), { waitForConnect: false });
  const events: Observable<{ at: number }> = connection
    .stream(watch, () => ({ since: last }))
    .pipe(
      retry(3),
      filter((event) => event.at > 0),
      consume(async (event) => Promise.resolve(event), { concurrency: 4 }),
    );
  const counts: Observable<number> = connection
    .exchange(upload, { name: 'x' }, () =>
      (async function* () {
        yield new Uint8Array(1);
        await Promise.resolve();
      })(),
    )
    .pipe(
      retry(2),
      map((progress) => progress.bytes),
    );
  connection.exchange(upload, { name: 'x' }, of(new Uint8Array(1)));
  connection.exchange(upload, () => ({ name: 'x' }), [new Uint8Array(1)]);
  const items: CallObservable<number> = connection.exchange(talk, undefined, [{ at: '2026-01-01' }]);
  const deliveries: Observable<Delivery<number>> = items.deliveries;
  const open: DuplexStream<Uint8Array, Progress> = connection.open(upload, { name: 'x' });
  open.next(new Uint8Array(1));
  of(new Uint8Array(1)).subscribe(open);
  const credit: [number, Observable<number>, Promise<void>, boolean] = [
    open.credit,
    open.credit$,
    open.ended,
    open.closed,
  ];
  const loop = async (): Promise<void> => {
    for await (const progress of open) last += progress.bytes;
    for await (const event of connection.stream(watch, {})) last = event.at;
  };
  const none: Observable<void> = connection.request(ping);
  const letters: CallObservable<string> = connection.stream(lines);
  const opened: DuplexStream<number, never> = connection.open(sink);
  const sent: CallObservable<never> = connection.exchange(sink, undefined, [1]);
  use(none, letters, opened, sent);
  use(info, nothing, events, counts, deliveries, credit, loop);
}

export function handlers(): void {
  grid.handle(diskInfo, (query, call) => ({ free: BigInt(query.disk + call.caller.length) }));
  grid.handle(diskInfo, async (query) => Promise.resolve({ free: BigInt(query.disk) }));
  grid.handle(diskInfo, (query, call) => call.connection('http://b').request(diskInfo, query));
  grid.handle(ping, () => undefined);
  grid.handle(watch, function* (query) {
    const since: number = query.since;
    yield { at: since };
  });
  grid.handle(watch, async () => Promise.resolve(of({ at: 1 })));
  grid.handle(upload, async function* (meta, call) {
    const name: string = meta.name;
    for await (const chunk of call.input) yield { bytes: chunk.byteLength + name.length };
  });
  grid.handle(talk, (_, call) => {
    call.input.subscribe(({ at }) => at.getTime());
    const { signal, deadline, subroute } = call;
    const times: [AbortSignal, Date | undefined, string | undefined] = [signal, deadline, subroute];
    use(times);
    return ['1', '2'];
  });
  grid.handle(lines, () => ['a', 'b']);
  grid.handle(added, function* () {
    yield { at: 1, kind: 'add' };
  });
  grid.handle(added, async function* () {
    await Promise.resolve();
    yield { at: 1, kind: 'del' };
  });
  grid.handle(added, () => interval(1).pipe(map((at) => ({ at, kind: 'add' }))));
  grid.handle(sink, async (_, call) => {
    for await (const item of call.input) use(item);
  });
  grid.handle(sink, (_, call) => {
    call.input.subscribe();
  });
  grid.handle(sink, (_, call) => call.input.pipe(ignoreElements()));
  grid.handle(download, () => region);
  grid.handle(download, function* () {
    yield new Uint8Array(1);
    yield region;
  });
  grid.handle(files, async () => Promise.resolve(region));
  grid.handleRaw({ id: 40, kind: 'unary', handle: (payload) => payload });
  grid.handleRaw({ id: 40, kind: 'unary', handle: () => null });
  grid.handleRaw({
    id: 41,
    kind: 'duplex',
    inCapacity: { initial: 16, max: 1024 },
    handle: (_, call) => call.input,
  });
  connect('wss://host1.example', {
    token: async () => Promise.resolve('x'),
    handlers: [bind(diskInfo, (query) => ({ free: BigInt(query.disk) })), bind(lines, () => ['a'])],
  });
}

const SoldOut = defineError('sold-out', { data: type<{ left: number }>() });
const Gone = defineError('gone');
const reserve = unary({ request: type<DiskQuery>(), response: type<DiskInfo>(), errors: [SoldOut, Gone] });
const stock = group('stock', {
  reserve,
  ping: unary({}),
  follow: duplex({ request: since, output: type<number>() }),
  fill: duplex({ request: type<FileMeta>(), input: raw, output: type<Progress>(), inCapacity: 16 }),
});
type Stock = (typeof stock)['routes'];

export function groups(): void {
  const api = connection.api(stock);
  same<keyof typeof api, 'reserve' | 'ping' | 'follow' | 'fill'>(true);
  same<ReturnType<typeof api.reserve>, Observable<DiskInfo>>(true);
  same<ReturnType<typeof api.ping>, Observable<void>>(true);
  same<ReturnType<typeof api.follow>, CallObservable<number>>(true);
  same<ReturnType<typeof api.fill>, CallObservable<Progress>>(true);
  use(
    api.ping(),
    api.ping(undefined, { timeout: 500 }),
    api.reserve(() => ({ disk: 1 }), { meta: { tenant: 'a' } }),
  );
  use(api.follow({ since: '5' }), api.fill({ name: 'x' }, [new Uint8Array(1)], { timeout: 500 }));
  const disk: Group<Stock> = at(stock, 'disk1');
  const remote = connection.at(stock, 'disk1');
  same<typeof remote, typeof api>(true);
  use(remote);
  const info: Observable<DiskInfo> = connection.at(diskInfo, 'disk1')({ disk: 1 });
  const handlers = {
    reserve: (query: DiskQuery) => ({ free: BigInt(query.disk) }),
    ping: () => undefined,
    follow: () => [1],
    fill: () => [{ bytes: 1 }],
  };
  grid.handleAll(stock, handlers).replace(handlers);
  use(info, bindAll(disk, handlers));
  class Stocks implements HandlersOf<typeof stock.routes> {
    shelf = 1n;
    reserve = (query: DiskQuery) => ({ free: BigInt(query.disk) * this.shelf });
    ping(): void {
      this.shelf++;
    }
    follow = () => [1];
    fill = () => [{ bytes: 1 }];
  }
  grid.handleAll(stock, new Stocks());
}

export function errors(): void {
  same<ErrorsOf<typeof reserve>, DeclaredError<'sold-out', { left: number }> | DeclaredError<'gone', void>>(true);
  same<ErrorsOf<Stock['reserve']>, ErrorsOf<typeof reserve>>(true);
  same<ErrorsOf<typeof ping>, never>(true);
  const caught: unknown = undefined;
  if (caught instanceof SoldOut) same<typeof caught.data, { left: number }>(true);
  if (caught instanceof SoldOut) same<typeof caught.code, 'sold-out'>(true);
  if (caught instanceof InvalidArgumentError) use(caught.data.issues[0]?.path);
  use(new SoldOut('x', { left: 1 }, { cause: caught }), new Gone('x'));
}

export function refusalsOfGroups(): void {
  const api = connection.api(stock);
  // @ts-expect-error a route with a request needs its value
  api.reserve();
  // @ts-expect-error wrong request
  api.reserve({ disc: 1 });
  // @ts-expect-error a route with an input needs it
  api.fill({ name: 'x' });
  // @ts-expect-error no route of the group
  use(api.remove);
  // @ts-expect-error a handler is missing
  grid.handleAll(group('one', { ping: unary({}) }), {});
  // @ts-expect-error wrong response
  grid.handleAll(group('one', { diskInfo }), { diskInfo: () => ({ free: 1 }) });
  // @ts-expect-error a handler for no route
  grid.handleAll(group('one', { diskInfo }), { diskInfo: () => ({ free: 1n }), more: () => 1 });
  // @ts-expect-error a group holds routes
  group('none', { one: 1 });
  // @ts-expect-error an error with data needs it
  new SoldOut('x');
  // @ts-expect-error wrong data
  new SoldOut('x', { left: 'none' });
  // @ts-expect-error an error without data has none
  new Gone('x', { left: 1 });
  // @ts-expect-error a route names classes of declared errors
  unary({ name: 'x', errors: [TypeError] });
}

export function refusals(): void {
  // @ts-expect-error a string is not a stream of its letters
  grid.handle(lines, () => 'abc');
  // @ts-expect-error nor in a Promise
  grid.handle(lines, async () => Promise.resolve('abc'));
  // @ts-expect-error a file region is not just any value
  grid.handle(download, () => 5);
  // @ts-expect-error nor is a text one
  grid.handle(download, () => 'text');
  // @ts-expect-error nor is an object
  grid.handle(download, () => ({ any: 1 }));
  // @ts-expect-error nor is a Date in a Promise
  grid.handle(download, async () => Promise.resolve(new Date()));
  // @ts-expect-error items of raw bytes are bytes
  grid.handle(download, () => of('a', 5));
  // @ts-expect-error items of files are no numbers
  grid.handle(files, () => 5);
  // @ts-expect-error raw handlers as well
  grid.handleRaw({ id: 40, kind: 'duplex', handle: () => 'x' });
  // @ts-expect-error a string is no input letter by letter
  connection.exchange(duplex({ name: 't', input: type<string>() }), undefined, 'letters');
  // @ts-expect-error bytes are no input byte by byte
  connection.exchange(upload, { name: 'x' }, new Uint8Array(5));
  // @ts-expect-error a route with a request needs its value
  connection.request(diskInfo);
  // @ts-expect-error also where it opens a stream
  connection.open(upload);
  // @ts-expect-error a literal that its type has not
  grid.handle(added, () => [{ at: 1, kind: 'move' }]);
  // @ts-expect-error a route with an output needs one
  grid.handle(added, async () => Promise.resolve());
  // @ts-expect-error a route without an output sends nothing
  grid.handle(sink, (_, call) => call.input);
  // @ts-expect-error a route without input has nothing to open
  connection.open(watch, {});
  // @ts-expect-error exchange needs a route with input
  connection.exchange(watch, {}, of(1));
  // @ts-expect-error stream of a route with input
  connection.stream(upload, { name: 'x' });
  // @ts-expect-error a request is no stream
  connection.request(watch, {});
  // @ts-expect-error a stream is no request
  connection.stream(diskInfo, { disk: 1 });
  // @ts-expect-error wrong request
  connection.request(diskInfo, { disc: 1 });
  // @ts-expect-error wrong request from a function
  connection.request(diskInfo, () => ({ disk: 'one' }));
  // @ts-expect-error wrong input
  connection.exchange(upload, { name: 'x' }, of('text'));
  // @ts-expect-error an async iterable can be read once: a function gives a new one for each subscription
  connection.exchange(upload, { name: 'x' }, asyncItems());
  // @ts-expect-error wrong item
  connection.open(upload, { name: 'x' }).next('text');
  // @ts-expect-error the output of a schema is not its input
  connection.exchange(talk, undefined, [{ at: {} }, 5]);
  // @ts-expect-error wrong response
  grid.handle(diskInfo, () => ({ free: 1 }));
  // @ts-expect-error wrong response in a Promise
  grid.handle(diskInfo, async () => Promise.resolve({ free: 1 }));
  // @ts-expect-error wrong output
  grid.handle(watch, () => [{ at: 'now' }]);
  // @ts-expect-error the receiver gets the output of the schema, here a number
  grid.handle(watch, (query) => [{ at: query.since.length }]);
  // @ts-expect-error a unary call has no input to read
  grid.handle(diskInfo, (_, call) => call.input.pipe(map((item) => ({ free: item.size }))));
  // @ts-expect-error a capacity without input
  duplex({ name: 'w', output: type<number>(), inCapacity: 4 });
  // @ts-expect-error a raw unary handler gives bytes
  grid.handleRaw({ id: 40, kind: 'unary', handle: () => 'text' });
  // @ts-expect-error a raw handler has an id
  grid.handleRaw({ kind: 'unary', handle: (payload) => payload });
  // @ts-expect-error a leaf proves who it is
  connect('wss://host1.example', {});
  // @ts-expect-error handlers are bound to routes
  connect('wss://host1.example', { token: 'x', handlers: [() => 1] });
  // @ts-expect-error as with handle
  bind(diskInfo, () => ({ free: 1 }));
  // @ts-expect-error a timeout is a number
  connection.request(ping, undefined, { timeout: '5s' });
}

declare function use(...values: unknown[]): void;
declare function asyncItems(): AsyncGenerator<Uint8Array, void, void>;
