import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { defaultLimits } from '../../limits.js';
import { systemRuntime } from '../../runtime.js';
import { closeTimeout } from '../../transport/ws-dial.js';
import { maxLocalPages } from '../../bounds.js';
import type { PageFiles } from './page-files.js';
import { pageResponder } from './page-responder.js';
import { Tunnel, type TunnelOptions } from './tunnel.js';

/** Options of {@link serveLocalDashboard}. */
export interface LocalDashboardOptions extends TunnelOptions {
  /** Port of 127.0.0.1; 0 is any free one. */
  readonly port: number;
  /** What the page shows as its title. */
  readonly title: string;
}

/** A dashboard that this machine alone can open. */
export interface LocalDashboard {
  /** Address of the page. It holds a secret: anyone who has it acts with the token of the command. */
  readonly address: string;
  /** Closes the server and all connections. */
  close(): Promise<void>;
}

const loopback = '127.0.0.1';
/** TCP connections of the server at once: those of the pages, and of the requests for their files. */
const maxConnections = 4 * maxLocalPages;

/**
 * Serves the page of the dashboard on loopback, and tunnels its WebSocket to a host with a token that the page never
 * sees.
 *
 * Any page that the browser shows, and any user of the machine, can reach loopback. Therefore:
 *
 * - the path begins with a random secret, without which the server answers 404;
 * - the Host header has to name loopback: a name of another site, whose DNS leads here, is refused;
 * - the Origin header of a WebSocket has to be that of the page.
 *
 * @throws Error of Node where the port cannot be listened on.
 */
export async function serveLocalDashboard(options: LocalDashboardOptions, files: PageFiles): Promise<LocalDashboard> {
  const secret = randomBytes(16).toString('base64url');
  const path = `/${secret}`;
  const socketPath = `${path}/socket`;
  const page = pageResponder(path, files, () => ({ socketPath, title: options.title, hasToken: true }));
  const server = createServer((request, response) => {
    const status = refusalOf(server, request, secret);
    if (status === undefined) page(request, response);
    else response.writeHead(status, { 'Content-Type': 'text/plain' }).end(`${STATUS_CODES[status]!}\n`);
  });
  server.maxConnections = maxConnections;
  const tunnels = new Set<Tunnel>();
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: defaultLimits.maxMessageBytes,
    perMessageDeflate: false,
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const status = refusalOf(server, request, secret) ?? socketRefusalOf(request, socketPath, tunnels.size);
    if (status !== undefined) {
      refuseUpgrade(socket, status);
      return;
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const tunnel = new Tunnel(webSocket, options);
      tunnels.add(tunnel);
      webSocket.on('close', () => tunnels.delete(tunnel));
    });
  });
  server.listen(options.port, loopback);
  await once(server, 'listening');
  return { address: `http://${loopback}:${portOf(server)}${path}/`, close: () => closeAll(server, tunnels) };
}

/** Why a request is not answered, as a status of HTTP. */
function refusalOf(server: Server, { headers, url = '' }: IncomingMessage, secret: string): number | undefined {
  const hosts = [loopback, 'localhost'].map((name) => new URL(`http://${name}:${portOf(server)}`).host);
  if (headers.host === undefined || !hosts.includes(headers.host)) return 403;
  const given = /^\/([^/?]*)/.exec(url)?.[1] ?? '';
  return timingSafeEqual(digest(given), digest(secret)) ? undefined : 404;
}

function socketRefusalOf({ headers, url = '' }: IncomingMessage, path: string, open: number): number | undefined {
  if (url !== path) return 404;
  if (headers.origin !== `http://${headers.host ?? ''}`) return 403;
  return open < maxLocalPages ? undefined : 503;
}

function refuseUpgrade(socket: Duplex, status: number): void {
  socket.on('error', () => undefined);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]!}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => {
    socket.destroy();
  });
}

async function closeAll(server: Server, tunnels: ReadonlySet<Tunnel>): Promise<void> {
  const cancel = systemRuntime.schedule(() => {
    for (const tunnel of tunnels) tunnel.destroy();
    server.closeAllConnections();
  }, closeTimeout / 2);
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  for (const tunnel of tunnels) tunnel.close();
  await closed;
  cancel();
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo | null)?.port ?? 0;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
