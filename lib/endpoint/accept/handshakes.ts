import type { Socket } from '../../transport/socket.js';
import { AcceptingHandshake, refuseHandshake, type Admit, type DialerInfo, type Handshake } from './acceptor.js';
import type { Endpoint } from '../endpoint.js';
import type { Gatekeeper } from './gatekeeper.js';
import { Newcomers, type Newcomer } from './newcomers.js';

interface Entry extends Newcomer {
  handshake: Handshake | undefined;
}

/**
 * The incoming handshakes of one host, at most `maxHandshakes` at a time. When the pool is full, the oldest dialer that
 * has sent nothing is dropped to make room, of the address that has the most; where all have sent something, the
 * newcomer is refused. A dialer whose upgrade has the valid token of a host then gets in beside the pool, so strangers
 * cannot lock hosts out.
 */
export class Handshakes {
  readonly #endpoint: Endpoint;
  readonly #local: string;
  readonly #gatekeeper: Gatekeeper;
  readonly #pool: Newcomers<Entry>;
  // Outside the pool: their header is being verified, or is valid.
  readonly #vouched = new Set<Entry>();
  // Dropped, and still open for a moment so that the reason can be sent.
  readonly #leaving = new Set<Entry>();

  constructor(endpoint: Endpoint, local: string, gatekeeper: Gatekeeper) {
    this.#endpoint = endpoint;
    this.#local = local;
    this.#gatekeeper = gatekeeper;
    this.#pool = new Newcomers(endpoint.limits.maxHandshakes);
  }

  /** Starts the handshake of an open socket, or refuses it. */
  accept(socket: Socket, info: DialerInfo): void {
    const { maxHandshakes } = this.#endpoint.limits;
    const entry: Entry = {
      address: info.address ?? '',
      handshake: undefined,
      get silent() {
        return this.handshake?.silent ?? true;
      },
      drop: () => {
        this.#drop(entry);
      },
    };
    const { authorization } = info;
    const full = this.#pool.size >= maxHandshakes;
    if (full && authorization !== undefined && this.#vouched.size < maxHandshakes) {
      this.#vouched.add(entry);
      void this.#gatekeeper.vouch(authorization).then((valid) => {
        if (!valid && this.#vouched.delete(entry) && !this.#pool.add(entry)) entry.drop();
      });
    } else if (!this.#pool.add(entry)) {
      refuseHandshake(this.#endpoint, socket, this.#fullReason);
      return;
    }
    const admit: Admit = (request) => this.#gatekeeper.admit(request, info);
    entry.handshake = new AcceptingHandshake(this.#endpoint, socket, info, admit, () => {
      this.#pool.delete(entry);
      this.#vouched.delete(entry);
      this.#leaving.delete(entry);
    });
  }

  /** Closes all handshakes. */
  close(): void {
    for (const { handshake } of [...this.#pool, ...this.#vouched, ...this.#leaving]) handshake?.giveUp();
  }

  #drop(entry: Entry): void {
    if (this.#leaving.size < this.#endpoint.limits.maxHandshakes) this.#leaving.add(entry);
    else entry.handshake?.giveUp();
    entry.handshake?.reject(this.#fullReason);
  }

  get #fullReason(): string {
    const { maxHandshakes } = this.#endpoint.limits;
    return `${String(maxHandshakes)} handshakes are under way at ${this.#local} (maxHandshakes): dial again later`;
  }
}
