import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { firstValueFrom } from 'rxjs';
import type { Manager } from '../../../lib/node/index.js';
import { raw, type } from '../../../lib/codec/codec.js';
import { unary } from '../../../lib/contract/contract.js';
import { freePort, http, RealGrid, type HttpHost } from '../../support/real-grid.js';

const whoAmI = unary({ id: 1, name: 'whoAmI', request: raw, response: type<string>() });
const leaves = { authenticate: (token: string) => token };

let grid: RealGrid;
beforeEach(() => {
  grid = new RealGrid();
});
afterEach(async () => {
  await grid.close();
});

async function attached(host: HttpHost, path: string | readonly string[], says: string): Promise<Manager> {
  const manager = grid.manager(host.name, [], { path, leaves });
  manager.handle(whoAmI, () => says);
  await manager.attach(host.server);
  return manager;
}

async function ask(url: string): Promise<string> {
  const { leaf } = grid.leaf(url);
  await leaf.ready();
  return firstValueFrom(leaf.request(whoAmI, new Uint8Array()));
}

describe('attach()', () => {
  it('serves its path, and leaves all others to the existing handlers', async () => {
    const host = await grid.server((_, path) => `own answer for ${path}`);
    const manager = await attached(host, '/grid', 'hello');
    expect(await ask(`${host.name}/grid`)).toBe('hello');
    expect(await ask(`${host.name}/grid?x=1`)).toBe('hello');
    expect(await http(`${host.name}/`)).toMatchObject({ status: 200, body: 'own answer for /' });
    expect(await http(`${host.name}/grid/more`)).toMatchObject({ status: 200, body: 'own answer for /grid/more' });
    expect((await http(`${host.name}/grid`)).status).toBe(426);
    await manager.close();
    expect(host.server.listening).toBe(true);
    expect(await http(`${host.name}/grid`)).toMatchObject({ status: 200, body: 'own answer for /grid' });
    expect(host.server.listenerCount('request')).toBe(1);
    expect(host.server.listenerCount('upgrade')).toBe(0);
  });

  it('serves several managers on separate paths, and one on several paths', async () => {
    const host = await grid.server();
    const first = await attached(host, ['/v2', '/v1'], 'control');
    await attached(host, '/bulk', 'bulk');
    const answers = await Promise.all(['/v1', '/v2', '/bulk'].map((path) => ask(host.name + path)));
    expect(answers).toStrictEqual(['control', 'control', 'bulk']);
    await first.close();
    expect((await http(`${host.name}/v1`, { upgrade: true })).status).toBe(404);
    expect(await ask(`${host.name}/bulk`)).toBe('bulk');
    await attached(host, '/v1', 'new');
    expect(await ask(`${host.name}/v1`)).toBe('new');
  });

  it('refuses a path in use, and then takes none', async () => {
    const host = await grid.server();
    await attached(host, '/taken', 'first');
    await expect(attached(host, ['/free', '/taken'], 'second')).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('Path /taken of this HTTP server serves a manager already'),
    });
    await attached(host, '/free', 'third');
    expect(await ask(`${host.name}/free`)).toBe('third');
  });

  it('refuses after the close', async () => {
    const host = await grid.server();
    const manager = await attached(host, '/grid', 'x');
    await manager.close();
    await expect(manager.attach(host.server)).rejects.toMatchObject({ code: 'configuration' });
    expect(host.server.listenerCount('upgrade')).toBe(0);
  });
});

describe('an upgrade for a foreign path', () => {
  it('is refused where there is no other listener', async () => {
    const host = await grid.server();
    await attached(host, '/grid', 'x');
    expect((await http(`${host.name}/other`, { upgrade: true })).status).toBe(404);
  });

  it.each(['GET', 'POST'])(
    'is an ordinary %s request where it offers another protocol than WebSocket',
    async (method) => {
      const host = await grid.server();
      const received: { method: string; upgrade: string | undefined; body: string }[] = [];
      const application = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
        const parts = (await request.toArray()) as Buffer[];
        received.push({
          method: request.method!,
          upgrade: request.headers.upgrade,
          body: Buffer.concat(parts).toString(),
        });
        response.end('from the application');
      };
      host.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
        void application(request, response);
      });
      await attached(host, '/grid', 'x');
      const socket = connect(Number(new URL(host.name).port), '127.0.0.1');
      const head = `${method} /other HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n`;
      const body = method === 'GET' ? '\r\n' : 'Content-Length: 10\r\n\r\n01234';
      // Twice: the connection stays.
      for (let round = 0; round < 2; round++) {
        socket.write(head + body);
        if (method === 'POST') setImmediate(() => socket.write('56789'));
        const [answer] = (await once(socket, 'data')) as [Buffer];
        expect(answer.toString()).toMatch(/^HTTP\/1.1 200 OK[^]*from the application/);
      }
      const seen = { method, upgrade: undefined, body: method === 'GET' ? '' : '0123456789' };
      expect(received).toStrictEqual([seen, seen]);
      socket.destroy();
    },
  );

  it('is left to its own listener', async () => {
    const host = await grid.server();
    host.server.on('upgrade', (request: IncomingMessage, socket) => {
      if (request.url === '/other') socket.end('HTTP/1.1 418 Teapot\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    });
    await attached(host, '/grid', 'x');
    expect((await http(`${host.name}/other`, { upgrade: true })).status).toBe(418);
    expect(await ask(`${host.name}/grid`)).toBe('x');
  });

  it('may be reset at any moment', async () => {
    const host = await grid.server();
    await attached(host, '/grid', 'x');
    const socket = new PassThrough();
    host.server.emit('upgrade', { url: '/other', headers: { upgrade: 'websocket' } }, socket, Buffer.alloc(0));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.destroy(new Error('ECONNRESET'));
    await closed;
    expect(await ask(`${host.name}/grid`)).toBe('x');
  });
});

it('survives malformed HTTP, and dialers that disconnect', async () => {
  const manager = grid.manager(`http://127.0.0.1:${await freePort()}`, [], { leaves });
  manager.handle(whoAmI, () => 'still here');
  await manager.listen({ address: '127.0.0.1' });
  const port = Number(new URL(manager.local).port);
  const upgrade = `GET /minio/grid/v1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`;
  const texts = [
    'garbage\r\n\r\n',
    upgrade.replace('13', '99'),
    upgrade.replace('websocket', 'h2c'),
    upgrade.replace('GET', 'POST'),
    // After the upgrade: no frame of RFC 6455, an unmasked one, one that lies about its length.
    `${upgrade}\xff\xff\xff\xff`,
    `${upgrade}\x82\x05hello`,
    `${upgrade}\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff`,
  ];
  for (const text of texts) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined).resume();
    socket.write(text, 'latin1');
    await once(socket, 'close');
  }
  const gone = connect(port, '127.0.0.1');
  gone.on('error', () => undefined);
  gone.write(upgrade);
  await once(gone, 'data');
  gone.resetAndDestroy();
  expect((gone.address() as AddressInfo).port).not.toBe(0);
  expect(await ask(manager.local)).toBe('still here');
});
