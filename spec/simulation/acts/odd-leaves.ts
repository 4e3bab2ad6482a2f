import { filter, firstValueFrom, map, Observable, of, race, timer } from 'rxjs';
import {
  connect,
  type ConnectionState,
  type ConnectOptions,
  type LeafConnection,
  type Socket,
} from '../../../lib/index.js';
import { defaultPath } from '../../../lib/endpoint/host-name.js';
import { leafPrefix } from '../reasons.js';
import { sleep } from '../source.js';
import { codeOf, end } from './ended.js';
import { leafToken, refusedToken } from './leaf-stay.js';
import { odd, oddEcho } from './odd-routes.js';
import type { OddContext } from './oddity.js';
import { Page, type PageEvent } from './page.js';

/** Ms in which a leaf is connected, where nothing is in the way. */
const connecting = 3_000;
const nobody = 'ws://nobody';

interface Visit {
  readonly urls?: readonly string[];
  readonly options?: Partial<ConnectOptions>;
}

/** A leaf, by a name of its own, which is closed afterwards. */
async function visit(
  { cluster, clock, to, id, idleLeaves }: OddContext,
  { urls = [`ws://${to}`], options = {} }: Visit,
  stay: (leaf: LeafConnection) => Promise<void>,
): Promise<void> {
  // There it would be disconnected while it waits.
  if (idleLeaves) return;
  const name = `${leafPrefix}${id}`;
  const getToken = (): string => leafToken(name, 0);
  const proof = options.token === undefined ? { getToken } : {};
  const leaf = connect(urls, { runtime: clock, dial: cluster.network.dialer(name), ...proof, ...options } as never);
  try {
    await stay(leaf);
  } finally {
    leaf.close();
  }
}

/** Whether a leaf comes into this state in time. */
function comes(leaf: LeafConnection, status: string, ms = connecting): Promise<boolean> {
  const reached = leaf.state$.pipe(
    filter((state) => state.status === status),
    map(() => true),
  );
  return firstValueFrom(race(reached, timer(ms).pipe(map(() => false))));
}

function stateOf(leaf: LeafConnection): ConnectionState {
  let state: ConnectionState | undefined;
  leaf.state$.subscribe((now) => (state = now)).unsubscribe();
  return state!;
}

