import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { filter, firstValueFrom } from 'rxjs';
import { WebSocket, WebSocketServer } from 'ws';
import { connectMessage, readConnect } from '../../../lib/connection/handshake.js';
import { connect, leafUrl, type LeafConnection } from '../../../lib/endpoint/leaves/leaf.js';
import { maxLocalPages, maxTunnelBytes, tunnelStallTimeout } from '../../../lib/bounds.js';
import { monitor, serveMonitor } from '../../../lib/monitor/index.js';
import {
  serveLocalDashboard,
  type LocalDashboard,
  type LocalDashboardOptions,
} from '../../../lib/node/dashboard/local-dashboard.js';
import type { PageFiles } from '../../../lib/node/dashboard/page-files.js';
import type { Manager } from '../../../lib/node/server/manager.js';
import { RejectedError } from '../../../lib/rejection.js';
import { systemRuntime } from '../../../lib/runtime.js';
import { createDial } from '../../../lib/transport/ws-dial.js';
import { timestampFromMs } from '../../../lib/wire/msgpack/timestamp.js';
import { freePort, quick, RealGrid, until } from '../../support/real-grid.js';

const grid = new RealGrid();
afterEach(async () => {
  jest.restoreAllMocks();
  await grid.close();
});

const bytes = new TextEncoder().encode('<!doctype html>');
const files: PageFiles = new Map([['', { type: 'text/html', bytes, gzip: bytes, etag: '"1"' }]]);

async function host(name?: string): Promise<Manager> {
  const manager = grid.manager(name ?? `http://127.0.0.1:${await freePort()}`, [], {
    leaves: {
      authenticate: (token) => {
        if (token === 'good') return 'operator';
        throw new RejectedError('bad token', 'the token is not accepted');
      },
    },
  });
  serveMonitor(manager, { authorize: ({ caller }) => caller === 'operator' });
  await manager.listen({ address: '127.0.0.1' });
  return manager;
}

async function serve(url: string, options: Partial<LocalDashboardOptions> = {}): Promise<LocalDashboard> {
  const defaults = { url: leafUrl(url), token: () => 'good', dialTimeout: 2_000, port: 0, title: 'test' };
  const dashboard = await serveLocalDashboard({ ...defaults, ...options }, files);
  grid.closeLater(() => dashboard.close());
  return dashboard;
}

const socketOf = ({ address }: LocalDashboard): string => `${address.replace('http:', 'ws:')}socket`;
const originOf = ({ address }: LocalDashboard): string => new URL(address).origin;

/** A leaf that does what the page does. */
function leafAt(dashboard: LocalDashboard): LeafConnection {
  const leaf = connect(socketOf(dashboard), {
    getToken: () => '',
    dial: createDial({ origin: originOf(dashboard) }),
    checksum: 'off',
    limits: { ...quick, maxRedialInterval: 40 },
  });
  grid.closeLater(() => leaf.close());
  return leaf;
}

/** A bare WebSocket of the page. */
async function openPage(dashboard: LocalDashboard): Promise<WebSocket> {
  const page = new WebSocket(socketOf(dashboard), { origin: originOf(dashboard), perMessageDeflate: false });
  grid.closeLater(() => page.terminate());
  await once(page, 'open');
  return page;
}

const hello = (leaf = true): Uint8Array =>
  connectMessage({
    ...{ id: new Uint8Array(16), host: '', time: timestampFromMs(0), token: '', ext: { ack: 1, tok: 1 } },
    ...(leaf ? { leaf } : {}),
  });

/** A server of WebSockets that is no host, and joined with a page through a tunnel. */
async function joined(): Promise<{ page: WebSocket; far: WebSocket; first: Buffer; dashboard: LocalDashboard }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  grid.closeLater(() => new Promise((done) => server.close(done)));
  await once(server, 'listening');
  const dashboard = await serve(`ws://127.0.0.1:${(server.address() as { port: number }).port}`);
  const page = await openPage(dashboard);
  page.send(hello());
  const [far] = (await once(server, 'connection')) as [WebSocket];
  grid.closeLater(() => far.terminate());
  const [first] = (await once(far, 'message')) as [Buffer];
  return { page, far, first, dashboard };
}

async function statusOf(url: string, headers: Record<string, string> = {}, upgrade = false): Promise<number> {
  const forUpgrade = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': Buffer.alloc(16).toString('base64'),
  };
  const call = request(url, { agent: false, headers: { ...(upgrade ? forUpgrade : {}), ...headers } }).end();
  const [response] = (await Promise.race([once(call, 'response'), once(call, 'upgrade')])) as [IncomingMessage];
  response.socket.destroy();
  return response.statusCode!;
}

