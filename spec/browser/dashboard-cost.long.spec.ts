import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import type { Browser, Page } from 'playwright-core';
import { serveMonitor } from '../../lib/monitor/index.js';
import type { PageFiles } from '../../lib/node/dashboard/page-files.js';
import { serveDashboardFrom } from '../../lib/node/dashboard/serve-dashboard.js';
import type { Manager } from '../../lib/node/server/manager.js';
import { launchChromium, noBrowser } from '../support/browser/browser-page.js';
import { builtPage } from '../support/browser/dashboard-page.js';
import { FakeMesh } from '../support/browser/fake-mesh.js';
import { bundleProgram } from '../support/programs/bundle.js';
import { freePort, RealGrid } from '../support/real-grid.js';

/*
 * What the dashboard costs, and how soon it shows a host that is silent. The hosts that are measured or stopped are
 * processes.
 */

const grid = new RealGrid();
let files: PageFiles;
let browser: Browser;
let bundle: { readonly folder: string; readonly program: string };

/** A process of monitored-host.ts. */
class HostProcess {
  readonly child: ChildProcess;
  readonly #lines: Interface;

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [bundle.program, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface(this.child.stdout!);
    grid.closeLater(() => this.child.kill('SIGKILL'));
  }

  async line(): Promise<string> {
    const [line] = (await once(this.#lines, 'line')) as [string];
    return line;
  }

  /** CPU time that it has used, in ms. */
  async used(): Promise<number> {
    const line = this.line();
    this.child.stdin!.write('\n');
    return Number(await line) / 1_000;
  }
}

const names = async (count: number): Promise<string[]> => {
  const ports = await Promise.all(Array.from({ length: count }, freePort));
  return ports.map((port) => `http://127.0.0.1:${port}`);
};

async function open(manager: Manager, token = 'any'): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  grid.closeLater(() => page.close());
  await page.goto(`${manager.local}/dashboard/#token=${token}`);
  return page;
}

/** Lets so many ms of the page's time pass. */
async function pass(page: Page, ms: number): Promise<void> {
  const began = await page.evaluate<number>('performance.now()');
  // To ask at each frame would cost more than what is measured.
  await page.waitForFunction(([since, time]) => performance.now() > since! + time!, [began, ms], { polling: 500 });
}

const title = 'the dashboard in a browser';
if (noBrowser !== undefined) describe.skip(`${title}: ${noBrowser}`, () => it('runs', () => undefined));
else
  describe(title, () => {
    beforeAll(async () => {
      [files, browser, bundle] = await Promise.all([
        builtPage(),
        launchChromium(),
        bundleProgram('monitored-host', 'programs'),
      ]);
    }, 60_000);
    afterAll(async () => {
      await browser.close();
      rmSync(bundle.folder, { recursive: true, force: true });
    });
    afterEach(() => grid.close());

    it('shows a host that falls silent as down within two keepalive intervals', async () => {
      const pingInterval = 2_000;
      const hosts = await names(2);
      const manager = grid.manager(hosts[0]!, hosts, {
        leaves: { authenticate: () => 'operator' },
        limits: { connectionPingInterval: pingInterval },
      });
      serveMonitor(manager, { authorize: () => true });
      serveDashboardFrom(manager, {}, () => files);
      await manager.listen({ address: '127.0.0.1' });
      const other = new HostProcess([hosts[1]!, String(pingInterval), '50', ...hosts]);
      await other.line();
      const page = await open(manager);
      await page.waitForSelector('.summary :text("All 2 hosts up")');
      other.child.kill('SIGSTOP');
      // The rest is for a machine that is busy, and for the page, which draws four times a second.
      await page.waitForSelector('.summary :text("down")', { timeout: 2 * pingInterval + 1_500 });
      const line = await page.locator('.summary p', { hasText: new URL(hosts[1]!).host }).innerText();
      expect(line).toMatch(/not answered a ping|closed the connection/);
      other.child.kill('SIGCONT');
      await page.waitForSelector('.summary :text("All 2 hosts up")');
    }, 30_000);

    it('costs a host less than one percent of a core', async () => {
      const hosts = await names(3);
      // They do nothing else: what is measured is small beside the calls of even a quiet host.
      const processes = hosts.map((local) => new HostProcess([local, '10000', '0', ...hosts]));
      await Promise.all(processes.map((each) => each.line()));
      const serving = grid.manager((await names(1))[0]!, [], { leaves: { authenticate: () => 'operator' } });
      const url = `${hosts[0]!.replace('http', 'ws')}/minio/grid/v1`;
      const config = { socketPath: url, title: '' };
      serveDashboardFrom(serving, {}, () => files);
      await serving.listen({ address: '127.0.0.1' });
      // The page is that of another process, so that the measured one does nothing but report; its policy names one
      // host.
      const page = await browser.newPage({ bypassCSP: true });
      grid.closeLater(() => page.close());
      await page.route('**/config.json', (route) => route.fulfill({ json: config }));
      // CPU time, which does not grow while others have the processor.
      const share = async (ms: number): Promise<number> => {
        const before = await processes[0]!.used();
        await pass(page, ms);
        return ((await processes[0]!.used()) - before) / ms;
      };
      await page.goto(`${serving.local}/dashboard/#token=any`);
      await page.waitForSelector('footer :text("Figures of 3 of 3 hosts")');
      // Code that runs a few times a second is compiled late.
      await pass(page, 15_000);
      const withPage = await share(20_000);
      await page.goto('about:blank');
      await pass(page, 1_000);
      const without = await share(5_000);
      const percent = (value: number): string => `${(100 * value).toFixed(2)} %`;
      console.log(
        `A page costs a host of three ${percent(withPage - without)} of a core; without: ${percent(without)}.`,
      );
      expect(withPage - without).toBeLessThan(0.01);
    }, 120_000);

    it('costs little for a page with 60 hosts', async () => {
      const [local] = await names(1);
      const manager = grid.manager(local!, [], { leaves: { authenticate: () => 'operator' } });
      serveDashboardFrom(manager, {}, () => files);
      new FakeMesh(manager, { hosts: 60, eventsPerSecond: 10 });
      await manager.listen({ address: '127.0.0.1' });
      const page = await open(manager);
      await page.waitForSelector('footer :text("Figures of 60 of 60 hosts")');
      const session = await page.context().newCDPSession(page);
      // CPU time, which does not grow while others have the processor.
      await session.send('Performance.enable', { timeDomain: 'threadTicks' });
      const busy = async (): Promise<number> => {
        const { metrics } = await session.send('Performance.getMetrics');
        return metrics.find(({ name }) => name === 'TaskDuration')!.value * 1_000;
      };
      await pass(page, 3_000);
      const ms = 10_000;
      const before = await busy();
      await pass(page, ms);
      const share = (await busy()) - before;
      console.log(`A page of 60 hosts is busy for ${((100 * share) / ms).toFixed(1)} % of the time.`);
      expect(share / ms).toBeLessThan(0.05);
    }, 60_000);
  });
