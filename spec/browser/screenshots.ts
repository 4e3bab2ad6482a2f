import { afterAll, afterEach, beforeAll, describe, it } from '@jest/globals';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { concat, interval, map, NEVER, of, throwError } from 'rxjs';
import type { Browser, Page } from 'playwright-core';
import { z } from 'zod';
import { duplex, unary } from '../../lib/contract/contract.js';
import { UnauthenticatedError, UnavailableError } from '../../lib/contract/define-error.js';
import { serveMonitor } from '../../lib/monitor/index.js';
import type { PageFiles } from '../../lib/node/dashboard/page-files.js';
import { serveDashboardFrom } from '../../lib/node/dashboard/serve-dashboard.js';
import type { Manager, ManagerOptions } from '../../lib/node/server/manager.js';
import { launchChromium } from '../support/browser/browser-page.js';
import { builtPage } from '../support/browser/dashboard-page.js';
import { FakeMesh, type FakeMeshOptions } from '../support/browser/fake-mesh.js';
import { freePort, RealGrid } from '../support/real-grid.js';

/*
 * Pictures of the dashboard, for people to look at: `npm run screenshots`. Those of the guide go to docs/images, those
 * of all states, in light and dark and for a phone, to the folder `screenshots`, which git ignores.
 */

const project = resolve(__dirname, '../..');
const guide = join(project, 'docs/images');
const states = join(project, 'screenshots');
const grid = new RealGrid();
let files: PageFiles;
let browser: Browser;

interface View {
  readonly at?: string;
  readonly token?: string;
  readonly width: number;
  readonly height?: number;
  readonly scheme: 'light' | 'dark';
}

const views: readonly View[] = [
  { width: 1280, scheme: 'light' },
  { width: 360, height: 740, scheme: 'dark' },
];

async function host(options: Partial<ManagerOptions> = {}, local?: string): Promise<Manager> {
  const name = local ?? `http://127.0.0.1:${await freePort()}`;
  const manager = grid.manager(name, [], { leaves: { authenticate: () => 'operator' }, ...options });
  serveDashboardFrom(manager, { title: 'storage cluster' }, () => files);
  await manager.listen({ address: '127.0.0.1' });
  return manager;
}

async function mesh(options: FakeMeshOptions): Promise<{ local: string; mesh: FakeMesh; manager: Manager }> {
  const manager = await host();
  return { local: manager.local, mesh: new FakeMesh(manager, options), manager };
}

async function open(local: string, { at = '', token = 'any', width, height = 900, scheme }: View): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
  grid.closeLater(() => context.close());
  const page = await context.newPage();
  await page.goto(`${local}/dashboard/#${token === '' ? '' : `token=${token}&`}${at}`);
  return page;
}

/** Takes pictures of one state, in all views. `ready` waits until it is there. */
async function shoot(
  name: string,
  local: string,
  view: Partial<View>,
  ready: (page: Page) => Promise<unknown>,
): Promise<void> {
  for (const each of views) {
    const page = await open(local, { ...each, ...view });
    await ready(page);
    await page.screenshot({ path: join(states, `${name}-${each.width}-${each.scheme}.png`), fullPage: true });
    await page.context().close();
  }
}

/** Waits until so many ms have passed in the page: sparklines need samples. */
async function pass(page: Page, ms: number): Promise<void> {
  const began = await page.evaluate<number>('performance.now()');
  await page.waitForFunction(([since, time]) => performance.now() > since! + time!, [began, ms], { polling: 250 });
}

const up = (count: number) => (page: Page) => page.waitForSelector(`footer :text("of ${count} hosts")`);

/** Routes of all kinds, on a real host. */
function serveRoutes(manager: Manager): void {
  const move = unary({
    name: 'move',
    request: z.object({
      from: z.string().describe('Path of the object'),
      to: z.string().describe('Its new path'),
      mode: z.enum(['keep', 'replace']),
      retries: z.int().min(0).max(9).optional(),
      dryRun: z.boolean().optional(),
      tags: z.array(z.string()).optional(),
      owner: z.object({ name: z.string(), id: z.int() }),
    }),
    response: z.object({ moved: z.boolean(), bytes: z.number() }),
  });
  manager.handle(move, ({ mode }) => {
    if (mode === 'keep')
      throw new UnavailableError(
        'The disk of that path is being checked: try again in a minute, or choose another path.',
      );
    return { moved: true, bytes: 9_007_199 };
  });
  const watch = duplex({
    name: 'watch',
    request: z.object({ prefix: z.string() }),
    input: z.string(),
    output: z.object({ path: z.string(), version: z.number() }),
  });
  manager.handle(watch, ({ prefix }) => {
    const items = interval(150).pipe(map((version) => ({ path: `${prefix}/part.${version % 4}`, version })));
    return prefix === 'gone'
      ? concat(
          of({ path: 'gone', version: 1 }),
          throwError(() => new UnavailableError('The bucket was deleted while it was watched.')),
        )
      : items;
  });
  manager.handle(
    unary({ name: 'raw', request: z.union([z.string(), z.array(z.int())]), response: z.unknown() }),
    (value) => ({ got: value, at: new Date(0), bytes: Uint8Array.of(1, 2, 3), big: 2n ** 60n }),
  );
  manager.handle(unary({ name: 'silent', request: z.object({}), response: z.unknown() }), () => NEVER);
}

