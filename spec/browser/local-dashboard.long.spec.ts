import { afterEach, describe, expect, it } from '@jest/globals';
import { leafUrl } from '../../lib/endpoint/leaves/leaf.js';
import { serveLocalDashboard } from '../../lib/node/dashboard/local-dashboard.js';
import { launchChromium, noBrowser } from '../support/browser/browser-page.js';
import { CommandHost } from '../support/programs/command-host.js';
import { builtPage, complaintsOf } from '../support/browser/dashboard-page.js';

/*
 * The page of `rxgrid dashboard` in a real browser.
 */

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const title = 'the page of rxgrid dashboard in a browser';
if (noBrowser !== undefined) describe.skip(`${title}: ${noBrowser}`, () => it('runs', () => undefined));
else
  it(`${title} is live without its own token, reports a refusing or lost host, and retries`, async () => {
    const [files, browser, host] = await Promise.all([builtPage(), launchChromium(), CommandHost.start()]);
    closers.push(
      () => browser.close(),
      () => host.close(),
    );
    let token = 'bad';
    const url = leafUrl(host.url);
    const options = { url, token: () => token, dialTimeout: 2_000, port: 0, title: 'local' };
    const served = await serveLocalDashboard(options, files);
    closers.push(() => served.close());
    const page = await browser.newPage();
    page.setDefaultTimeout(45_000);
    const complaints = complaintsOf(page);
    await page.goto(served.address);
    const again = page.getByRole('button', { name: 'Try again' });
    await again.waitFor();
    expect(await page.locator('input').count()).toBe(0);
    const shown = await page.locator('main').innerText();
    expect(shown).toContain('The token is not accepted');
    // The page can be shown to others: the key to it is in the address alone.
    expect(shown).not.toContain(new URL(served.address).pathname);
    token = 'good';
    await again.click();
    await page.locator('.live').waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    await host.close();
    await page.getByText(`rxgrid dashboard cannot reach ${url}: connect ECONNREFUSED`).waitFor();
    expect(complaints).toStrictEqual([]);
  }, 60_000);