/** What leaves see beside their calls: refusals, tokens that do not come, pages, hosts that are none. */
export const leafCalls: Readonly<Record<string, (context: OddContext) => Promise<void>>> = {
  async 'a leaf whose token is refused'(context) {
    const { to, id, expect } = context;
    let token = refusedToken;
    await visit(context, { options: { token: () => token } }, async (leaf) => {
      expect(await comes(leaf, 'refused'), `${to} did not refuse a token: ${stateOf(leaf).status}`);
      const { code } = await end(leaf.request(odd, 'fine', { waitForConnect: true, timeout: 1_000 }));
      expect(code !== 'completed', 'a call of a refused leaf was made');
      token = leafToken(`${leafPrefix}${id}`, 0);
      leaf.reconnect();
      leaf.reconnect();
      expect(await comes(leaf, 'connected'), `a leaf with another token is ${stateOf(leaf).status}`);
      leaf.reconnect();
    });
  },
  async 'a leaf whose token cannot be renewed'(context) {
    const { to, id, expect } = context;
    const token = leafToken(`${leafPrefix}${id}`, 2_500);
    await visit(context, { options: { token } }, async (leaf) => {
      if (!(await comes(leaf, 'connected'))) return;
      expect(await comes(leaf, 'refused', 10_000), `${to} kept a leaf whose token has expired`);
    });
  },
  async 'a leaf whose calls wait when it is closed'(context) {
    const { expect } = context;
    let code: string | undefined;
    await visit(context, { urls: [nobody] }, async (leaf) => {
      leaf
        .request(odd, 'fine', { waitForConnect: true })
        .subscribe({ error: (error: unknown) => (code = codeOf(error)) });
      await sleep(2_500);
    });
    await sleep(10);
    if (context.idleLeaves) return;
    expect(code === 'disconnected', `a call that waits at a close: ${code ?? 'it goes on'}`);
  },
  async 'a leaf with several hosts'(context) {
    const { cluster, to, third, expect } = context;
    const other = third.replace('http:', 'ws:');
    await visit(context, { urls: [nobody, `ws://${to}`, other] }, async (leaf) => {
      expect(await comes(leaf, 'connected'), `a leaf with a second host is ${stateOf(leaf).status}`);
      cluster.network.cable(`${leafPrefix}${context.id}`, to).cut('cut by an unusual leaf');
      await sleep(1);
      expect(await comes(leaf, 'connected', 10_000), `a leaf with a third host is ${stateOf(leaf).status}`);
      const { code } = await end(leaf.request(odd, 'fine', { timeout: 5_000 }));
      expect(code === 'completed', code);
    });
  },
  async 'a leaf without a token'(context) {
    const { expect } = context;
    const tokens: (() => unknown)[] = [
      () => Promise.reject(new Error('no token')),
      () => 5,
      () => 'x'.repeat(100_000),
      () => new Promise(() => undefined),
    ];
    let asked = 0;
    const token = (): unknown =>
      asked < tokens.length ? tokens[asked++]!() : leafToken(`${leafPrefix}${context.id}`, 0);
    await visit(context, { options: { token: token as never } }, async (leaf) => {
      expect(
        await comes(leaf, 'connected', 30_000),
        `after ${asked} tokens that are none, it is ${stateOf(leaf).status}`,
      );
    });
  },
  async 'a leaf at what is no grid'(context) {
    const { cluster, id, expect } = context;
    const host = `nogrid${id}`;
    const answers = [
      (socket: Socket) => {
        socket.outbound.next(Uint8Array.of(0xc1, 1, 2, 3));
      },
      (socket: Socket) => {
        socket.outbound.complete();
      },
      (socket: Socket) => {
        socket.outbound.next(new Uint8Array(200_000));
      },
    ];
    let answered = 0;
    const stop = cluster.network.listen(`http://${host}`, defaultPath, (socket) => {
      socket.inbound.subscribe({ error: () => undefined });
      answers[answered++ % answers.length]!(socket);
    });
    await visit(context, { urls: [`ws://${host}`] }, async (leaf) => {
      expect(!(await comes(leaf, 'connected')), 'it is connected');
      expect(answered >= answers.length, `it tried ${answered} times`);
    });
    stop();
  },
  async 'a leaf whose socket cannot be opened'(context) {
    const dials: (() => Observable<Socket>)[] = [
      () => {
        throw new Error('no socket');
      },
      () => of(undefined as unknown as Socket),
      () => new Observable(),
    ];
    let dialed = 0;
    const dial = context.cluster.network.dialer(`${leafPrefix}${context.id}`);
    const options: Partial<ConnectOptions> = {
      dial: (...request) => dials[dialed++]?.() ?? dial(...request),
    };
    await visit(context, { options }, async (leaf) => {
      context.expect(await comes(leaf, 'connected', 30_000), `after ${dialed} dials it is ${stateOf(leaf).status}`);
    });
  },
  async 'a leaf without handlers that is called'(context) {
    const { cluster, to, id, expect } = context;
    await visit(context, {}, async (leaf) => {
      if (!(await comes(leaf, 'connected'))) return;
      await sleep(200);
      const connection = cluster.host(to).manager.connection(`${leafPrefix}${id}`);
      const unary = await end(connection.request(odd, 'fine', { timeout: 5_000 }));
      expect(unary.code === 'unimplemented', `a call of a leaf without handlers: ${unary.code}`);
      const stream = await end(connection.exchange(oddEcho, undefined, () => [new Uint8Array(3)], { timeout: 5_000 }));
      expect(stream.code === 'unimplemented', `a stream of a leaf without handlers: ${stream.code}`);
    });
  },
  async 'a page that waits for a host'(context) {
    const events: readonly PageEvent[] = ['offline', 'hidden', 'online', 'visible', 'frozen', 'online', 'visible'];
    const page = Page.open();
    const urls = [nobody, `ws://${context.to}`];
    let refuses = true;
    // Each signal may lead to some quick attempts.
    let dials = 0;
    const plain = context.cluster.network.dialer(`${leafPrefix}${context.id}`);
    const options: Partial<ConnectOptions> = {
      dial: (url, ...rest) => plain(refuses ? `ws://nobody${dials++}` : url, ...rest),
    };
    try {
      await visit(context, { urls, options }, async (leaf) => {
        for (const event of events) {
          page.tell(event);
          await sleep(700);
        }
        refuses = false;
        page.tell('offline');
        page.tell('online');
        context.expect(await comes(leaf, 'connected', 10_000), `a page is ${stateOf(leaf).status}`);
        for (const event of events) {
          page.tell(event);
          await sleep(100);
        }
        context.expect(stateOf(leaf).status === 'connected', `a page with signals is ${stateOf(leaf).status}`);
      });
    } finally {
      page.close();
    }
  },
  async 'a page whose host is gone after a sleep'(context) {
    const { cluster, to, id, expect } = context;
    const page = Page.open();
    try {
      await visit(context, {}, async (leaf) => {
        if (!(await comes(leaf, 'connected'))) return;
        const { since } = stateOf(leaf);
        // The page slept; its host has closed the connection meanwhile, and nothing of that arrives.
        cluster.network.cable(`${leafPrefix}${id}`, to).halfOpen();
        page.tell('frozen');
        await sleep(6_000);
        expect(await comes(leaf, 'connected', 10_000), `a page that has slept is ${stateOf(leaf).status}`);
        expect(stateOf(leaf).since !== since, 'a page that has slept has the connection of before');
      });
    } finally {
      page.close();
    }
  },
};
