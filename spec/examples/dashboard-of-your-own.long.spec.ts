import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { launchChromium, noBrowser } from '../support/browser/browser-page.js';
import { buildLibWithExamples } from '../support/programs/built-lib.js';

const closers: (() => unknown)[] = [];
let folder: string;

beforeAll(() => {
  folder = buildLibWithExamples();
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

(noBrowser === undefined ? it : it.skip)(
  'a dashboard of your own: built by Vite, it draws what the host streams, under a strict policy',
  async () => {
    const child = spawn(process.execPath, ['examples/dashboard-of-your-own/main.mjs'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    closers.push(() => child.kill('SIGKILL'));
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const url = /http:\S+\d/.exec(line)![0];
    const browser = await launchChromium();
    closers.push(() => browser.close());
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(url);
    await page.waitForSelector('#line[d*=L]', { state: 'attached' });
    expect(await page.textContent('#state')).toBe('Connected, without checksums.');
    await page.evaluate("sessionStorage.setItem('token', 'wrong')");
    await page.reload();
    await page.waitForSelector('#retry:not([hidden])');
    expect(await page.textContent('#state')).toContain('Not accepted');
    page.on('dialog', (dialog) => void dialog.accept('guest'));
    await page.click('#retry');
    await page.waitForSelector('#state:text("Connected")');
    expect(complaints).toStrictEqual([]);
  },
);
