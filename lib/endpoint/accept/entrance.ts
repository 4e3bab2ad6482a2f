import type { Socket } from '../../transport/socket.js';
import type { DialerInfo } from './acceptor.js';
import { Gatekeeper, type GatekeeperOptions } from './gatekeeper.js';
import { Handshakes } from './handshakes.js';

/** Where dialers come in: each has to complete a handshake, and the gatekeeper decides whether it is admitted. */
export class Entrance {
  readonly #gatekeeper: Gatekeeper;
  readonly #handshakes: Handshakes;

  constructor(options: GatekeeperOptions) {
    this.#gatekeeper = new Gatekeeper(options);
    this.#handshakes = new Handshakes(options.endpoint, options.local, (authorization) =>
      this.#gatekeeper.vouch(authorization),
    );
  }

  /** Takes an open socket of a dialer. */
  accept(socket: Socket, info: DialerInfo): void {
    this.#handshakes.accept(socket, info, (request) => this.#gatekeeper.admit(request, info));
  }

  /** Ends the handshakes that are under way. */
  close(): void {
    this.#handshakes.close();
  }
}