describe('serveLocalDashboard', () => {
  it('connects the page to the host, with a token that the page does not have', async () => {
    const manager = await host();
    const dashboard = await serve(manager.local);
    expect(dashboard.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{22}\/$/);
    const config = (await (await fetch(`${dashboard.address}config.json`)).json()) as object;
    expect(config).toStrictEqual({ socketPath: new URL(socketOf(dashboard)).pathname, title: 'test', hasToken: true });
    const leaf = leafAt(dashboard);
    await until(leaf, 'connected');
    expect(await firstValueFrom(monitor(leaf).info$)).toMatchObject({ host: manager.local });
    const left = firstValueFrom(manager.leaves$.pipe(filter(({ connected }) => connected === 0)));
    leaf.close();
    await left;
  });

  it('answers only its own name, path and origin', async () => {
    const dashboard = await serve((await host()).local);
    const { port, origin, pathname } = new URL(dashboard.address);
    expect(await statusOf(dashboard.address)).toBe(200);
    expect(await statusOf(dashboard.address, { Host: `localhost:${port}` })).toBe(200);
    for (const name of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1.evil.example:${port}`]) {
      expect(await statusOf(dashboard.address, { Host: name })).toBe(403);
    }
    for (const path of ['/', '/config.json', '/dashboard/', `/${'A'.repeat(22)}/`, pathname.slice(0, -2)]) {
      expect(await statusOf(origin + path)).toBe(404);
    }
    const socket = `${dashboard.address}socket`;
    expect(await statusOf(socket, { Origin: origin }, true)).toBe(101);
    for (const headers of [
      {},
      { Origin: 'null' },
      { Origin: 'https://evil.example' },
      { Origin: origin.replace('http', 'https') },
      { Origin: `http://127.0.0.1:${Number(port) - 1}` },
      { Origin: `http://evil.example:${port}`, Host: `evil.example:${port}` },
    ]) {
      expect(await statusOf(socket, headers, true)).toBe(403);
    }
    expect(await statusOf(`${origin}/${'A'.repeat(22)}/socket`, { Origin: origin }, true)).toBe(404);
    expect(await statusOf(`${dashboard.address}other`, { Origin: origin }, true)).toBe(404);
  });

  it('accepts a bounded number of pages at once', async () => {
    const dashboard = await serve((await host()).local);
    const pages = await Promise.all(Array.from({ length: maxLocalPages }, () => openPage(dashboard)));
    const headers = { Origin: originOf(dashboard) };
    expect(await statusOf(`${dashboard.address}socket`, headers, true)).toBe(503);
    pages[0]!.close();
    await once(pages[0]!, 'close');
    await openPage(dashboard);
  });

  it('tells the page that its token was refused, and uses a better one for the next attempt', async () => {
    let token = 'bad';
    const dashboard = await serve((await host()).local, { token: () => token });
    const leaf = leafAt(dashboard);
    const { error } = await until(leaf, 'refused');
    expect(error?.message).toContain('the token is not accepted');
    token = 'good';
    leaf.reconnect();
    await until(leaf, 'connected');
  });

  it('tells the page that there is no token', async () => {
    const token = (): string => {
      throw new Error('the command of the token failed (exit code 1).');
    };
    const leaf = leafAt(await serve((await host()).local, { token }));
    expect((await until(leaf, 'refused')).error?.message).toContain('the command of the token failed (exit code 1).');
  });

  it('tells the page that the host is lost and why, and reconnects when it is back', async () => {
    const manager = await host();
    const leaf = leafAt(await serve(manager.local));
    await until(leaf, 'connected');
    const lost = firstValueFrom(
      leaf.state$.pipe(filter(({ error }) => error?.message.includes('ECONNREFUSED') === true)),
    );
    await manager.close();
    expect((await lost).error?.message).toContain(`cannot reach ${leafUrl(manager.local)}`);
    await host(manager.local);
    await until(leaf, 'connected', 2);
  });

  it('lets the host close the connection when the token expires: the page has none to renew', async () => {
    const { first } = await joined();
    expect(readConnect(first, undefined)).toMatchObject({ token: 'good', leaf: true, ext: { ack: 1 } });
    expect(readConnect(first, undefined).ext).toStrictEqual({ ack: 1 });
    const manager = grid.manager(`http://127.0.0.1:${await freePort()}`, [], {
      leaves: { authenticate: () => ({ identity: 'operator', expiresAt: Date.now() + 300 }) },
    });
    await manager.listen({ address: '127.0.0.1' });
    let asked = 0;
    const leaf = leafAt(await serve(manager.local, { token: () => `token ${++asked}` }));
    await until(leaf, 'connected', 2);
    expect(asked).toBe(2);
  });

  it('notifies both ends when it ends', async () => {
    const { page, far, dashboard } = await joined();
    const codes = Promise.all([once(page, 'close'), once(far, 'close')]);
    await dashboard.close();
    expect((await codes).map(([code, reason]): unknown[] => [code, String(reason)])).toStrictEqual([
      [1001, 'rxgrid dashboard has ended.'],
      [1001, ''],
    ]);
  });

  it('ends with its connections', async () => {
    const manager = await host();
    const dashboard = await serve(manager.local);
    const leaf = leafAt(dashboard);
    await until(leaf, 'connected');
    const left = firstValueFrom(manager.leaves$.pipe(filter(({ connected }) => connected === 0)));
    await dashboard.close();
    await left;
    await until(leaf, 'connecting', 1);
    await expect(fetch(dashboard.address)).rejects.toThrow('fetch failed');
  });
});

