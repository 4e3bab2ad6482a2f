import { afterEach, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { hashOf } from '../support/files/file-grid.js';
import { FilesHost } from '../support/files/files-host.js';
import { Chromium, findChromium } from '../support/browser/chromium.js';
import { blobBytes, report, upload, type PageReport } from './routes.js';

/*
 * Blobs and Files from a real browser: what a page sends with writeFile and sendfile, and reads back.
 */

const program = findChromium();
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** The page, on an HTTP server of its own; the result is its URL. */
async function servePage(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(__dirname, 'page.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
  });
  const server: Server = createServer(({ url }, response) => {
    const isScript = url === '/page.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html; charset=utf-8');
    response.end(isScript ? outputFiles[0]!.text : '<body><script type="module" src="/page.js"></script></body>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
}

const title = 'a page writes a Blob with writeFile, sends a File with sendfile, and reads back what it wrote';

describe('Blobs of a browser', () => {
  if (program === undefined) {
    it.skip(`${title}: no Chromium is installed here`, () => undefined);
    return;
  }

  it(title, async () => {
    const page = await servePage();
    const host = await FilesHost.start({ writable: true, leaves: { origins: [new URL(page).origin] } });
    closers.push(() => host.close());
    host.manager.handle(upload, async function* (_, { input }) {
      const parts: Uint8Array[] = [];
      for await (const part of input) parts.push(part.slice());
      yield hashOf(...parts);
    });
    const reported = new Promise<PageReport>((resolve) => {
      host.manager.handle(report, (found) => {
        resolve(found);
        return true;
      });
    });
    const browser = new Chromium(program, `${page}?host=${encodeURIComponent(host.name)}`);
    closers.push(() => browser.close());
    const found = await Promise.race([reported, browser.ended]);
    const sent = hashOf(readFileSync(join(host.root, 'written.bin')));
    expect(found).toStrictEqual({
      sent,
      readBack: sent,
      written: blobBytes,
      modes: ['browser'],
      progress: { sent: blobBytes, total: blobBytes },
    });
    expect(hashOf(readFileSync(join(host.root, 'region.bin')))).toBe(sent);
  });
});
