import { once } from 'node:events';
import { createServer as createHttpServer, request, type IncomingMessage, type Server } from 'node:http';
import { connect as connectTcp, createServer, type AddressInfo, type NetConnectOpts, type Socket } from 'node:net';
import { filter, firstValueFrom } from 'rxjs';
import { staticToken } from '../../lib/endpoint/accept/auth.js';
import { Manager, type ManagerOptions } from '../../lib/node/server/manager.js';
import { connect, type ConnectOptions, type LeafConnection } from '../../lib/endpoint/leaves/leaf.js';
import { createDial } from '../../lib/transport/ws-dial.js';
import type { ConnectionState } from '../../lib/connection/connection-state.js';
import type { Connection } from '../../lib/contract/connection.js';
import { withLocal } from './with-local.js';

/** Short times, so that tests on real sockets wait little. */
export const quick = { redialInterval: 20, dialJitter: 20, dialedGrace: 500 };

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Everything that a test on real sockets has to close. */
export class RealGrid {
  readonly #closers: (() => unknown)[] = [];

  /** Closes everything, newest first. */
  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }

  /** Has it closed with the rest. */
  closeLater(close: () => unknown): void {
    this.#closers.push(close);
  }

  manager(local: string, hosts: ManagerOptions['hosts'], options: Partial<ManagerOptions> = {}): Manager {
    const manager = new Manager({
      local,
      hosts: withLocal(local, hosts),
      auth: staticToken('secret'),
      ...options,
      limits: { ...quick, ...options.limits },
    });
    this.closeLater(() => manager.close());
    return manager;
  }

  /** Two managers that listen; they may call each other. */
  async pair(options: Partial<ManagerOptions> = {}, scheme = 'http'): Promise<readonly [Manager, Manager]> {
    const hosts = await Promise.all([freePort(), freePort()]);
    const names = hosts.map((port) => `${scheme}://127.0.0.1:${port}`);
    const managers = names.map((local) => this.manager(local, names, options)) as [Manager, Manager];
    await Promise.all(managers.map((manager) => manager.listen({ address: '127.0.0.1' })));
    return managers;
  }

  /** A leaf, and the TCP sockets that it dialed with. */
  leaf(host: string, options: Partial<ConnectOptions> = {}): { leaf: LeafConnection; sockets: readonly Socket[] } {
    const sockets: Socket[] = [];
    const createConnection = (to: NetConnectOpts): Socket => {
      const socket = connectTcp(to);
      sockets.push(socket);
      return socket;
    };
    const leaf = connect(host, {
      token: 'leaf',
      dial: createDial({ createConnection }),
      ...options,
      limits: { ...quick, ...options.limits },
    });
    this.closeLater(() => {
      leaf.close();
      for (const socket of sockets) socket.destroy();
    });
    return { leaf, sockets };
  }

  /** An HTTP server of the test's own that listens, and the sockets that were upgraded on it. */
  async server(onRequest?: (request: IncomingMessage, path: string) => string): Promise<HttpHost> {
    const server = createHttpServer(
      onRequest &&
        ((message, response) => {
          response.end(onRequest(message, message.url!));
        }),
    );
    const upgraded: Socket[] = [];
    server.on('connection', (socket: Socket) => upgraded.push(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.closeLater(
      () =>
        new Promise((resolve) => {
          server.close(resolve);
          for (const socket of upgraded) socket.destroy();
        }),
    );
    return { server, sockets: upgraded, name: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }
}

/** An HTTP server of a test. */
export interface HttpHost {
  readonly server: Server;
  /** Every TCP socket that was accepted. */
  readonly sockets: readonly Socket[];
  /** Base URL. */
  readonly name: string;
}

/** An HTTP exchange: the status, the headers and the body. With `upgrade`, as the first step of a WebSocket. */
export async function http(
  url: string,
  options: { upgrade?: boolean } = {},
): Promise<{ status: number; headers: IncomingMessage['headers']; body: string }> {
  const headers = options.upgrade
    ? {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': Buffer.alloc(16).toString('base64'),
      }
    : {};
  const call = request(url, { headers, agent: false }).end();
  const [response] = (await Promise.race([once(call, 'response'), once(call, 'upgrade')])) as [IncomingMessage, Socket];
  if (response.statusCode === 101) {
    response.socket.destroy();
    return { status: 101, headers: response.headers, body: '' };
  }
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode!, headers: response.headers, body };
}

/** Waits for a state of a connection. */
export function until(
  connection: Connection,
  status: ConnectionState['status'],
  connects = 0,
): Promise<ConnectionState> {
  return firstValueFrom(
    connection.state$.pipe(filter((state) => state.status === status && state.connects >= connects)),
  );
}
