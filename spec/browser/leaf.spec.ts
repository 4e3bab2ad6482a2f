import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { NEVER } from 'rxjs';
import type { Page } from 'playwright-core';
import type { LeafOptions } from '../../lib/endpoint/leaves/leaves.js';
import type { Manager } from '../../lib/node/server/manager.js';
import { BrowserPages, noBrowser, strictPolicy } from '../support/browser/browser-page.js';
import { freePort, RealGrid } from '../support/real-grid.js';
import type { LeafPage } from './leaf-page.js';
import { count, echo, endless, forget, largeBytes, seen, size, slow, sum, whoAmI } from './leaf-routes.js';

/*
 * A leaf in a real browser, towards hosts in Node: calls and streams inside the page, and the life of the leaf.
 */

const grid = new RealGrid();
afterEach(() => grid.close());
let pages: BrowserPages;

/** Calls a function of the page. */
function inPage<Name extends keyof LeafPage>(
  page: Page,
  name: Name,
  ...args: Parameters<LeafPage[Name]>
): Promise<Awaited<ReturnType<LeafPage[Name]>>> {
  const call = ([which, given]: [string, unknown[]]): unknown =>
    (globalThis as unknown as { leafPage: Record<string, (...all: unknown[]) => unknown> }).leafPage[which]!(...given);
  return page.evaluate(call as never, [name, args] as never);
}

/** Resolves once the state of the leaf in the page has this status. */
async function until(page: Page, status: string, connects = 0): Promise<void> {
  const reached = ([wanted, least]: [string, number]): boolean => {
    const state = (globalThis as unknown as { leafPage: LeafPage }).leafPage.state();
    return state.status === wanted && state.connects >= least;
  };
  await page.waitForFunction(reached as never, [status, connects] as never);
}

async function host(options: Partial<LeafOptions> = {}, port?: number): Promise<Manager> {
  const local = `http://127.0.0.1:${port ?? (await freePort())}`;
  const manager = grid.manager(local, [], { leaves: { authenticate: (token) => token, ...options } });
  let [cancelled, made] = [0, 0];
  manager.handle(whoAmI, (_, call) => call.caller);
  manager.handle(size, ({ length }) => length);
  manager.handle(slow, (_, { signal }) => {
    signal.addEventListener('abort', () => cancelled++);
    return NEVER;
  });
  manager.handle(count, (to) => Array.from({ length: to }, (_, index) => index));
  manager.handle(sum, async function* (_, { input }) {
    let total = 0;
    for await (const item of input) total += item;
    yield total;
  });
  manager.handle(echo, (_, { input }) => input);
  manager.handle(forget, async (_, { input }) => {
    for await (const item of input) expect(item).toBeGreaterThan(0);
  });
  manager.handle(endless, function* () {
    for (;;) yield ++made;
  });
  manager.handle(seen, () => ({ cancelled, made }));
  await manager.listen({ address: '127.0.0.1' });
  return manager;
}

