import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { interval, map } from 'rxjs';
import type { Browser, Page } from 'playwright-core';
import { z } from 'zod';
import { UnauthenticatedError } from '../../lib/contract/define-error.js';
import { duplex, unary } from '../../lib/contract/contract.js';
import { serveMonitor } from '../../lib/monitor/index.js';
import type { PageFiles } from '../../lib/node/dashboard/page-files.js';
import { serveDashboardFrom } from '../../lib/node/dashboard/serve-dashboard.js';
import type { Manager, ManagerOptions } from '../../lib/node/server/manager.js';
import { launchChromium, noBrowser } from '../support/browser/browser-page.js';
import { builtPage, complaintsOf } from '../support/browser/dashboard-page.js';
import { FakeMesh, type FakeMeshOptions } from '../support/browser/fake-mesh.js';
import { freePort, RealGrid } from '../support/real-grid.js';

/*
 * The dashboard in a real browser: with real hosts, and with a mesh of hosts that are made up.
 */

const grid = new RealGrid();
let files: PageFiles;
let browser: Browser;
const complaints: string[] = [];

async function host(options: Partial<ManagerOptions> = {}): Promise<Manager> {
  const local = `http://127.0.0.1:${await freePort()}`;
  const manager = grid.manager(local, [], { leaves: { authenticate: () => 'operator' }, ...options });
  serveDashboardFrom(manager, { title: 'test' }, () => files);
  await manager.listen({ address: '127.0.0.1' });
  return manager;
}

async function mesh(options: FakeMeshOptions): Promise<{ local: string; mesh: FakeMesh }> {
  const manager = await host();
  return { local: manager.local, mesh: new FakeMesh(manager, options) };
}

interface View {
  readonly at?: string;
  readonly token?: string;
  readonly width?: number;
  readonly scheme?: 'light' | 'dark';
}

async function open(
  local: string,
  { at = '', token = 'any', width = 1280, scheme = 'light' }: View = {},
): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme });
  const page = await context.newPage();
  page.setDefaultTimeout(45_000);
  const said = complaintsOf(page);
  grid.closeLater(async () => {
    // The browser says on its console that a host could not be reached.
    complaints.push(...said.filter((text) => !text.startsWith('WebSocket connection to')));
    await context.close();
  });
  await page.goto(`${local}/dashboard/#${token === '' ? '' : `token=${token}&`}${at}`);
  return page;
}

