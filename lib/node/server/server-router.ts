/**
 * Shares one HTTP server among managers, each on its paths, and with other libraries.
 *
 * The router stands in front of the listeners of the server: it wraps `emit`. An event of a mounted path goes to its
 * manager and to nobody else; every other event takes the way that it took before. No listener of anybody else is moved,
 * removed or called by the router, so other libraries may be attached and closed before, meanwhile and after.
 *
 *     server.emit ──▶ wrapper ── mounted path ──▶ the path's service
 *                        └────── any other ──▶ the emit that was there before ──▶ listeners of the application
 */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { closeTimeout } from '../../transport/ws-dial.js';
import { ConfigurationError } from '../../errors.js';

/** What serves one path. */
export interface PathService {
  readonly maxMessageBytes: number;
  /** An upgraded WebSocket, and the stream beneath it; undefined where the platform has none to give. */
  onSocket(socket: WebSocket, request: IncomingMessage, raw: Duplex | undefined): void;
}

interface Mounted {
  readonly service: PathService;
  readonly server: WebSocketServer;
}

type Emit = Server['emit'];

const notFound = 'No grid is served at this path. Is it served at another path?\n';

/** See the head of this file. */
export class ServerRouter {
  static readonly #routers = new WeakMap<Server, ServerRouter>();

  readonly #mounted = new Map<string, Mounted>();
  readonly #server: Server;
  #removeWrapper: (() => void) | undefined = undefined;

  /** The router of a server; the first call makes it. */
  static of(server: Server): ServerRouter {
    let router = this.#routers.get(server);
    if (router === undefined) {
      router = new ServerRouter(server);
      this.#routers.set(server, router);
    }
    return router;
  }

  private constructor(server: Server) {
    this.#server = server;
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
    // Node parses an offer to upgrade as such only while somebody listens for it. The listener also serves those who call
    // an `emit` that they had taken hold of before.
    this.#server.on('upgrade', this.#onUpgrade);
    this.#removeWrapper ??= this.#wrapEmit();
  }

  #unhook(): void {
    this.#server.off('upgrade', this.#onUpgrade);
    this.#removeWrapper?.();
  }

  // The result takes the wrapper off, if nobody has wrapped it in turn; else it stays, and lets everything pass.
  #wrapEmit(): () => void {
    const server = this.#server;
    const wasOwn = Object.hasOwn(server, 'emit');
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the server, and put back as it was.
    const before = server.emit;
    const wrapper = ((event: string, ...args: unknown[]): boolean =>
      this.#take(event, args) || (before as (...all: unknown[]) => boolean).call(server, event, ...args)) as Emit;
    server.emit = wrapper;
    return () => {
      if (server.emit !== wrapper) return;
      if (wasOwn) server.emit = before;
      else delete (server as { emit?: Emit }).emit;
      this.#removeWrapper = undefined;
    };
  }

  // True: the event is done with. False: it goes to the listeners.
  #take(event: string, args: readonly unknown[]): boolean {
    if (this.#mounted.size === 0) return false;
    switch (event) {
      case 'upgrade': {
        const [request, socket, head] = args as [IncomingMessage, Duplex | undefined, Buffer];
        // With other listeners the socket may be theirs.
        if (!this.#isMounted(request) && this.#server.listenerCount('upgrade') > 1) return false;
        this.#onUpgrade(request, socket, head);
        return true;
      }
      case 'request':
      case 'checkContinue':
      case 'checkExpectation': {
        const [request, response] = args as [IncomingMessage, ServerResponse];
        return this.#onRequest(event, request, response);
      }
      default:
        return false;
    }
  }

  #isMounted(request: IncomingMessage): boolean {
    return this.#mounted.has(pathOf(request));
  }

  #onRequest(event: string, request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#isMounted(request)) {
      respond(
        response,
        426,
        'This path is a grid: it speaks WebSocket only. Connect to it with rxgrid, or with a WebSocket client.\n',
        { Upgrade: 'websocket', Connection: 'Upgrade' },
      );
      return true;
    }
    if (this.#server.listenerCount(event) > 0) return false;
    // Nobody else would answer.
    respond(response, 404, notFound, {});
    return true;
  }

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex | undefined, head: Buffer): void => {
    const mounted = this.#mounted.get(pathOf(request));
    if (mounted !== undefined) {
      // Not every platform that has Node's modules gives the stream (Bun does not).
      const raw = socket instanceof Duplex && !('bun' in process.versions) ? socket : undefined;
      mounted.server.handleUpgrade(request, socket!, head, (webSocket) => {
        mounted.service.onSocket(webSocket, request, raw);
      });
    } else if (this.#server.listenerCount('upgrade') === 1 && socket !== undefined) {
      if (request.headers.upgrade?.toLowerCase() === 'websocket') refuseUpgrade(socket);
      else this.#handBack(request, socket, head);
    }
  };

  // An offer such as h2c, which many HTTP clients make with every request, is to be ignored by who does not take it; Node
  // does so only while nobody listens for upgrades. So the server reads the request anew, without the offer.
  #handBack(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.unshift(Buffer.concat([Buffer.from(headWithoutOffer(request), 'latin1'), head]));
    this.#server.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket);
  }
}

function respond(response: ServerResponse, status: number, text: string, headers: Record<string, string>): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', ...headers });
  response.end(text);
}

function refuseUpgrade(socket: Duplex): void {
  // Node has taken its own listener off: without one, a reset by the client would end the process.
  socket.on('error', () => {
    socket.destroy();
  });
  const length = Buffer.byteLength(notFound);
  const head = `HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${length}`;
  socket.end(`${head}\r\n\r\n${notFound}`);
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
