/**
 * One page, as the worker that shares a connection sees it.
 *
 *     new ──here──▶ present ──two intervals without an answer to a ping──▶ away ──any message of it──▶ present
 *                      └──── it leaves, its lock is free, its port is closed ────┴──▶ gone
 *
 * A page that is frozen answers nothing: it is away, and costs the host nothing. It gets a link again when it goes on.
 */

import type { ConnectionState } from '../connection/connection-state.js';
import { agree, announcedExtensions } from '../connection/handshake.js';
import type { HostConnection } from '../connection/host-connection.js';
import type { Link } from '../connection/link.js';
import type { Endpoint } from '../endpoint/endpoint.js';
import type { TokenRequest } from '../endpoint/leaves/leaf.js';
import { toError } from '../errors.js';
import type { Extensions } from '../wire/payloads/connect.js';
import { errorOf, messageOf, postedState, type FromPage, type FromWorker, type OfferedLink } from './messages.js';
import { whenReleased } from './locks.js';
import { PortSocket } from './port-socket.js';

/** The worker of a {@link Tab}. */
export interface TabHost {
  readonly endpoint: Endpoint;
  /** The state of the shared connection; undefined while there is none. */
  readonly state: ConnectionState | undefined;
  /** The name of the worker's lock, once it holds one. */
  readonly lock: string | undefined;
  /** The tab is present: the shared connection is needed. */
  arrived(tab: Tab): void;
  /** The tab is away, or gone. */
  left(tab: Tab): void;
  /** The tab is gone for good. */
  gone(tab: Tab): void;
  /** A call of the tab waits, or it is shown again. */
  wanted(): void;
  reconnect(): void;
}

/** How calls of tabs are named. */
const caller = { name: 'a tab', kind: 'leaf' } as const;

/** A token that a tab was asked for. */
interface Question {
  readonly resolve: (token: string) => void;
  readonly reject: (error: Error) => void;
}

/** One page, at the worker: its state, its link, and the requests to it for tokens. */
export class Tab {
  /** True while it can be asked for tokens. */
  givesTokens = false;

  readonly #port: MessagePort;
  readonly #host: TabHost;
  readonly #questions = new Map<number, Question>();
  #state: 'new' | 'present' | 'away' | 'gone' = 'new';
  #extensions: Extensions = {};
  #connection: HostConnection | undefined = undefined;
  #socket: PortSocket | undefined = undefined;
  #link: Link | undefined = undefined;
  #lock: string | undefined = undefined;
  #stopWatching: (() => void) | undefined = undefined;
  #cancelPing: (() => void) | undefined = undefined;
  #unanswered = 0;
  #asked = 0;

  constructor(port: MessagePort, host: TabHost) {
    this.#port = port;
    this.#host = host;
    port.addEventListener('message', this.#onMessage);
    port.addEventListener('close', this.#onPortClosed);
    port.start();
  }

  /** The shared connection has this state: the page gets it, and a link where it is connected. */
  show(state: ConnectionState): void {
    if (this.#state !== 'present') return;
    const linked = this.#link?.open === true;
    // The notice of a drain goes over the link, in order with its answers.
    if (state.status === 'draining' && linked) this.#connection!.drain.refuseCalls(state.reason ?? '', Infinity);
    else if (state.status !== 'connected') this.cut(state.error === undefined ? undefined : toError(state.error.cause));
    this.#postState(state, state.status === 'connected' && !linked ? this.#offerLink() : undefined);
  }

  /** Closes the link: calls that have no answer fail there as those of a connection that is lost. */
  cut(error?: Error): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    if (this.#socket !== undefined) this.#socket.lossOf = error;
    connection.drain.finishLink();
    connection.close();
  }

  /** Asks the page for a token. */
  askToken(request: TokenRequest): Promise<string> {
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      this.#questions.set(id, { resolve, reject });
      this.#post({ rxgrid: 'token', id, request });
    });
  }

  /** The shared connection is closed. */
  close(): void {
    this.#leave('gone');
  }

  readonly #onPortClosed = (): void => {
    this.#leave('gone');
  };

