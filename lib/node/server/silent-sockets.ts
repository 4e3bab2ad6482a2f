import { IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { Newcomers, type Newcomer } from '../../endpoint/newcomers.js';

/**
 * The TCP connections of a server that have sent no request yet, with or without a TLS hello: so many at once. When there
 * are more, the oldest one of the address that has the most is closed.
 */
export class SilentSockets {
  /** For the server's options: a request is made of it as soon as its head has come. */
  readonly IncomingMessage: typeof IncomingMessage;

  readonly #pool: Newcomers<Newcomer>;
  // By their remote ends: the socket of a request is another object than the TCP socket where TLS is between them.
  readonly #byEnd = new Map<string, Newcomer>();

  constructor(max: number) {
    this.#pool = new Newcomers(max);
    const heard = (socket: Socket): void => {
      this.#forget(endOf(socket));
    };
    this.IncomingMessage = class extends IncomingMessage {
      constructor(socket: Socket) {
        super(socket);
        heard(socket);
      }
    };
  }

  /** Watches the connections of a server. */
  watch(server: Server): void {
    // A router that hands a connection back to its server announces it again.
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