beforeAll(async () => {
  mkdirSync(states, { recursive: true });
  [files, browser] = await Promise.all([builtPage(), launchChromium()]);
}, 60_000);
afterAll(() => browser.close());
afterEach(() => grid.close());

describe('pictures of the guide', () => {
  it.each(['light', 'dark'] as const)('three hosts, one of which is down: %s', async (scheme) => {
    const { local, mesh: fake } = await mesh({ hosts: 3 });
    const page = await open(local, { width: 1280, scheme });
    await up(3)(page);
    await pass(page, 25_000);
    fake.kill(2);
    await page.waitForSelector('.summary .badge.down');
    await pass(page, 12_000);
    await page.screenshot({ path: join(guide, `dashboard-3-${scheme}.png`) });
  });

  it.each(['light', 'dark'] as const)('sixty hosts, of which two are down: %s', async (scheme) => {
    const { local, mesh: fake } = await mesh({ hosts: 60 });
    fake.kill(17, 754_000, 'ETIMEDOUT', 'connect ETIMEDOUT 10.0.1.11:9000');
    fake.kill(41, 38_000);
    const page = await open(local, { width: 1280, scheme });
    await page.waitForSelector('footer :text("Figures of 58 of 60 hosts")');
    await pass(page, 25_000);
    await page.screenshot({ path: join(guide, `dashboard-60-${scheme}.png`) });
  });
});

