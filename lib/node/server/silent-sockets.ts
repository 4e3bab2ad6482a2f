import { IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { Newcomers, type Newcomer } from '../../endpoint/accept/newcomers.js';

/**
 * Limits the number of TCP connections of a server that have not sent a request yet, with or without a TLS hello.
 * Beyond the limit, the oldest connection of the address with the most connections is closed.
 */
export class SilentSockets {
  /**
   * Must be given to the server as an option: the server creates an instance as soon as the head of a request has
   * arrived.
   */
  readonly IncomingMessage: typeof IncomingMessage;

  readonly #pool: Newcomers<Newcomer>;
  // By remote address and port: with TLS, the socket of a request is not the same object as the TCP socket.
  readonly #byEnd = new Map<string, Newcomer>();

  constructor(max: number) {
    this.#pool = new Newcomers(max);
    const received = (socket: Socket): void => {
      this.#forget(endOf(socket));
    };
    this.IncomingMessage = class extends IncomingMessage {
      constructor(socket: Socket) {
        super(socket);
        received(socket);
      }
    };
  }

  /** Watches the connections of a server. */
  watch(server: Server): void {
    // A router that passes a connection back to its server emits it again.
    const known = new WeakSet<Socket>();
    server.on('connection', (socket: Socket) => {
      if (known.has(socket)) return;
      known.add(socket);
      const end = endOf(socket);
      const newcomer: Newcomer = {
        address: socket.remoteAddress ?? '',
        silent: true,
        drop: () => {
          this.#byEnd.delete(end);
          socket.destroy();
        },
      };
      this.#byEnd.set(end, newcomer);
      this.#pool.add(newcomer);
      socket.once('close', () => {
        if (this.#byEnd.get(end) === newcomer) this.#forget(end);
      });
    });
  }

  #forget(end: string): void {
    const newcomer = this.#byEnd.get(end);
    if (newcomer === undefined) return;
    this.#byEnd.delete(end);
    this.#pool.delete(newcomer);
  }
}

function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${String(remoteAddress)} ${String(remotePort)}`;
}
