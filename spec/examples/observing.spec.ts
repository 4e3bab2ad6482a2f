import { expect, it } from '@jest/globals';
import { firstValueFrom, lastValueFrom, map, NEVER, timer } from 'rxjs';
import { documentOf, observableHost, recentP99, slowest, stuckStreams } from '../../examples/observing/observing.js';
import { raw, type } from '../../lib/codec/codec.js';
import { duplex, unary } from '../../lib/contract/contract.js';
import { staticToken } from '../../lib/endpoint/accept/auth.js';
import { monitor, serveMonitor } from '../../lib/monitor/index.js';
import { consume } from '../../lib/operators/consume.js';
import { gridTest } from '../../lib/testing/index.js';

const wait = unary({ name: 'wait', request: type<number>(), response: type<number>() });
const feed = duplex({ name: 'feed', output: raw, outCapacity: 2 });

it('the guide’s figures: the slowest routes, stuck streams, recent percentiles, a document', () =>
  gridTest(async ({ cluster, advance }) => {
    const grid = cluster({
      setup: (manager) => {
        serveMonitor(manager);
      },
    });
    const [a, b] = [grid.host('a'), grid.host('b')];
    b.handle(wait, (ms) => timer(ms).pipe(map(() => ms)));
    b.handle(feed, function* () {
      for (;;) yield new Uint8Array(1);
    });
    await grid.connected();
    const host = a.connection(b);
    await lastValueFrom(host.request(wait, 3_000));
    expect((await firstValueFrom(slowest(b.manager)))[0]!.route).toBe('wait');
    const stuck = host
      .stream(feed)
      .pipe(consume(() => NEVER))
      .subscribe();
    await advance(11_000);
    expect(await firstValueFrom(stuckStreams(b.manager))).toStrictEqual(['feed to http://a']);
    stuck.unsubscribe();
    const found: (number | undefined)[] = [];
    const recent = recentP99(host, 'wait').subscribe((p99) => found.push(p99));
    await lastValueFrom(host.request(wait, 100));
    await advance(1_000);
    expect(found[0]).toBeGreaterThan(90);
    expect(found[0]).toBeLessThan(120);
    recent.unsubscribe();
    expect(JSON.parse(await firstValueFrom(documentOf(host)))).toMatchObject({ asyncapi: '3.0.0' });
  }));

it('the guide’s host lets hosts and the dashboard monitor it, and other hosts', () =>
  gridTest(async ({ cluster, clock }) => {
    const grid = cluster(1);
    const host = observableHost({
      ...{ local: 'http://x', hosts: ['http://x'], auth: staticToken('t'), runtime: clock },
      dial: grid.network.dialer('x'),
    });
    await host.start();
    expect(await firstValueFrom(monitor(host.connection('http://x')).health$)).toMatchObject({ status: 'ready' });
    await host.close();
  }));
