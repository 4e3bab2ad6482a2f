import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { filter, firstValueFrom, ReplaySubject } from 'rxjs';
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
  'one connection for all tabs: built by Vite, under a strict policy; the host pushes to groups',
  async () => {
    const child = spawn(process.execPath, ['examples/shared-connection/main.mjs'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    closers.push(() => child.kill('SIGKILL'));
    const lines = new ReplaySubject<string>(100);
    createInterface(child.stdout).on('line', (line) => {
      lines.next(line);
    });
    const printed = (what: RegExp): Promise<string> => firstValueFrom(lines.pipe(filter((line) => what.test(line))));
    const url = /http:\S+\d/.exec(await printed(/http:/))![0];
    const browser = await launchChromium();
    closers.push(() => browser.close());
    const context = await browser.newContext();
    const complaints: string[] = [];
    const tabs = [await context.newPage(), await context.newPage()];
    for (const tab of tabs) {
      tab.on('pageerror', (error) => complaints.push(String(error)));
      await tab.goto(url);
      await tab.waitForSelector('#ops:text("disk")');
      await tab.waitForSelector('#sales:text("order")');
      expect(await tab.textContent('#state')).toBe('connected');
    }
    await printed(/^1 leaves/);
    const seen: string[] = [];
    lines.subscribe((line) => seen.push(line));
    expect(seen.filter((line) => line.startsWith('2'))).toStrictEqual([]);
    expect(complaints).toStrictEqual([]);
  },
);
