import { build } from 'esbuild';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { findChromium } from './chromium.js';

/** The file of a program: playwright does not look it up. */
function fileOf(program: string): string {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, program)).find((file) => existsSync(file))!;
}

/** Why specs in a browser are skipped; undefined where there is a Chromium. */
export const noBrowser =
  findChromium() === undefined ? 'no Chromium is installed here (Debian: apt-get install chromium)' : undefined;

/** A browser without a window. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: fileOf(findChromium()!), args: ['--no-sandbox', '--disable-gpu'] });
}

/**
 * What a page may load; see Content-Security-Policy. Scripts of its own server, and any WebSocket: no eval, no
 * WebAssembly.
 */
export const strictPolicy = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src ws: http:";

/** A browser, and a server of pages that run a script of spec/browser. */
export class BrowserPages {
  readonly browser: Browser;
  /** Origin of the pages. */
  readonly origin: string;
  /** Files of the server that answer 503, by a part of their names. */
  readonly failing = new Set<string>();
  /** Messages of the consoles, and errors that nobody caught. */
  readonly complaints: string[] = [];
  readonly #close: () => Promise<void>;

  private constructor(browser: Browser, origin: string, close: () => Promise<void>) {
    this.browser = browser;
    this.origin = origin;
    this.#close = close;
  }

  /** Starts the browser and the server, whose pages run the script with this name, and may open these as workers. */
  static async start(script: string, policy?: string, workers: readonly string[] = []): Promise<BrowserPages> {
    const { outputFiles } = await build({
      entryPoints: [script, ...workers].map((name) => join(__dirname, '../../browser', name)),
      bundle: true,
      splitting: true,
      outdir: 'out',
      write: false,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
    });
    const scripts = new Map(outputFiles.map(({ path, text }) => [`/${basename(path)}`, text]));
    const main = `/${basename(script, '.ts')}.js`;
    const server = createServer(({ url = '/' }, response) => {
      const text = scripts.get(url);
      if (policy !== undefined) response.setHeader('content-security-policy', policy);
      response.setHeader('cache-control', 'no-store');
      if ([...pages.failing].some((part) => url.includes(part))) response.statusCode = 503;
      response.setHeader('content-type', text === undefined ? 'text/html; charset=utf-8' : 'text/javascript');
      response.end(text ?? `<!doctype html><title>leaf</title><script type="module" src="${main}"></script>`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const browser = await launchChromium();
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const pages = new BrowserPages(browser, origin, async () => {
      await browser.close();
      server.closeAllConnections();
      server.close();
    });
    return pages;
  }

  /** A page in a context, by default one of its own, once its script has run. */
  async open(inContext?: BrowserContext): Promise<Page> {
    const context = inContext ?? (await this.browser.newContext());
    const page = await context.newPage();
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    await page.goto(this.origin);
    await page.waitForFunction('globalThis.leafPage !== undefined');
    return page;
  }

  close(): Promise<void> {
    return this.#close();
  }
}
