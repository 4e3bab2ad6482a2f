import { afterEach, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { staticToken } from '../../../lib/endpoint/accept/auth.js';
import { Manager } from '../../../lib/node/server/manager.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const managerOf = (options: Partial<ConstructorParameters<typeof Manager>[0]> = {}): Manager => {
  const manager = new Manager({ local: 'http://127.0.0.1:1', hosts: [], auth: staticToken('x'), ...options });
  closing.push(() => manager.close());
  return manager;
};

async function serverFor(...listeners: Parameters<Server['on']>[1][]): Promise<{ server: Server; url: string }> {
  const server = createServer();
  for (const listener of listeners) server.on('request', listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  closing.push(() => server.closeAllConnections());
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const answer = async (url: string, init?: RequestInit): Promise<[number, string]> => {
  const response = await fetch(url, { ...init, headers: { Connection: 'close' } });
  return [response.status, await response.text()];
};

it('answers the probes below each path of a manager, and no other request of the application', async () => {
  const { server, url } = await serverFor((_: unknown, response: { end(text: string): void }) => response.end('app'));
  const manager = managerOf({ path: ['/grid', '/other/'] });
  await manager.attach(server, { health: true });
  expect(await answer(`${url}/grid/healthz`)).toStrictEqual([200, 'ready: 0 of 0 hosts connected, 0 needed\n']);
  expect(await answer(`${url}/grid/readyz?verbose`)).toStrictEqual([200, 'ready: 0 of 0 hosts connected, 0 needed\n']);
  expect(await answer(`${url}/other/readyz`)).toMatchObject([200, expect.any(String)]);
  expect(await answer(`${url}/grid/readyz`, { method: 'HEAD' })).toStrictEqual([200, '']);
  expect(await answer(`${url}/grid/readyz`, { method: 'POST' })).toStrictEqual([405, 'A probe is a GET.\n']);
  expect(await answer(`${url}/grid/readyz/x`)).toStrictEqual([200, 'app']);
  expect(await answer(`${url}/readyz`)).toStrictEqual([200, 'app']);
  expect(await answer(`${url}/grid`)).toMatchObject([426, expect.any(String)]);
  await manager.close();
  expect(await answer(`${url}/grid/readyz`)).toStrictEqual([200, 'app']);
});

it('is alive but not ready without the required connections; its answers contain numbers, and no names', async () => {
  const { server, url } = await serverFor();
  const manager = managerOf({ hosts: ['http://127.0.0.1:1', 'http://secret.internal:2'], readyQuorum: 'majority' });
  await manager.attach(server, { health: true });
  const text = 'starting: 0 of 1 hosts connected, 1 needed\n';
  expect(await answer(`${url}/minio/grid/v1/readyz`)).toStrictEqual([503, text]);
  expect(await answer(`${url}/minio/grid/v1/healthz`)).toStrictEqual([200, text]);
});

it('is off by default, and refuses an invalid option', async () => {
  const { server, url } = await serverFor();
  const manager = managerOf();
  await expect(manager.attach(server, { health: 'yes' as never })).rejects.toThrow(
    'attach: health must be true or false',
  );
  await manager.attach(server);
  expect(await answer(`${url}/minio/grid/v1/readyz`)).toMatchObject([404, expect.any(String)]);
});
