/**
 * Shares one HTTP server among managers, each on its paths, and with other libraries.
 *
 * The router intercepts the events of the server by wrapping `emit`. An event for a mounted path goes to its manager
 * only; every other event is passed on unchanged. The router does not move, remove or call listeners of other
 * libraries, so these may be attached and closed at any time.
 *
 *     server.emit ──▶ wrapper ── mounted path ──▶ the path's service
 *                        └────── any other ──▶ the emit that was there before ──▶ listeners of the application
 */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { closeTimeout } from '../../transport/ws-dial.js';
import { ConfigurationError } from '../../errors.js';
import { probesOf, type HealthNow, type Respond } from './probes.js';

/** Serves one path. */
export interface PathService {
  readonly maxMessageBytes: number;
  /** Answers probes at `healthz` and `readyz` below the path; undefined: there are none. */
  readonly health?: HealthNow | undefined;
  /** Answers of the paths of pages, and of the paths below them. */
  readonly pages?: ReadonlyMap<string, Respond>;
  /**
   * Called with an upgraded WebSocket and its underlying stream, which is undefined if the platform does not provide
   * it.
   */
  onSocket(socket: WebSocket, request: IncomingMessage, raw: Duplex | undefined): void;
}

interface Mounted {
  readonly service: PathService;
  readonly server: WebSocketServer;
}

type Emit = Server['emit'];

const notFound = 'No grid is served at this path. Is it served at another path?\n';

/** Passes the requests and upgrades of one HTTP server to the managers whose paths they are for. */
export class ServerRouter {
  static readonly #routers = new WeakMap<Server, ServerRouter>();

  readonly #mounted = new Map<string, Mounted>();
  readonly #probes = new Map<string, Respond>();
  readonly #server: Server;
  #removeWrapper: (() => void) | undefined = undefined;

  /** Returns the router of a server, which the first call creates. */
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

  /**
   * Serves a path. Returns a function that stops serving it. @throws ConfigurationError if one of its paths is already
   * served.
   */
  mount(path: string, service: PathService): () => void {
    this.checkFree(path, service);
    for (const page of service.pages?.keys() ?? []) this.checkFree(page, service);
    const probes = service.health === undefined ? [] : probesOf(path, service.health);
    for (const [at] of probes) this.checkFree(at);
    for (const [at] of probes) {
      if (service.pages?.has(at) === true) throw inUse(at, 'a page');
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
    for (const [at, probe] of probes) this.#probes.set(at, probe);
    return () => {
      for (const [at] of probes) this.#probes.delete(at);
      this.#mounted.delete(path);
      server.close();
      if (this.#mounted.size === 0) this.#unhook();
    };
  }

  /**
   * Checks that nothing is served at a path; `service`: its own pages do not count.
   *
   * @throws ConfigurationError
   */
  checkFree(path: string, service?: PathService): void {
    if (this.#mounted.has(path)) throw inUse(path, 'a manager');
    if (this.#probes.has(path)) throw inUse(path, 'a probe');
    for (const { service: other } of this.#mounted.values()) {
      if (other !== service && other.pages?.has(path) === true) throw inUse(path, 'a page');
    }
  }

  #hook(): void {
    // Node treats a request as an upgrade only while there is a listener. The listener also serves code that calls an
    // `emit` that it saved before it was wrapped.
    this.#server.on('upgrade', this.#onUpgrade);
    this.#removeWrapper ??= this.#wrapEmit();
  }

  #unhook(): void {
    this.#server.off('upgrade', this.#onUpgrade);
    this.#removeWrapper?.();
  }

  // Returns a function that removes the wrapper. If `emit` has been wrapped again since, the wrapper stays and passes
  // everything on.
  #wrapEmit(): () => void {
    const server = this.#server;
    const wasOwn = Object.hasOwn(server, 'emit');
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the server, and put back as it was.
    const before = server.emit;
    const wrapper = ((event: string, ...args: unknown[]): boolean =>
      this.#handle(event, args) || (before as (...all: unknown[]) => boolean).call(server, event, ...args)) as Emit;
    server.emit = wrapper;
    return () => {
      if (server.emit !== wrapper) return;
      if (wasOwn) server.emit = before;
      else delete (server as { emit?: Emit }).emit;
      this.#removeWrapper = undefined;
    };
  }

  // Returns true if the event has been handled; otherwise it goes to the listeners.
  #handle(event: string, args: readonly unknown[]): boolean {
    if (this.#mounted.size === 0) return false;
    switch (event) {
      case 'upgrade': {
        const [request, socket, head] = args as [IncomingMessage, Duplex | undefined, Buffer];
        // If there are other listeners, the socket may be meant for them.
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

  #pageOf(asked: string): Respond | undefined {
    let longest = '';
    let found: Respond | undefined;
    for (const { service } of this.#mounted.values()) {
      for (const [path, respond] of service.pages ?? []) {
        if (path.length < longest.length || (asked !== path && !asked.startsWith(`${path}/`))) continue;
        longest = path;
        found = respond;
      }
    }
    return found;
  }

  #onRequest(event: string, request: IncomingMessage, response: ServerResponse): boolean {
    const probe = this.#probes.get(pathOf(request));
    if (probe !== undefined && !this.#isMounted(request)) {
      probe(request, response);
      return true;
    }
    if (this.#isMounted(request)) {
      respond(
        response,
        426,
        'This path is a grid: it speaks WebSocket only. Connect to it with rxgrid, or with a WebSocket client.\n',
        { Upgrade: 'websocket', Connection: 'Upgrade' },
      );
      return true;
    }
    const page = this.#pageOf(pathOf(request));
    if (page !== undefined) {
      page(request, response);
      return true;
    }
    if (this.#server.listenerCount(event) > 0) return false;
    // There is no other listener to answer.
    respond(response, 404, notFound, {});
    return true;
  }

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex | undefined, head: Buffer): void => {
    const mounted = this.#mounted.get(pathOf(request));
    if (mounted !== undefined) {
      // Not every platform with Node's modules provides the stream; Bun does not.
      const raw = socket instanceof Duplex && !('bun' in process.versions) ? socket : undefined;
      mounted.server.handleUpgrade(request, socket!, head, (webSocket) => {
        mounted.service.onSocket(webSocket, request, raw);
      });
    } else if (this.#server.listenerCount('upgrade') === 1 && socket !== undefined) {
      if (request.headers.upgrade?.toLowerCase() === 'websocket') refuseUpgrade(socket);
      else this.#handBack(request, socket, head);
    }
  };

  // A server must ignore an upgrade offer that it does not support, such as h2c, which many HTTP clients send with
  // every request. Node does so only while there is no upgrade listener, so the request is parsed again without the
  // offer.
  #handBack(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.unshift(Buffer.concat([Buffer.from(headWithoutOffer(request), 'latin1'), head]));
    this.#server.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket);
  }
}

function inUse(path: string, what: string): ConfigurationError {
  return new ConfigurationError(
    `Path ${path} of this HTTP server serves ${what} already. Give one of them another path.`,
  );
}

function respond(response: ServerResponse, status: number, text: string, headers: Record<string, string>): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', ...headers });
  response.end(text);
}

function refuseUpgrade(socket: Duplex): void {
  // Node has removed its own error listener; without one, a reset by the client would end the process.
  socket.on('error', () => {
    socket.destroy();
  });
  const length = Buffer.byteLength(notFound);
  const head = `HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${length}`;
  socket.end(`${head}\r\n\r\n${notFound}`);
}

/** The head of a request as it was received, without the upgrade offer. */
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