describe('the tunnel', () => {
  it.each([1000, 1001, 1013, 4401, 4429])('passes the close code %d on, with its reason', async (code) => {
    const one = await joined();
    one.far.close(code, 'why');
    const [atPage, reason] = (await once(one.page, 'close')) as [number, Buffer];
    expect([atPage, reason.toString()]).toStrictEqual([code, 'why']);
    const two = await joined();
    two.page.close(code, 'why');
    expect(((await once(two.far, 'close')) as [number])[0]).toBe(code);
  });

  it('closes without a code, or breaks, as the other end did', async () => {
    const one = await joined();
    one.far.close();
    expect(((await once(one.page, 'close')) as [number])[0]).toBe(1005);
    const two = await joined();
    two.far.terminate();
    expect(((await once(two.page, 'close')) as [number])[0]).toBe(1006);
    const three = await joined();
    three.page.terminate();
    expect(((await once(three.far, 'close')) as [number])[0]).toBe(1006);
  });

  it('rejects malformed frames, and pages that claim to be a host', async () => {
    const dashboard = await serve('ws://127.0.0.1:9');
    for (const message of [Uint8Array.of(1, 2, 3), hello(false), new Uint8Array(100_000)]) {
      const page = await openPage(dashboard);
      page.send(message);
      expect(((await once(page, 'close')) as [number])[0]).toBe(1002);
    }
  });

  it('is destroyed where an end reads nothing for long', async () => {
    const { page, far } = await joined();
    const { schedule } = systemRuntime;
    const stalled = new Promise<() => void>((done) => {
      jest.spyOn(systemRuntime, 'schedule').mockImplementation((task, ms) => {
        if (ms === tunnelStallTimeout) done(task);
        return schedule(task, ms);
      });
    });
    page.pause();
    for (let at = 0; at < 256; at++) far.send(Buffer.alloc(64 << 10));
    const closed = once(far, 'close');
    (await stalled)();
    expect(((await closed) as [number])[0]).toBe(1006);
    page.resume();
    expect(((await once(page, 'close')) as [number])[0]).toBe(1006);
  });

  it.each(['page', 'far'] as const)('reads no faster than the other end accepts: from %s', async (name) => {
    const ends = await joined();
    const from = ends[name];
    const to = ends[name === 'page' ? 'far' : 'page'];
    let most = 0;
    const send = WebSocket.prototype.send;
    jest.spyOn(WebSocket.prototype, 'send').mockImplementation(function (this: WebSocket, ...args: any[]) {
      Reflect.apply(send, this, args);
      // Its own ends only: the sender of the test sends everything at once.
      if (this !== from) most = Math.max(most, this.bufferedAmount);
    });
    to.pause();
    const pause = WebSocket.prototype.pause;
    const paused = new Promise<void>((done) => {
      jest.spyOn(WebSocket.prototype, 'pause').mockImplementation(function (this: WebSocket) {
        Reflect.apply(pause, this, []);
        done();
      });
    });
    const size = 64 << 10;
    const count = 256;
    for (let at = 0; at < count; at++) from.send(Buffer.alloc(size, at % 251));
    await paused;
    let received = 0;
    const all = new Promise<void>((done) => {
      to.on('message', (data: Buffer) => {
        expect([data.length, data[0], data[size - 1]]).toStrictEqual([size, received % 251, received % 251]);
        if (++received === count) done();
      });
    });
    to.resume();
    await all;
    // What is over the bound: the message that passed it, and those of the piece that was read with it.
    expect(most).toBeGreaterThan(maxTunnelBytes);
    expect(most).toBeLessThan(maxTunnelBytes + 4 * size);
  });
});
