import { describe, expect, it } from '@jest/globals';
import { unary } from '../../../lib/contract/contract.js';
import { raw } from '../../../lib/codec/codec.js';
import { RouteRates } from '../../../lib/dashboard/model/route-rates.js';
import { monitor, serveMonitor } from '../../../lib/monitor/index.js';
import { gridTest } from '../../../lib/testing/index.js';
import { firstValueFrom } from 'rxjs';

describe('RouteRates', () => {
  it('shows called routes of users like those of the library, and hides the latter', () =>
    gridTest(async ({ cluster }) => {
      const names = ['relay', 'monitor/info', 'monitor'];
      const routes = names.map((name) => unary({ name, request: raw, response: raw }));
      const grid = cluster({
        setup: (manager) => {
          serveMonitor(manager);
          for (const route of routes) manager.handle(route, (bytes) => bytes);
        },
      });
      const [a, b] = [grid.host('a'), grid.host('b')];
      await grid.connected();
      const remote = monitor(a.connection(b));
      await firstValueFrom(remote.info$);
      for (const route of routes) await firstValueFrom(a.connection(b).request(route, new Uint8Array(1)));
      const figures = await firstValueFrom(remote.routes$);
      // Those of the monitor are sent, too: other observers see them.
      expect(figures.filter(({ internal }) => internal === true).length).toBeGreaterThan(0);
      const rates = new RouteRates('http://b');
      rates.update(figures, 0);
      expect(rates.all.map(({ route, totalCalls }) => [route, totalCalls]).sort()).toStrictEqual([
        ['monitor', 1],
        ['monitor/info', 1],
        ['relay', 1],
      ]);
    }));
});
