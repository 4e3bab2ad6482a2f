import { createServer, type IncomingMessage, type Server as HttpServer } from 'node:http';
import { createServer as createTlsServer, type Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { take } from 'rxjs';
import type { WebSocket } from 'ws';
import { checkOptions, oneOf, someText, whole, type Rule } from '../../check.js';
import type { Health } from '../../endpoint/health.js';
import { adoptWebSocket } from '../../transport/ws-socket.js';
import { ConfigurationError } from '../../errors.js';
import { guarded, ThrownErrors } from '../../guard.js';
import { defaultLimits } from '../../limits.js';
import { Manager as IsomorphicManager } from '../../endpoint/manager.js';
import { managerRules, type ManagerOptions as IsomorphicOptions } from '../../endpoint/manager-options.js';
import { kernelOf, takeSocketOptions, tlsContext, type SocketOptions, type TlsOptions } from './dial.js';
import { ListenError } from './listen-error.js';
import { acceptorRegionWriter, type KernelOf } from '../files/send/attach-region-writer.js';
import { readPath } from './read-path.js';
import { ServerRouter } from './server-router.js';
import { SilentSockets } from './silent-sockets.js';
import type { Respond } from './probes.js';

/** Options of a {@link Manager} in Node. */
export interface ManagerOptions extends IsomorphicOptions, SocketOptions {}

/** Where to listen, if different from the local name. */
export interface ListenOptions extends AttachOptions {
  /** Port. Default: that of the local name. */
  readonly port?: number;
  /**
   * Address of the interface. Default: the loopback interface if the local name is a loopback address, otherwise all
   * interfaces.
   */
  readonly address?: string;
}

/** How a manager is served. */
export interface AttachOptions {
  /**
   * True: answers `GET <path>/healthz`, 200 while the process is alive, and `GET <path>/readyz`, 200 while the host can
   * be sent calls, or else 503: for probes of an orchestrator, which need no token. Default false.
   */
  readonly health?: boolean;
}

const attachRules: Readonly<Record<keyof AttachOptions, Rule>> = { health: oneOf(true, false) };
const listenRules: Readonly<Record<keyof ListenOptions, Rule>> = {
  ...attachRules,
  port: whole(0, 0xffff),
  address: someText,
};

/** An {@link IsomorphicManager} that can be dialed: it serves its paths on an HTTP server. */
export class Manager extends IsomorphicManager {
  readonly #tls: TlsOptions | undefined;
  readonly #kernel: KernelOf;
  readonly #maxMessageBytes: number;
  readonly #handshakeTimeout: number;
  readonly #maxHandshakes: number;
  readonly #unmount: (() => void)[] = [];
  readonly #routers = new Set<ServerRouter>();
  /** Pages at the HTTP server, by their paths. */
  readonly #pages = new Map<string, Respond>();
  #listens = false;
  #server: HttpServer | HttpsServer | undefined = undefined;

  constructor(options: ManagerOptions) {
    super(takeSocketOptions(options, managerRules, 'Manager'));
    this.#tls = options.tls;
    this.#kernel = kernelOf(options);
    this.#maxMessageBytes = options.limits?.maxMessageBytes ?? defaultLimits.maxMessageBytes;
    this.#handshakeTimeout = options.limits?.handshakeTimeout ?? defaultLimits.handshakeTimeout;
    this.#maxHandshakes = options.limits?.maxHandshakes ?? defaultLimits.maxHandshakes;
  }

  /**
   * Starts an HTTP server at the port of the local name, serves the manager's paths on it, and dials the peers.
   *
   * @throws ConfigurationError if the local name is https and there is no certificate, or if the manager is listening
   * already; ListenError, with the system's `code` (EADDRINUSE), if the port is in use or the address is none of this
   * machine.
   */
  async listen(options: ListenOptions = {}): Promise<void> {
    checkOptions(options, listenRules, { of: 'listen' });
    const { port, address, health } = options;
    this.#checkOpen();
    if (this.#listens) {
      throw new ConfigurationError(
        `The manager of ${this.local} listens already. For a second address, attach() it to an HTTP server of your own.`,
      );
    }
    this.#listens = true;
    this.expectStart(true);
    try {
      await this.#listen(port, address, health);
    } catch (error) {
      this.#listens = false;
      this.expectStart(false);
      throw error;
    }
    this.#checkOpen();
    await this.start();
  }

  async #listen(port: number | undefined, address: string | undefined, health: boolean | undefined): Promise<void> {
    const url = new URL(this.local);
    const secure = url.protocol === 'https:';
    if (secure && (this.#tls?.cert === undefined || this.#tls.key === undefined)) {
      throw new ConfigurationError(`${this.local} is https: give the manager tls: { key, cert }.`);
    }
    // A client that connects and never requests an upgrade occupies a socket like one that sends no Connect.
    const times = {
      headersTimeout: this.#handshakeTimeout,
      requestTimeout: this.#handshakeTimeout,
      connectionsCheckingInterval: this.#handshakeTimeout,
    };
    const silent = new SilentSockets(this.#maxHandshakes);
    const serverOptions = { ...times, IncomingMessage: silent.IncomingMessage };
    const server = secure
      ? createTlsServer({ ...serverOptions, ...tlsContext(this.#tls!), handshakeTimeout: this.#handshakeTimeout })
      : createServer(serverOptions);
    silent.watch(server);
    const at = {
      port: port ?? Number(url.port || (secure ? 443 : 80)),
      host: address ?? loopbackOf(url.hostname),
    };
    const unmount = this.#mount(server, health);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(at, () => {
          server.removeAllListeners('error');
          resolve();
        });
      });
    } catch (error) {
      unmount();
      // Made here and not in the listener, so that its stack has the line that called listen().
      throw new ListenError(this.local, at, error as NodeJS.ErrnoException);
    }
    this.#server = server;
    // If close() was called meanwhile, it found no server to close.
    if (this.closed) await this.#closeServer();
  }

  /**
   * Serves the manager's paths on an existing HTTP server, and dials the peers. Requests and upgrades for other paths
   * go to the listeners of the server, whether they were added before or after; if there are none, the answer is 404.
   * The application remains responsible for listening and closing.
   *
   * @throws ConfigurationError if one of the paths already serves another manager.
   */
  async attach(server: HttpServer | HttpsServer, options: AttachOptions = {}): Promise<void> {
    checkOptions(options, attachRules, { of: 'attach' });
    this.#checkOpen();
    this.#mount(server, options.health);
    await this.start();
  }

  /**
   * Answers requests for a path, and the paths below it, at each server that this manager is served on.
   *
   * @throws ConfigurationError if the path is in use.
   * @internal
   */
  servePage(path: string, respond: Respond): void {
    if (this.paths.includes(path) || this.#pages.has(path)) {
      throw new ConfigurationError(`${this.local} serves ${path} already: give one of them another path.`);
    }
    for (const router of this.#routers) router.checkFree(path);
    this.#pages.set(path, respond);
  }

  protected override async closeAll(): Promise<void> {
    const errors = new ThrownErrors();
    for (const unmount of this.#unmount.splice(0)) guarded(errors.add, unmount);
    await super.closeAll().catch(errors.add);
    await this.#closeServer().catch(errors.add);
    errors.throwAny(`${this.local} is closed, and some of it failed to close as it should.`);
  }

  #checkOpen(): void {
    if (this.closed) throw new ConfigurationError(`The manager of ${this.local} is closed: make a new one.`);
  }

  async #closeServer(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    await new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
      server.closeAllConnections();
    });
  }

  // Returns a function that stops serving.
  readonly #healthNow = (): Health => {
    let now: Health | undefined;
    // It begins with the present state.
    this.health$.pipe(take(1)).subscribe((health) => (now = health));
    return now!;
  };

  #mount(server: HttpServer | HttpsServer, health: boolean | undefined): () => void {
    const router = ServerRouter.of(server);
    const service = {
      maxMessageBytes: this.#maxMessageBytes,
      health: health === true ? this.#healthNow : undefined,
      pages: this.#pages,
      onSocket: (socket: WebSocket, request: IncomingMessage, raw: Duplex | undefined) => {
        const regionWriter = raw === undefined ? {} : { regionWriter: acceptorRegionWriter(socket, raw, this.#kernel) };
        const accepted = adoptWebSocket(socket, raw, {
          ...regionWriter,
          readPath,
          maxMessageBytes: this.#maxMessageBytes,
        });
        const { origin, authorization } = request.headers;
        this.accept(accepted, {
          origin,
          authorization,
          address: (request.socket as Socket | undefined)?.remoteAddress,
        });
      },
    };
    const mounted: (() => void)[] = [];
    try {
      for (const path of this.paths) mounted.push(router.mount(path, service));
    } catch (error) {
      for (const unmount of mounted) unmount();
      throw error;
    }
    this.#routers.add(router);
    const unmount = (): void => {
      this.#routers.delete(router);
      for (const stop of mounted.splice(0)) stop();
    };
    this.#unmount.push(unmount);
    return unmount;
  }
}

/** The address to listen at for a loopback name; undefined, which means all interfaces, for any other name. */
function loopbackOf(hostname: string): string | undefined {
  if (hostname === '[::1]') return '::1';
  return hostname === 'localhost' || /^127\.\d+\.\d+\.\d+$/.test(hostname) ? hostname : undefined;
}