describe('states', () => {
  const hostile = [
    '<img src=x onerror=alert(1)>',
    'evil\u202etxt.exe',
    'x'.repeat(1_000),
    'http://\u05d0\u05d1\u05d2.example:9000',
  ];

  it('hostile names', async () => {
    const { local, mesh: fake } = await mesh({
      hosts: 6,
      nameOf: (index) => hostile[index - 1] ?? 'http://plain',
      routes: hostile,
      kept: hostile.map((name) => ({ type: name, route: name, caller: name, error: { message: name } })),
    });
    fake.kill(1, 5_000, 'X', `<b>bold</b> ${'y'.repeat(600)}`);
    fake.kill(2, 5_000);
    await shoot('hostile', local, {}, up(6));
    await shoot('hostile-routes', local, { at: '/routes' }, up(6));
    await shoot('hostile-events', local, { at: '/events' }, up(6));
    await shoot('hostile-host', local, { at: `/hosts/${encodeURIComponent('x'.repeat(1_000))}` }, up(6));
    await shoot('hostile-down-host', local, { at: `/hosts/${encodeURIComponent(hostile[0]!)}` }, up(6));
    await shoot(
      'hostile-form',
      local,
      { at: `/hosts/${encodeURIComponent(local)}/${encodeURIComponent('x'.repeat(1_000))}` },
      (page) => page.waitForSelector('.route-panel form'),
    );
  });

  it('connecting, without a monitor, lost', async () => {
    const stuck = await host();
    serveMonitor(stuck, { authorize: () => new Promise(() => undefined) });
    await shoot('waiting', stuck.local, {}, (page) => pass(page, 1_500));
    const silent = await host();
    await shoot('no-monitor', silent.local, {}, (page) =>
      page.waitForSelector('h2:text("This host reports no figures")'),
    );
    const { local } = await mesh({ hosts: 3, relay: false });
    await shoot('not-relayed', local, {}, (page) => page.waitForSelector('.note:text("seen from outside only")'));
    await shoot('unknown-host', local, { at: '/hosts/http%3A%2F%2Fnobody' }, (page) =>
      page.waitForSelector('h2:text("No such host")'),
    );
  });

  it('a host that is restarted', async () => {
    for (const each of views) {
      const local = `http://127.0.0.1:${await freePort()}`;
      const first = await host({}, local);
      new FakeMesh(first, { hosts: 3 });
      const page = await open(local, each);
      await up(3)(page);
      await pass(page, 3_000);
      await first.close();
      await page.waitForSelector('main.stale');
      await pass(page, 4_000);
      const name = `${each.width}-${each.scheme}.png`;
      await page.screenshot({ path: join(states, `lost-${name}`), fullPage: true });
      new FakeMesh(await host({}, local), { hosts: 3 });
      await page.waitForSelector('main:not(.stale)');
      await pass(page, 2_500);
      await page.screenshot({ path: join(states, `restarted-${name}`), fullPage: true });
    }
  });

  it('tokens', async () => {
    let good = 'right';
    const manager = await host({
      leaves: {
        authenticate: (token) => {
          if (token !== good) throw new UnauthenticatedError('nobody knows this token');
          return { identity: 'operator', expiresAt: Date.now() + 3_000 };
        },
      },
    });
    new FakeMesh(manager, { hosts: 2 });
    await shoot('token-needed', manager.local, { token: '' }, (page) =>
      page.waitForSelector('h1:text("A token is needed")'),
    );
    await shoot('token-refused', manager.local, { token: 'wrong' }, (page) =>
      page.waitForSelector('h1:text("not accepted")'),
    );
    await shoot('token-expired', manager.local, { token: 'right' }, async (page) => {
      good = 'right';
      await up(2)(page);
      good = 'another';
      await page.waitForSelector('h1:text("no longer accepted")');
      good = 'right';
    });
    await shoot('token-expires', manager.local, { token: 'right' }, async (page) => {
      await up(2)(page);
      await page.waitForSelector('.notice:has-text("expires soon")');
    });
  });

  it('forms', async () => {
    const manager = await host();
    serveMonitor(manager, { authorize: () => true });
    serveRoutes(manager);
    const at = (route: string): string => `/hosts/${encodeURIComponent(manager.local)}/${route}`;
    const form = (page: Page) => page.waitForSelector('.route-panel form');
    await shoot('form', manager.local, { at: at('move') }, form);
    const fill = async (page: Page, mode: string): Promise<void> => {
      await form(page);
      await page.getByLabel('from*').fill('disk1/part.1');
      await page.getByLabel('to*').fill('disk2/part.1');
      await page.getByLabel('mode*').selectOption(mode);
      await page.getByLabel('name*').fill('ada');
      await page.getByLabel('id*').fill('7');
      await page.getByRole('button', { name: 'Call', exact: true }).click();
    };
    await shoot('form-result', manager.local, { at: at('move') }, async (page) => {
      await fill(page, 'replace');
      await page.waitForSelector('.outcome pre');
    });
    await shoot('form-error', manager.local, { at: at('move') }, async (page) => {
      await fill(page, 'keep');
      await page.waitForSelector('.outcome .bad');
    });
    await shoot('form-waiting', manager.local, { at: at('silent') }, async (page) => {
      await form(page);
      await page.getByRole('button', { name: 'Call', exact: true }).click();
      await pass(page, 1_500);
    });
    await shoot('form-json', manager.local, { at: at('raw') }, async (page) => {
      await form(page);
      await page.getByLabel('Request, as JSON').fill('[1, 2, 3]');
      await page.getByRole('button', { name: 'Call', exact: true }).click();
      await page.waitForSelector('.outcome pre');
    });
    const start = async (page: Page, prefix: string): Promise<void> => {
      await form(page);
      await page.getByLabel('prefix*').fill(prefix);
      await page.getByRole('button', { name: 'Start', exact: true }).click();
    };
    await shoot('stream', manager.local, { at: at('watch') }, async (page) => {
      await start(page, 'disk1');
      await page.getByLabel('Item, as JSON').fill('"hello"');
      await page.getByRole('button', { name: 'Send item' }).click();
      await page.waitForFunction(() => document.querySelectorAll('.items li').length > 12);
    });
    await shoot('stream-error', manager.local, { at: at('watch') }, async (page) => {
      await start(page, 'gone');
      await page.waitForSelector('.outcome .bad');
    });
  });

  it('keyboard, pause, a flood of events', async () => {
    const { local } = await mesh({ hosts: 3, eventsPerSecond: 10_000 });
    await shoot('flood', local, {}, async (page) => {
      await up(3)(page);
      await pass(page, 2_500);
    });
    await shoot('flood-events', local, { at: '/events' }, (page) =>
      page.waitForSelector('.note:text("more were left out")'),
    );
    await shoot('paused', local, {}, async (page) => {
      await up(3)(page);
      await page.keyboard.press('p');
      await page.waitForSelector('.notice:has-text("came meanwhile")');
      await pass(page, 1_500);
    });
    const quiet = await mesh({ hosts: 3 });
    for (const [name, presses] of [
      ['skip', 1],
      ['tab', 3],
      ['tile', 10],
      ['table', 16],
    ] as const) {
      await shoot(`focus-${name}`, quiet.local, {}, async (page) => {
        await up(3)(page);
        for (let press = 0; press < presses; press++) await page.keyboard.press('Tab');
      });
    }
    await shoot('focus-node', quiet.local, {}, async (page) => {
      await page.locator('.node').first().focus();
      await page.keyboard.press('Tab');
    });
    await shoot('focus-matrix', (await mesh({ hosts: 14 })).local, {}, async (page) => {
      await page.waitForSelector('.matrix');
      await page.locator('.matrix').focus();
      await page.keyboard.press('ArrowRight');
    });
  });
});
