import { afterEach, describe, expect, it } from '@jest/globals';
import type { CDPSession } from 'playwright-core';
import type { LeafPage } from './leaf-page.js';
import { BrowserPages, noBrowser } from '../support/browser/browser-page.js';
import { RealGrid } from '../support/real-grid.js';
import { cut } from './leaf-routes.js';

const grid = new RealGrid();
afterEach(() => grid.close());

interface Snapshot {
  readonly snapshot: { readonly meta: { readonly node_fields: string[]; readonly node_types: [string[]] } };
  readonly nodes: number[];
}

/** Number of live objects and closures of the page: its heap also holds code, which grows while functions get hot. */
async function objectsOf(session: CDPSession): Promise<number> {
  let text = '';
  const add = ({ chunk }: { readonly chunk: string }): void => {
    text += chunk;
  };
  session.on('HeapProfiler.addHeapSnapshotChunk', add);
  await session.send('HeapProfiler.takeHeapSnapshot');
  session.off('HeapProfiler.addHeapSnapshotChunk', add);
  const { snapshot, nodes } = JSON.parse(text) as Snapshot;
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const counted = new Set(['object', 'closure'].map((name) => types[0].indexOf(name)));
  let count = 0;
  for (let at = 0; at < nodes.length; at += fields.length) if (counted.has(nodes[at]!)) count++;
  return count;
}

interface Global {
  readonly leafPage: LeafPage;
}
const title = '1 000 reconnects of a page leave nothing behind';

describe('a leaf in a browser', () => {
  if (noBrowser !== undefined) {
    it.skip(`${title}: ${noBrowser}`, () => undefined);
    return;
  }

  it(title, async () => {
    const { server, sockets, name } = await grid.server();
    const manager = grid.manager(name, [], { leaves: { authenticate: (token) => token } });
    manager.handle(cut, () => {
      for (const socket of sockets) socket.destroy();
    });
    await manager.attach(server);
    const pages = await BrowserPages.start('leaf-page.ts');
    grid.closeLater(() => pages.close());
    const page = await pages.open();
    const session = await page.context().newCDPSession(page);
    const measure = async () => {
      // Counting objects collects garbage: the listeners of sockets that are gone go with it.
      const objects = await objectsOf(session);
      const { metrics } = await session.send('Performance.getMetrics');
      return {
        objects,
        listeners: metrics.find((each) => each.name === 'JSEventListeners')!.value,
      };
    };
    const reconnects = (times: number) =>
      page.evaluate((count) => (globalThis as unknown as Global).leafPage.reconnects(count), times);
    await session.send('Performance.enable');
    await page.evaluate((url) => {
      (globalThis as unknown as Global).leafPage.connect([url], ['ann'], { limits: { redialInterval: 1 } });
    }, name);
    expect(await reconnects(100)).toBe(101);
    const before = await measure();
    expect(await reconnects(1_000)).toBe(1_101);
    const after = await measure();
    console.log(`Objects of the page: ${before.objects}, and ${after.objects} after 1 000 reconnects.`);
    expect(after.listeners).toBeLessThanOrEqual(before.listeners + 2);
    // One object for each would be a leak.
    expect(after.objects - before.objects).toBeLessThan(500);
    expect(pages.complaints).toStrictEqual([]);
  });
});
