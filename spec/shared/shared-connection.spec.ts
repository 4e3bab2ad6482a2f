import { afterEach, describe, expect, it } from '@jest/globals';
import { filter, firstValueFrom, lastValueFrom, map, NEVER, Subject, take, toArray } from 'rxjs';
import { duplex, unary } from '../../lib/contract/contract.js';
import { defineError } from '../../lib/contract/define-error.js';
import { bind } from '../../lib/handlers/bound.js';
import { raw, type } from '../../lib/codec/codec.js';
import { consume } from '../../lib/operators/consume.js';
import { retryOnDisconnect } from '../../lib/operators/retry-on-disconnect.js';
import type { LeafOptions } from '../../lib/endpoint/leaves/leaves.js';
import type { LeafConnection } from '../../lib/endpoint/leaves/leaf.js';
import type { Manager } from '../../lib/node/server/manager.js';
import {
  connectShared,
  shareConnection,
  type ConnectSharedOptions,
  type SharedConnection,
  type ShareOptions,
} from '../../lib/shared/index.js';
import { freePort, quick, RealGrid, until } from '../support/real-grid.js';

/*
 * A worker and its pages in one process: each page has a port to the worker, as a SharedWorker gives it. In browsers:
 * spec/browser/shared.spec.ts.
 */

const grid = new RealGrid();
afterEach(() => grid.close());

const SoldOut = defineError('sold-out', { data: type<number>() });
const whoAmI = unary({ name: 'who-am-i', response: type<string>() });
const buy = unary({ name: 'buy', request: type<string>(), errors: [SoldOut] });
const size = unary({ name: 'size', request: raw, response: type<number>() });
const never = unary({ name: 'never' });
const sum = duplex({ name: 'sum', input: type<number>(), output: type<number>() });
const endless = duplex({ name: 'endless', output: type<number>(), outCapacity: 8 });
const greet = unary({ name: 'greet', response: type<string>() });

interface Host {
  readonly manager: Manager;
  readonly cancelled: Subject<void>;
  made: number;
}

async function host(options: Partial<LeafOptions> = {}, port?: number): Promise<Host> {
  const local = `http://127.0.0.1:${port ?? (await freePort())}`;
  const manager = grid.manager(local, [], {
    leaves: { authenticate: (token) => token, ...options },
    relay: { authorize: () => true },
  });
  const made = { manager, cancelled: new Subject<void>(), made: 0 };
  manager.handle(whoAmI, (_, call) => call.caller);
  manager.handle(buy, (what) => {
    if (what === 'bread') throw new SoldOut('no bread', 7);
    throw new Error('a secret of the host');
  });
  manager.handle(size, ({ length }) => length);
  manager.handle(never, (_, { signal }) => {
    signal.addEventListener('abort', () => {
      made.cancelled.next();
    });
    return NEVER;
  });
  manager.handle(sum, async function* (_, { input }) {
    let total = 0;
    for await (const item of input) yield (total += item);
  });
  manager.handle(endless, function* () {
    for (;;) yield ++made.made;
  });
  await manager.listen({ address: '127.0.0.1' });
  return made;
}

function share(url: string, options: ShareOptions = { token: 'ann' }): SharedConnection {
  const shared = shareConnection(url, { ...options, limits: { ...quick, ...options.limits } });
  grid.closeLater(() => {
    shared.close();
  });
  return shared;
}

/** A page: its connection, and its end of the port. */
function page(
  shared: SharedConnection,
  options: ConnectSharedOptions = {},
): { leaf: LeafConnection; ports: MessagePort[] } {
  const ports: MessagePort[] = [];
  const open = (): { port: MessagePort } => {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1);
    shared.accept(port2);
    return { port: port1 };
  };
  const leaf = connectShared(open, { ...options, limits: { ...quick, ...options.limits } });
  grid.closeLater(() => {
    leaf.close();
  });
  return { leaf, ports };
}

const pages = (shared: SharedConnection, count: number): Promise<number> =>
  firstValueFrom(shared.pages$.pipe(filter((each) => each === count)));
const leavesOf = ({ manager }: Host, count: number): Promise<unknown> =>
  firstValueFrom(manager.leaves$.pipe(filter(({ leaves }) => leaves.length === count)));
const failure = (call: Promise<unknown>): Promise<Record<string, unknown>> =>
  call.then(
    () => ({ none: true }),
    (error: unknown) => error as Record<string, unknown>,
  );

