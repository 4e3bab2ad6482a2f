import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { closeTimeout } from '../../transport/ws-socket.js';
import { ConfigurationError } from '../../errors.js';

/** What serves one path. */
export interface PathService {
  readonly maxMessageBytes: number;
  /** An upgraded WebSocket, and the stream beneath it. */
  onSocket(socket: WebSocket, request: IncomingMessage, raw: Duplex): void;
}

interface Mounted {
  readonly service: PathService;
  readonly server: WebSocketServer;
}

/**
 * Shares one HTTP server among managers, each on its paths, and with whatever else listens on it: requests and upgrades
 * for other paths go where they went before.
 */
export class ServerRouter {
  static readonly #routers = new WeakMap<Server, ServerRouter>();

  readonly #mounted = new Map<string, Mounted>();
  readonly #server: Server;
  readonly #ownsServer: boolean;
  #listeners: RequestListener[] = [];

  /** The router of a server; the first call makes it. `ownsServer`: nobody else answers what has no path here. */
  static of(server: Server, ownsServer = false): ServerRouter {
    let router = this.#routers.get(server);
    if (router === undefined) {
      router = new ServerRouter(server, ownsServer);
      this.#routers.set(server, router);
    }
    return router;
  }

  private constructor(server: Server, ownsServer: boolean) {
    this.#server = server;
    this.#ownsServer = ownsServer;
  }

  /** Serves a path. The result stops it. @throws ConfigurationError where the path is taken. */
  mount(path: string, service: PathService): () => void {
    if (this.#mounted.has(path)) {
      throw new ConfigurationError(
        `Path ${path} of this HTTP server serves a manager already. Give one of them another path.`,
      );
    }
    if (this.#mounted.size === 0) this.#hook();
    const options = {
      noServer: true,
      maxPayload: service.maxMessageBytes,
      perMessageDeflate: false,
      skipUTF8Validation: true,
      closeTimeout,
    };
    const server = new WebSocketServer(options);
    this.#mounted.set(path, { service, server });
    return () => {
      this.#mounted.delete(path);
      server.close();
      if (this.#mounted.size === 0) this.#unhook();
    };
  }

  #hook(): void {
    // Who listened before must not answer our paths too: it is called for the others.
    this.#listeners = this.#server.listeners('request') as RequestListener[];
    this.#server.removeAllListeners('request');
    this.#server.on('request', this.#onRequest);
    this.#server.on('upgrade', this.#onUpgrade);
  }

  #unhook(): void {
    this.#server.off('request', this.#onRequest);
    this.#server.off('upgrade', this.#onUpgrade);
    for (const listener of this.#listeners) this.#server.on('request', listener);
  }

  readonly #onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    if (this.#mounted.has(pathOf(request))) {
      response.writeHead(426, {
        'Content-Type': 'text/plain; charset=utf-8',
        Upgrade: 'websocket',
        Connection: 'Upgrade',
      });
      response.end(
        'This path is a grid: it speaks WebSocket only. Connect to it with rxgrid, or with a WebSocket client.\n',
      );
    } else if (this.#ownsServer) {
      response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' });
      response.end('Nothing here.\n');
    } else {
      for (const listener of this.#listeners) listener.call(this.#server, request, response);
    }
  };

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const mounted = this.#mounted.get(pathOf(request));
    if (mounted === undefined) {
      // With other listeners the socket may be theirs.
      if (!this.#ownsServer && this.#server.listenerCount('upgrade') > 1) return;
      if (!this.#ownsServer && request.headers.upgrade?.toLowerCase() !== 'websocket') {
        this.#handBack(request, socket, head);
      } else {
        // Node has taken its own listener off: without one, a reset by the client would end the process.
        socket.on('error', () => {
          socket.destroy();
        });
        socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      }
      return;
    }
    mounted.server.handleUpgrade(request, socket, head, (webSocket) => {
      mounted.service.onSocket(webSocket, request, socket);
    });
  };

  // An offer such as h2c, which many HTTP clients make with every request, is to be ignored by who does not take it; Node
  // does so only while nobody listens for upgrades. So the server reads the request anew, without the offer.
  #handBack(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.unshift(Buffer.concat([Buffer.from(headWithoutOffer(request), 'latin1'), head]));
    this.#server.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket);
  }
}

/** The head of a request as it came, without the offer to upgrade. */
function headWithoutOffer({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  let text = `${method!} ${url!} HTTP/${httpVersion}\r\n`;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    if (!/^(upgrade|connection|http2-settings)$/i.test(name)) text += `${name}: ${rawHeaders[index + 1]!}\r\n`;
  }
  return `${text}\r\n`;
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '/';
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}