const title = 'the dashboard in a browser';
if (noBrowser !== undefined) describe.skip(`${title}: ${noBrowser}`, () => it('runs', () => undefined));
else
  describe(title, () => {
    beforeAll(async () => {
      [files, browser] = await Promise.all([builtPage(), launchChromium()]);
    });
    afterAll(() => browser.close());
    afterEach(async () => {
      await grid.close();
      expect(complaints.splice(0)).toStrictEqual([]);
    });

    it('shows three hosts, and a lost one, since when and why', async () => {
      const names = await Promise.all([freePort(), freePort(), freePort()]);
      const hosts = names.map((port) => `http://127.0.0.1:${port}`);
      const managers = hosts.map((local) => {
        const manager = grid.manager(local, hosts, {
          leaves: { authenticate: () => 'operator' },
          relay: { authorize: () => true },
        });
        serveMonitor(manager, { authorize: () => true });
        return manager;
      });
      serveDashboardFrom(managers[0]!, {}, () => files);
      await Promise.all(managers.map((manager) => manager.listen({ address: '127.0.0.1' })));
      const page = await open(hosts[0]!);
      await page.waitForSelector('.summary :text("All 3 hosts up")');
      await page.waitForSelector('footer :text("Figures of 3 of 3 hosts")');
      expect(await page.locator('.link.connected').count()).toBe(3);
      const lost = new URL(hosts[2]!).host;
      await managers[2]!.close();
      const line = page.locator('.summary p', { hasText: lost });
      await line.locator(':text("down")').waitFor();
      await page.waitForSelector('.summary :text("ECONNREFUSED"), .summary .why');
      expect(await line.innerText()).toMatch(/down .* for \d+ s \(since \d\d:\d\d:\d\d\)/);
      await page.waitForSelector('.tile dd:text("2/3")');
      expect(await page.locator('.link.lost').count()).toBe(2);
      expect(await page.title()).toBe('1 down – rxgrid');
    });

    it('calls a route and watches a stream from forms; shows error codes, and JSON without a form', async () => {
      const manager = await host();
      serveMonitor(manager, { authorize: () => true });
      const add = unary({
        name: 'add',
        request: z.object({
          left: z.int(),
          right: z.number(),
          note: z.string().optional(),
          dry: z.boolean().optional(),
          sign: z.enum(['+', '-']),
        }),
        response: z.object({ sum: z.number() }),
      });
      const ticks = duplex({
        name: 'ticks',
        request: z.object({ ms: z.int() }),
        input: z.string(),
        output: z.string(),
      });
      const odd = unary({ name: 'odd', request: z.union([z.string(), z.array(z.int())]), response: z.unknown() });
      manager.handle(add, ({ left, right, sign }) => ({ sum: sign === '+' ? left + right : left - right }));
      manager.handle(ticks, ({ ms }) => interval(ms).pipe(map((each) => `tick <b>${each}`)));
      manager.handle(odd, (value) => ({ got: value }));
      const at = (route: string): string => `#/hosts/${encodeURIComponent(manager.local)}/${route}`;
      const page = await open(manager.local, { at: at('add').slice(1) });
      await page.getByLabel('left*').fill('20');
      await page.getByLabel('right*').fill('22.5');
      await page.getByLabel('sign*').selectOption('-');
      expect(await page.getByLabel('dry').inputValue()).toBe('');
      await page.getByRole('button', { name: 'Call', exact: true }).press('Enter');
      await page.waitForSelector('.outcome pre:text("-2.5")');
      await page.getByLabel('left*').fill('9007199254740993');
      await page.getByRole('button', { name: 'Enter JSON instead' }).click();
      await page.getByLabel('Request, as JSON').fill('{"left": "x"}');
      await page.getByRole('button', { name: 'Call', exact: true }).click();
      await page.waitForSelector('.outcome :text("invalid-argument")');
      await page.getByLabel('Request, as JSON').fill('{"left": ');
      await page.getByRole('button', { name: 'Call', exact: true }).click();
      await page.waitForSelector('.outcome :text("Not sent")');

      await page.evaluate(`location.hash = ${JSON.stringify(at('ticks'))}`);
      await page.getByLabel('ms*').fill('20');
      await page.getByRole('button', { name: 'Start', exact: true }).click();
      await page.waitForSelector('.items :text("tick <b>3")');
      expect(await page.locator('.marbles .item').count()).toBeGreaterThan(0);
      await page.getByLabel('Item, as JSON').fill('"hello"');
      await page.getByRole('button', { name: 'Send item' }).click();
      await page.waitForSelector('.marbles .sent');
      await page.getByRole('button', { name: 'Cancel', exact: true }).click();
      await page.waitForSelector('button:text("Cancel"):disabled');

      await page.evaluate(`location.hash = ${JSON.stringify(at('odd'))}`);
      await page.waitForSelector(':text("No form can be made of its schema.")');
      await page.getByLabel('Request, as JSON').fill('[1, 2]');
      await page.getByRole('button', { name: 'Call', exact: true }).click();
      await page.waitForSelector('.outcome pre:text("got")');
    });

    it('sorts, filters and pauses', async () => {
      const { local } = await mesh({ hosts: 3, eventsPerSecond: 20 });
      const page = await open(local, { at: '/routes' });
      const first = page.locator('tbody tr:first-child td:first-child');
      await page.getByRole('button', { name: 'Route', exact: true }).click();
      await page.waitForSelector('th[aria-sort=ascending] :text("Route")');
      expect(await first.innerText()).toBe('get');
      await page.getByRole('button', { name: 'Route', exact: true }).click();
      await page.waitForSelector('th[aria-sort=descending] :text("Route")');
      expect(await first.innerText()).toBe('watch');
      await page.getByLabel('Filter routes').fill('stat');
      await page.waitForSelector('.filter :text("3 of 18")');
      await page.getByLabel('Filter routes').fill('no such route');
      await page.waitForSelector('.empty:text("Nothing matches")');
      await page.getByLabel('Filter routes').fill('');
      await page.getByRole('button', { name: 'Pause' }).click();
      const figures = (): Promise<string> => page.locator('main').innerText();
      const before = await figures();
      await page.waitForSelector('.notice:text-matches("Paused. [1-9][0-9]* events? came")');
      expect(await figures()).toBe(before);
      await page.getByRole('button', { name: 'Resume' }).click();
      await page.waitForFunction((text) => document.querySelector('main')!.innerText !== text, before);
    });

    it('can be used without a pointer', async () => {
      const { local } = await mesh({ hosts: 14 });
      const page = await open(local);
      await page.waitForSelector('.matrix');
      const focused = (): Promise<string> =>
        page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()");
      const reached = new Set<string>();
      for (let presses = 0; presses < 40; presses++) {
        await page.keyboard.press('Tab');
        reached.add(await focused());
      }
      for (const each of [
        'Skip to the content',
        'Overview',
        'Events',
        'Pause',
        'Auto',
        'All events',
        'Filter hosts',
        'Status',
      ]) {
        expect(reached).toContain(each);
      }
      await page.locator('.matrix').focus();
      await page.keyboard.press('ArrowRight');
      await page.waitForSelector('#matrix-cell:text("connected, round trip")');
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => location.hash.startsWith('#/hosts/'));
      await page.keyboard.press('2');
      await page.waitForSelector('nav a[aria-current]:text("Routes")');
      await page.keyboard.press('/');
      expect(await focused()).toBe('Filter routes');
      // What is typed into a field is no key of the page.
      await page.keyboard.type('p3');
      expect(await page.locator('.pause').getAttribute('aria-pressed')).toBe('false');
      await page.keyboard.press('Escape');
      await page.keyboard.press('p');
      await page.waitForSelector('.pause[aria-pressed=true]');
      await page.keyboard.press('t');
      await page.waitForSelector('html[data-theme=light]');
    });

    it.each(['light', 'dark'] as const)(
      'axe finds no serious issue: %s',
      async (scheme) => {
        const { local, mesh: fake } = await mesh({ hosts: 3 });
        fake.kill(2, 5_000);
        const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
        const name = encodeURIComponent(local);
        const page = await open(local, { scheme });
        await page.waitForSelector('.summary .badge.down');
        for (const at of [
          'overview',
          'routes',
          'streams',
          'transfers',
          'leaves',
          'events',
          `hosts/${name}`,
          `hosts/${name}/get`,
        ]) {
          await page.evaluate(`location.hash = '#/${at}'`);
          await page.waitForSelector(at.startsWith('hosts') ? '.route-list' : `nav a[aria-current][href='#/${at}']`);
          // The policy of the page forbids other scripts; the tool of the browser does not ask it.
          await page.evaluate(`if (globalThis.axe === undefined) { ${axe} }`);
          const found = await page.evaluate<string[]>(
            `axe.run().then(({ violations }) => violations
            .filter(({ impact }) => impact === 'serious' || impact === 'critical')
            .map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).slice(0, 3).join(' ')))`,
          );
          expect({ at, found }).toStrictEqual({ at, found: [] });
        }
      },
      60_000,
    );

    it('nothing moves while 60 hosts update, and the page does not scroll sideways at any width', async () => {
      const { local } = await mesh({ hosts: 60, eventsPerSecond: 10 });
      for (const width of [360, 1280, 2560]) {
        const page = await open(local, { width });
        await page.waitForSelector('footer :text("Figures of 60 of 60 hosts")');
        await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 60);
        await page.evaluate(`globalThis.shifts = { elements: [], sum: 0 };
          new PerformanceObserver((list) => {
            for (const { value, sources } of list.getEntries()) {
              shifts.sum += value;
              const moved = sources.map(({ node }) => node).filter((node) => node?.nodeType === Node.ELEMENT_NODE);
              shifts.elements.push(...moved.map(({ outerHTML }) => outerHTML.slice(0, 160)));
            }
          }).observe({ type: 'layout-shift' })`);
        const began = await page.evaluate<number>('performance.now()');
        await page.waitForFunction((since) => performance.now() > since + 3_000, began);
        const { elements, sum } = await page.evaluate<{ elements: string[]; sum: number }>('shifts');
        expect(elements).toStrictEqual([]);
        // A figure at the right of its column begins elsewhere when it has more digits: that, and nothing more.
        expect(sum).toBeLessThan(0.005);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      }
    });

    it('names are rendered as text, whatever they contain', async () => {
      const hostile = [
        '<img src=x onerror=alert(1)>',
        'evil\u202etxt.exe',
        'x'.repeat(1_000),
        '"><script>alert(1)</script>',
      ];
      const { local } = await mesh({
        hosts: 6,
        nameOf: (index) => hostile[index - 1] ?? 'http://plain',
        routes: hostile,
        kept: hostile.map((name) => ({ type: name, route: name, caller: name, error: { message: name } })),
        describe: (name) => ({
          request: {
            codec: 'msgpack',
            schema: {
              type: 'object',
              properties: { [name]: { type: 'string' }, constructor: { type: 'integer' } },
              required: [name],
            },
          },
        }),
      });
      for (const width of [360, 1280]) {
        const page = await open(local, { width });
        await page.locator('.node', { hasText: '<img src=x' }).waitFor({ timeout: 5_000 });
        expect(await page.locator('img, script:not([src])').count()).toBe(0);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
        await page.evaluate("location.hash = '#/events'");
        await page.locator('td', { hasText: 'error: <img src=x' }).waitFor();
        expect(await page.locator('img, script:not([src])').count()).toBe(0);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
        await page.evaluate(`location.hash = '#/hosts/' + encodeURIComponent(${JSON.stringify(local)})`);
        await page.locator('.route-list a', { hasText: 'onerror' }).click();
        await page.locator('.field', { hasText: '<img src=x' }).waitFor();
        await page.locator('.field input').first().fill('1');
        await page.getByRole('button', { name: 'Call', exact: true }).click();
        await page.waitForSelector('.outcome .bad');
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      }
    });

    it('a missing, refused or expired token: the page says so, and accepts another', async () => {
      let good = 'right';
      const manager = await host({
        leaves: {
          authenticate: (token) => {
            if (token !== good) throw new UnauthenticatedError('nobody knows this token');
            return { identity: 'operator', expiresAt: Date.now() + 60_000 };
          },
        },
      });
      new FakeMesh(manager, { hosts: 2 });
      const page = await open(manager.local, { token: '' });
      await page.waitForSelector('h1:text("A token is needed")');
      await page.getByLabel('Token').fill('wrong');
      await page.keyboard.press('Enter');
      await page.waitForSelector('h1:text("The token is not accepted")');
      await page.getByLabel('Token').fill('right');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.summary :text("All 2 hosts up")');
      // The tab keeps it, and the address does not have it.
      expect(page.url()).not.toContain('right');
      await page.reload();
      await page.waitForSelector('.summary :text("All 2 hosts up")');
      good = 'another';
      await page.reload();
      await page.waitForSelector('h1:text("The token is not accepted")');
    });

    it('a token that expires while the page is open: the page says so, and continues with another', async () => {
      let good = 'first';
      const manager = await host({
        leaves: {
          authenticate: (token) => {
            if (token !== good) throw new UnauthenticatedError('nobody knows this token');
            return { identity: 'operator', expiresAt: Date.now() + (good === 'first' ? 1_500 : 60_000) };
          },
        },
      });
      new FakeMesh(manager, { hosts: 2 });
      const page = await open(manager.local, { token: 'first' });
      await page.waitForSelector('.summary :text("All 2 hosts up")');
      good = 'second';
      await page.waitForSelector('h1:text("The token is no longer accepted")');
      await page.getByLabel('Token').fill('second');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.summary :text("All 2 hosts up")');
    });

    it('an address with a broken token shows the form for one', async () => {
      const manager = await host({
        leaves: {
          authenticate: () => {
            throw new UnauthenticatedError('nobody knows this token');
          },
        },
      });
      const page = await open(manager.local, { token: '%' });
      await page.waitForSelector('h1:text("The token is not accepted")');
    });

    it('supports a host without a monitor, one that does not relay, and an old one without fields', async () => {
      const silent = await host();
      const page = await open(silent.local);
      await page.waitForSelector('h2:text("This host reports no figures")');
      await page.waitForSelector(':text("serves no monitor to this side")');

      const { local } = await mesh({ hosts: 3, relay: false });
      const alone = await open(local);
      await alone.waitForSelector('.note:text("seen from outside only")');

      const without = {
        info: ['uptime', 'time', 'version'],
        cluster: ['stats', 'dials', 'since'],
        routes: ['durations', 'errors', 'creditStalls'],
      };
      const old = await mesh({ hosts: 3, without });
      const older = await open(old.local);
      await older.waitForSelector('footer :text("Figures of 3 of 3 hosts")');
      expect(await older.locator('main').innerText()).not.toMatch(/NaN|undefined|Invalid|1970/);
    });

    it('10 000 events in a second: the page stays usable, and says how many it omitted', async () => {
      const { local } = await mesh({ hosts: 2, eventsPerSecond: 10_000 });
      const page = await open(local, { at: '/events' });
      await page.waitForSelector('.note:text("more were left out")');
      await page.getByLabel('Filter events').fill('client 7');
      await page.waitForSelector('.filter span:text-matches("^[0-9]+ of [0-9]+")');
      expect(await page.locator('tbody tr').count()).toBeLessThanOrEqual(200);
      await page.keyboard.press('Escape');
      await page.keyboard.press('1');
      await page.waitForSelector('nav a[aria-current]:text("Overview")');
    });

    it('a lost host: its figures are grey and show their age, and the page recovers by itself', async () => {
      const port = await freePort();
      const local = `http://127.0.0.1:${port}`;
      const start = async (): Promise<Manager> => {
        const manager = grid.manager(local, [], { leaves: { authenticate: () => 'operator' } });
        serveDashboardFrom(manager, {}, () => files);
        new FakeMesh(manager, { hosts: 1 });
        await manager.listen({ address: '127.0.0.1' });
        return manager;
      };
      const first = await start();
      const page = await open(local);
      await page.waitForSelector('.summary :text("The host is up")');
      await first.close();
      await page.waitForSelector('main.stale');
      await page.waitForSelector('.summary :text("The host was up")');
      expect(await page.locator('.summary').innerText()).not.toContain('The host is up');
      await page.waitForSelector('.notice :text("The figures are")');
      await start();
      await page
        .getByRole('button', { name: 'Try now' })
        .press('Enter', { timeout: 2_000 })
        .catch(() => undefined);
      await page.waitForSelector('main:not(.stale)');
    });
  });