  readonly #onMessage = ({ data }: { readonly data: unknown }): void => {
    const message = messageOf<FromPage>(data);
    if (message === undefined || this.#state === 'gone') return;
    this.#unanswered = 0;
    if (message.rxgrid === 'here') this.#onHere(message);
    // It was away: it has to send `here` again.
    else if (this.#state === 'away' && message.rxgrid !== 'gone') this.#arrive();
    switch (message.rxgrid) {
      case 'wanted':
        this.#host.wanted();
        break;
      case 'reconnect':
        this.#host.reconnect();
        break;
      case 'relink':
        if (this.#link?.open !== true && this.#host.state !== undefined) this.show(this.#host.state);
        break;
      case 'token':
        this.#onToken(message);
        break;
      case 'gone':
        this.#leave('gone');
        break;
      default:
    }
  };

  #onHere({ lock, extensions, givesTokens }: Extract<FromPage, { readonly rxgrid: 'here' }>): void {
    this.#extensions = extensions;
    this.givesTokens = givesTokens;
    if (lock !== undefined && lock !== this.#lock) {
      this.#lock = lock;
      this.#stopWatching?.();
      this.#stopWatching = whenReleased(lock, () => {
        this.#leave('gone');
      });
    }
    if (this.#state !== 'present') this.#arrive();
  }

  #onToken({ id, token, error }: Extract<FromPage, { readonly rxgrid: 'token' }>): void {
    const question = this.#questions.get(id);
    this.#questions.delete(id);
    if (token === undefined)
      question?.reject(error === undefined ? new Error('The page gave no token.') : errorOf(error));
    else question?.resolve(token);
  }

  #arrive(): void {
    this.#state = 'present';
    this.#ping();
    this.#host.arrived(this);
    // A connection that has just been opened has shown its state already.
    const { state } = this.#host;
    if (state !== undefined && this.#link?.open !== true) this.show(state);
  }

  #leave(state: 'away' | 'gone'): void {
    if (this.#state === 'gone') return;
    const before = this.#state;
    this.#state = state;
    this.#cancelPing?.();
    this.cut();
    for (const { reject } of this.#questions.values())
      reject(new Error('The page that was asked for a token is gone.'));
    this.#questions.clear();
    if (state === 'gone') {
      this.#stopWatching?.();
      this.#port.removeEventListener('message', this.#onMessage);
      this.#port.removeEventListener('close', this.#onPortClosed);
      this.#port.close();
    }
    if (before === 'present') this.#host.left(this);
    if (state === 'gone') this.#host.gone(this);
  }

  #ping(): void {
    const { runtime, limits } = this.#host.endpoint;
    this.#cancelPing?.();
    this.#unanswered = 0;
    const ping = (): void => {
      if (this.#unanswered >= 2) {
        this.#leave('away');
        return;
      }
      this.#unanswered++;
      this.#post({ rxgrid: 'ping' });
      this.#cancelPing = runtime.schedule(ping, limits.connectionPingInterval);
    };
    ping();
  }

  #offerLink(): OfferedLink {
    const { endpoint } = this.#host;
    const extensions = announcedExtensions('off');
    const { port1, port2 } = new MessageChannel();
    const { connection } = endpoint.connect(caller.name);
    const socket = new PortSocket(port1);
    const link = endpoint.link(connection, {
      socket,
      // No checksums: the bytes do not leave the browser.
      agreement: agree(extensions, this.#extensions, true),
      remoteId: endpoint.id,
      caller,
    });
    this.#connection?.close();
    this.#connection = connection;
    this.#socket = socket;
    this.#link = link;
    connection.lost.subscribe(() => {
      connection.close();
    });
    connection.open(link);
    return { port: port2, id: endpoint.id, extensions };
  }

  #postState(state: ConnectionState, link: OfferedLink | undefined): void {
    const message: FromWorker = { rxgrid: 'state', state: postedState(state), lock: this.#host.lock, link };
    this.#post(message, link === undefined ? [] : [link.port]);
  }

  #post(message: FromWorker, transfer: Transferable[] = []): void {
    this.#port.postMessage(message, transfer);
  }
}
