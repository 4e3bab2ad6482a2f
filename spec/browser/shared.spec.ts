import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { filter, firstValueFrom } from 'rxjs';
import type { Dialog, Page } from 'playwright-core';
import type { Manager } from '../../lib/node/server/manager.js';
import { BrowserPages, noBrowser, strictPolicy } from '../support/browser/browser-page.js';
import { freePort, RealGrid } from '../support/real-grid.js';
import { count, whoAmI } from './leaf-routes.js';
import type { SharedPage } from './shared-page.js';

/*
 * Pages of a real browser that share the connection of a SharedWorker, and a leaf in a Worker. The pages have a strict
 * Content-Security-Policy.
 */

const grid = new RealGrid();
afterEach(() => grid.close());
let pages: BrowserPages;

function inPage<Name extends keyof SharedPage>(
  page: Page,
  name: Name,
  ...args: Parameters<SharedPage[Name]>
): Promise<Awaited<ReturnType<SharedPage[Name]>>> {
  const call = ([which, given]: [string, unknown[]]): unknown =>
    (globalThis as unknown as { leafPage: Record<string, (...all: unknown[]) => unknown> }).leafPage[which]!(...given);
  return page.evaluate(call as never, [name, args] as never);
}

async function until(page: Page, status: string, connects = 0): Promise<void> {
  const reached = ([wanted, least]: [string, number]): boolean => {
    const state = (globalThis as unknown as { leafPage: SharedPage }).leafPage.state();
    return state.status === wanted && state.connects >= least;
  };
  await page.waitForFunction(reached as never, [status, connects] as never);
}

async function host(port?: number): Promise<Manager> {
  const local = `http://127.0.0.1:${port ?? (await freePort())}`;
  const manager = grid.manager(local, [], { leaves: { authenticate: (token) => token } });
  manager.handle(whoAmI, (_, call) => call.caller);
  manager.handle(count, (to) => Array.from({ length: to }, (_, index) => index));
  await manager.listen({ address: '127.0.0.1' });
  return manager;
}

const leavesOf = (manager: Manager, wanted: number): Promise<unknown> =>
  firstValueFrom(manager.leaves$.pipe(filter(({ leaves }) => leaves.length === wanted)));

/** Two tabs of one browser that use the connection. */
async function twoTabs(manager: Manager, pingInterval?: number): Promise<readonly [Page, Page]> {
  const first = await pages.open();
  const second = await pages.open(first.context());
  for (const page of [first, second]) await inPage(page, 'connect', manager.local, 'ann', pingInterval);
  for (const page of [first, second]) await until(page, 'connected');
  return [first, second];
}

const title = 'pages that share a connection in a browser';
if (noBrowser !== undefined) describe.skip(`${title}: ${noBrowser}`, () => it('runs', () => undefined));
else
  describe(title, () => {
    beforeAll(async () => {
      pages = await BrowserPages.start('shared-page.ts', strictPolicy, ['shared-worker.ts', 'plain-worker.ts']);
    }, 60_000);
    afterAll(async () => {
      expect(pages.complaints).toStrictEqual([]);
      await pages.close();
    });

    it('tabs are one leaf, which leaves the host with the last tab', async () => {
      const manager = await host();
      const [first, second] = await twoTabs(manager);
      await leavesOf(manager, 1);
      expect(await Promise.all([inPage(first, 'ask'), inPage(second, 'count', 2_000)])).toStrictEqual(['ann', 2_000]);
      await first.close();
      expect(await inPage(second, 'ask')).toBe('ann');
      await leavesOf(manager, 1);
      await inPage(second, 'close');
      await leavesOf(manager, 0);
      await second.context().close();
    });

    it('a tab that disappears silently does not block the connection', async () => {
      const manager = await host();
      // The pings would take a minute.
      const [first, second] = await twoTabs(manager, 30_000);
      await inPage(first, 'muteGoodbye');
      await first.close();
      await inPage(second, 'close');
      await leavesOf(manager, 0);
      await second.context().close();
    });

    // The browser freezes no page that playwright shows. An open dialog stops a page as well.
    it('a frozen tab does not block the connection, and has it again when it resumes', async () => {
      const manager = await host();
      const [first, second] = await twoTabs(manager);
      await inPage(second, 'close');
      const stopped = new Promise<Dialog>((resolve) => first.once('dialog', resolve));
      await first.evaluate('void setTimeout(() => alert("stop"))');
      const dialog = await stopped;
      await leavesOf(manager, 0);
      await dialog.dismiss();
      // By then the tab knows that its link was closed: a call made before fails, as one whose connection is lost.
      await leavesOf(manager, 1);
      expect(await inPage(first, 'ask')).toBe('ann');
      await first.context().close();
    });

    it('a host that is killed and restarted: all tabs say so, and reconnect', async () => {
      const port = await freePort();
      const manager = await host(port);
      const tabs = await twoTabs(manager);
      await manager.close();
      for (const tab of tabs) await until(tab, 'back-off');
      await host(port);
      for (const tab of tabs) expect(await inPage(tab, 'ask')).toBe('ann');
      await tabs[0].context().close();
    });

    it('a page that is shown again after another one has its connection again', async () => {
      const manager = await host();
      const page = await pages.open();
      await inPage(page, 'connect', manager.local, 'ann');
      await until(page, 'connected');
      await page.goto(`${pages.origin}/another`);
      await leavesOf(manager, 0);
      await page.goBack();
      // The browser has kept the page, or has loaded it anew.
      const kept = await page.evaluate('globalThis.leafPage?.state() !== undefined');
      if (kept !== true) await inPage(page, 'connect', manager.local, 'ann');
      expect(await inPage(page, 'ask')).toBe('ann');
      await page.context().close();
    });

    it('a leaf connects in a Worker', async () => {
      const manager = await host();
      const page = await pages.open();
      expect(await inPage(page, 'inWorker', manager.local)).toStrictEqual(['ann', 1_000]);
      await page.context().close();
    });
  });