describe('pages that share a connection', () => {
  it('are one leaf of the host, which leaves when the last of them does', async () => {
    const one = await host();
    const shared = share(one.manager.local);
    const [first, second] = [page(shared), page(shared)];
    expect(await firstValueFrom(first.leaf.request(whoAmI))).toBe('ann');
    expect(await firstValueFrom(second.leaf.request(whoAmI))).toBe('ann');
    await leavesOf(one, 1);
    first.leaf.close();
    await pages(shared, 1);
    expect(await firstValueFrom(second.leaf.request(whoAmI))).toBe('ann');
    second.leaf.close();
    await pages(shared, 0);
    await leavesOf(one, 0);
    const third = page(shared);
    expect(await firstValueFrom(third.leaf.request(whoAmI))).toBe('ann');
  });

  it('call, stream and cancel; payloads and errors are passed on', async () => {
    const one = await host();
    const { leaf } = page(share(one.manager.local));
    expect(await firstValueFrom(leaf.request(size, new Uint8Array(300_001)))).toBe(300_001);
    expect(await lastValueFrom(leaf.exchange(sum, undefined, [1, 2, 3]).pipe(toArray()))).toStrictEqual([1, 3, 6]);
    const soldOut = await failure(firstValueFrom(leaf.request(buy, 'bread')));
    expect(soldOut).toBeInstanceOf(SoldOut);
    expect(soldOut.data).toBe(7);
    expect((await failure(firstValueFrom(leaf.request(buy, 'x')))).message).toMatch(/has reported why/);
    expect((await failure(firstValueFrom(leaf.request(never, undefined, { timeout: 20 })))).code).toBe(
      'deadline-exceeded',
    );
    const cancelled = firstValueFrom(one.cancelled);
    const call = leaf.request(never).subscribe();
    await firstValueFrom(leaf.request(whoAmI));
    call.unsubscribe();
    await cancelled;
    expect(await firstValueFrom(leaf.via(one.manager.local).request(size, new Uint8Array(2)))).toBe(2);
  });

  it('have backpressure from end to end: a slow page holds the host back', async () => {
    const one = await host();
    const { leaf } = page(share(one.manager.local));
    let taken = 0;
    let ahead = 0;
    const slow = leaf.stream(endless).pipe(
      consume(
        () =>
          leaf.request(whoAmI).pipe(
            map(() => {
              ahead = Math.max(ahead, one.made - ++taken);
            }),
          ),
        { concurrency: 1 },
      ),
      take(60),
    );
    await lastValueFrom(slow);
    // The window of 8 of each of the two links, and what the generator and the relay have in hand.
    expect(ahead).toBeLessThanOrEqual(20);
  });

  it('see the state of the shared connection, and wait for it as a leaf does', async () => {
    const port = await freePort();
    const one = await host({}, port);
    const { leaf } = page(share(one.manager.local));
    await until(leaf, 'connected');
    expect((await firstValueFrom(leaf.state$)).host).toMatch(new RegExp(`:${port}`));
    const open = failure(firstValueFrom(leaf.request(never)));
    await firstValueFrom(leaf.request(whoAmI));
    const again = lastValueFrom(
      leaf.stream(endless).pipe(
        filter((item) => item > 1_000),
        take(1),
        retryOnDisconnect({ idempotent: true }),
      ),
    );
    await one.manager.close();
    const { name, sent } = await open;
    expect([name, sent]).toStrictEqual(['DisconnectedError', true]);
    await until(leaf, 'back-off');
    expect((await failure(firstValueFrom(leaf.request(whoAmI)))).name).toBe('DisconnectedError');
    const waiting = firstValueFrom(leaf.request(whoAmI, undefined, { waitForConnect: true }));
    await host({}, port);
    expect(await waiting).toBe('ann');
    expect(await again).toBe(1_001);
    expect((await until(leaf, 'connected')).connects).toBe(2);
  });

  it('drain with the host: new calls are refused, and the others end', async () => {
    const one = await host();
    const { leaf } = page(share(one.manager.local));
    const inputs = new Subject<number>();
    const running = lastValueFrom(leaf.exchange(sum, undefined, inputs));
    await firstValueFrom(leaf.request(whoAmI));
    const drained = one.manager.drain();
    await until(leaf, 'draining');
    const refused = await failure(firstValueFrom(leaf.request(whoAmI)));
    expect([refused.name, refused.sent]).toStrictEqual(['DrainingError', false]);
    inputs.next(4);
    inputs.complete();
    expect(await running).toBe(4);
    expect(await drained).toMatchObject({ interrupted: 0 });
    await until(leaf, 'back-off');
  });

  it('provide tokens, the newest page first; a refusal is reported to all of them', async () => {
    const one = await host({
      authenticate: (token) => {
        if (token !== 'good') throw new Error('unknown token');
        return 'ann';
      },
    });
    const shared = share(one.manager.local, {});
    const asked: (string | undefined)[] = [];
    const first = page(shared, { token: 'bad' });
    const refused = await until(first.leaf, 'refused');
    expect(refused.error).toMatchObject({ code: 'unauthenticated' });
    const second = page(shared, {
      getToken: (request) => {
        asked.push(request.refused);
        return 'good';
      },
    });
    await until(second.leaf, 'refused');
    second.leaf.reconnect();
    await until(first.leaf, 'connected');
    expect(await firstValueFrom(first.leaf.request(whoAmI))).toBe('ann');
    expect(asked).toStrictEqual(['the token is not accepted']);
  });

  it('leave the connection without a token where none provides one', async () => {
    const one = await host();
    const { leaf } = page(share(one.manager.local, {}));
    expect((await until(leaf, 'back-off')).error?.message).toMatch(/connectShared\(\) getToken/);
  });

  it('count as away while silent, at no cost to the host, and return when they resume', async () => {
    const one = await host();
    const shared = share(one.manager.local, { token: 'ann', limits: { connectionPingInterval: 40 } });
    const { port1, port2 } = new MessageChannel();
    shared.accept(port2);
    const here = { rxgrid: 'here', extensions: {}, givesTokens: false };
    const states: string[] = [];
    const linked = new Subject<void>();
    port1.addEventListener('message', ({ data }) => {
      const { rxgrid, state, link } = data as { rxgrid: string; state?: { status: string }; link?: object };
      if (state !== undefined) states.push(state.status);
      if (link !== undefined) linked.next();
      if (rxgrid === 'other') throw new Error('unknown');
    });
    port1.start();
    const came = firstValueFrom(linked);
    port1.postMessage(here);
    await came;
    // It does not answer the pings.
    await pages(shared, 0);
    await leavesOf(one, 0);
    const again = firstValueFrom(linked);
    port1.postMessage({ rxgrid: 'pong' });
    await again;
    await pages(shared, 1);
    port1.close();
    await pages(shared, 0);
    expect(states).toContain('connected');
  });

  it('restart a worker that has ended', async () => {
    const one = await host();
    const first = share(one.manager.local);
    const second = share(one.manager.local);
    let worker = first;
    const ports: MessagePort[] = [];
    const leaf = connectShared(
      () => {
        const { port1, port2 } = new MessageChannel();
        ports.push(port2);
        worker.accept(port2);
        return port1;
      },
      { limits: quick },
    );
    grid.closeLater(() => {
      leaf.close();
    });
    await until(leaf, 'connected');
    worker = second;
    // What a page sees when the process of the worker is gone.
    ports[0]!.close();
    await pages(second, 1);
    expect(await firstValueFrom(leaf.request(whoAmI, undefined, { waitForConnect: true }))).toBe('ann');
  });

  it('retry a worker that cannot be opened, and the state says why', async () => {
    const one = await host();
    const shared = share(one.manager.local);
    let works = false;
    const leaf = connectShared(
      () => {
        if (!works) throw new Error('no such script');
        const { port1, port2 } = new MessageChannel();
        shared.accept(port2);
        return port1;
      },
      { limits: quick },
    );
    grid.closeLater(() => {
      leaf.close();
    });
    const { error, nextAttempt } = await until(leaf, 'back-off');
    expect(error?.message).toMatch(/no such script/);
    expect(nextAttempt).toBeDefined();
    works = true;
    await until(leaf, 'connected');
  });

  it('let a host call the handlers of the worker', async () => {
    const one = await host();
    const { leaf } = page(share(one.manager.local, { token: 'ann', handlers: [bind(greet, () => 'hello')] }));
    await until(leaf, 'connected');
    expect(await firstValueFrom(one.manager.connection('ann').request(greet))).toBe('hello');
  });

  it('are disconnected for good by the close of the worker', async () => {
    const one = await host();
    const shared = share(one.manager.local);
    const { leaf } = page(shared);
    await until(leaf, 'connected');
    const closed = until(leaf, 'closed');
    shared.close();
    await closed;
    await leavesOf(one, 0);
  });

  it('refuse invalid options', () => {
    expect(() => shareConnection('ws://a', { token: 'x', getToken: () => 'y' })).toThrow(/not both/);
    expect(() => shareConnection([])).toThrow(/empty list/);
    expect(() => connectShared(undefined as never)).toThrow(/opens the shared worker/);
    expect(() => connectShared(() => new MessageChannel().port1, { handlers: [] } as never)).toThrow(/handlers/);
  });
});