const title = 'a leaf in a browser';
if (noBrowser !== undefined) describe.skip(`${title}: ${noBrowser}`, () => it('runs', () => undefined));
else
  describe(title, () => {
    beforeAll(async () => {
      pages = await BrowserPages.start('leaf-page.ts');
    }, 60_000);
    afterAll(async () => {
      await pages.close();
    });

    it('calls, streams, cancels, and keeps deadlines', async () => {
      const manager = await host();
      const page = await pages.open();
      await inPage(page, 'connect', [manager.local], ['ann']);
      expect(await inPage(page, 'conform')).toStrictEqual({
        unary: 'ann',
        large: largeBytes,
        output: 5_000,
        halfClose: 6,
        both: [7, 8, 9],
        inputOnly: 'completed',
        deadline: 'deadline-exceeded',
        unknown: 'unimplemented',
      });
      // The one that was cancelled, and the one whose deadline passed.
      await page.waitForFunction('globalThis.leafPage.seen().then(({ cancelled }) => cancelled === 2)');
      await page.context().close();
    });

    it('a slow tab never has more than its window buffered', async () => {
      const manager = await host();
      const page = await pages.open();
      await inPage(page, 'connect', [manager.local], ['ann']);
      const ahead = await inPage(page, 'slowConsumer', 20, 40);
      expect(ahead).toBeGreaterThan(0);
      // The window of 8, and the one item that the generator has made beside it.
      expect(ahead).toBeLessThanOrEqual(9);
      await page.context().close();
    });

    it('its host is killed and restarted: the page says so, and reconnects', async () => {
      const port = await freePort();
      const first = await host({}, port);
      const page = await pages.open();
      await inPage(page, 'connect', [first.local], ['ann']);
      await until(page, 'connected');
      await first.close();
      await until(page, 'back-off');
      expect((await inPage(page, 'state')).error).toBeDefined();
      await page.waitForFunction('globalThis.leafPage.state().nextAttempt > Date.now()');
      await host({}, port);
      await until(page, 'connected', 2);
      expect(await inPage(page, 'ask')).toBe('ann');
      await page.context().close();
    });

    it('moves on to the next host', async () => {
      const [first, second] = [await host(), await host({ authenticate: () => 'second' })];
      const page = await pages.open();
      await inPage(page, 'connect', [first.local, second.local], ['ann']);
      await until(page, 'connected');
      await first.close();
      await until(page, 'connected', 2);
      expect(await inPage(page, 'ask')).toBe('second');
      await page.context().close();
    });

    it('offline: it waits for the network, and connects at once when it is back', async () => {
      const port = await freePort();
      const first = await host({}, port);
      const page = await pages.open();
      await inPage(page, 'connect', [first.local], ['ann']);
      await until(page, 'connected');
      await page.context().setOffline(true);
      await first.close();
      await page.waitForFunction("globalThis.leafPage.state().waitsFor === 'online'");
      await host({}, port);
      // Else the next attempt would be 15 s away.
      await page.context().setOffline(false);
      await until(page, 'connected', 2);
      await page.context().close();
    });

    it('a frozen page finds its host gone when it resumes, and connects at once', async () => {
      const port = await freePort();
      const first = await host({}, port);
      const page = await pages.open();
      await inPage(page, 'connect', [first.local], ['ann']);
      await until(page, 'connected');
      const session = await page.context().newCDPSession(page);
      await session.send('Page.setWebLifecycleState', { state: 'frozen' });
      await first.close();
      await host({}, port);
      await session.send('Page.setWebLifecycleState', { state: 'active' });
      await until(page, 'connected', 2);
      expect(await inPage(page, 'ask')).toBe('ann');
      await page.context().close();
    });

    it('a hidden page retries rarely, and at once when it is shown', async () => {
      const port = await freePort();
      const first = await host({}, port);
      const page = await pages.open();
      await inPage(page, 'connect', [first.local], ['ann']);
      await until(page, 'connected');
      await inPage(page, 'pretend', 'hidden');
      await first.close();
      await page.waitForFunction("globalThis.leafPage.state().waitsFor === 'visible'");
      await until(page, 'back-off');
      await host({}, port);
      // Else the next attempt would be 10 s away.
      await inPage(page, 'pretend', 'visible');
      await until(page, 'connected', 2);
      await page.context().close();
    });

    it('a refused token ends in the state refused; the page provides another one', async () => {
      const manager = await host({
        authenticate: (token) => {
          if (token !== 'good') throw new Error('unknown token');
          return 'ann';
        },
      });
      const page = await pages.open();
      await inPage(page, 'connect', [manager.local], ['bad', 'good']);
      await until(page, 'refused');
      const { error, nextAttempt } = await inPage(page, 'state');
      expect([error?.code, nextAttempt]).toStrictEqual(['unauthenticated', undefined]);
      await inPage(page, 'reconnect');
      await until(page, 'connected');
      expect(await inPage(page, 'asked')).toStrictEqual([undefined, 'the token is not accepted']);
      await page.context().close();
    });

    it('an expired token closes the connection with the code unauthenticated, and another one connects', async () => {
      const manager = await host({ authenticate: () => ({ identity: 'ann', expiresAt: Date.now() + 500 }) });
      const page = await pages.open();
      // The shortest time of a renewal is 1 s: this token expires before.
      await inPage(page, 'connect', [manager.local], ['x']);
      await until(page, 'connected', 2);
      const closed = (await inPage(page, 'states')).find(({ error }) => error?.name === 'ClosedError');
      expect(closed?.error).toMatchObject({ code: 'unauthenticated' });
      await page.context().close();
    });

    it('a page of another origin is refused', async () => {
      const manager = await host({ origins: ['https://another.example'] });
      const page = await pages.open();
      await inPage(page, 'connect', [manager.local], ['ann']);
      await until(page, 'refused');
      expect((await inPage(page, 'state')).error).toMatchObject({ code: 'permission-denied' });
      await page.context().close();
    });

    it('a checksum whose file does not load is loaded by a later attempt', async () => {
      const manager = await host();
      const page = await pages.open();
      pages.failing.add('xxh3');
      await inPage(page, 'connect', [manager.local], ['ann']);
      await until(page, 'back-off');
      pages.failing.clear();
      await until(page, 'connected');
      expect((await inPage(page, 'state')).checksum).toBeUndefined();
      expect(await inPage(page, 'ask')).toBe('ann');
      await page.context().close();
    });
  });

if (noBrowser === undefined)
  describe('a page with a strict Content-Security-Policy', () => {
    beforeAll(async () => {
      pages = await BrowserPages.start('leaf-page.ts', strictPolicy);
    }, 60_000);
    afterAll(async () => {
      await pages.close();
    });

    it('has no checksum, says so, and works', async () => {
      const manager = await host();
      const page = await pages.open();
      await inPage(page, 'connect', [manager.local], ['ann']);
      await until(page, 'connected');
      expect((await inPage(page, 'state')).checksum).toBe(false);
      expect(await inPage(page, 'ask')).toBe('ann');
      expect(pages.complaints).toStrictEqual([]);
      await page.context().close();
    });
  });
