import { errorText } from '../../errors.js';
import { duplicateProbeTimeout } from '../../bounds.js';
import { RejectedError } from '../../rejection.js';
import type { ConnectRequest } from '../../wire/payloads/connect.js';
import { checkClock, DuplicateHostRejection, type Admission, type DialerInfo } from './acceptor.js';
import { checkToken, refusedReason, type Auth } from './auth.js';
import type { Endpoint } from '../endpoint.js';
import { usesTls } from '../host-name.js';
import type { Leaves } from '../leaves/leaves.js';
import { sendDuplicateNotice, type Peer } from '../peers/peers.js';

/** What a {@link Gatekeeper} needs from its manager. */
export interface GatekeeperOptions {
  readonly endpoint: Endpoint;
  readonly local: string;
  readonly auth: Auth;
  readonly leaves: Leaves | undefined;
  /** Why the host drains; undefined while it does not. */
  readonly draining: () => string | undefined;
  /** The peer of a name; undefined if it is not in the list of hosts. */
  readonly peer: (host: string) => Peer | undefined;
  /** Resolves to whether the manager is started; waits while it starts. */
  readonly started: () => Promise<boolean>;
}

/** Decides which handshakes a host accepts: those of the hosts of the cluster, and those of leaves. */
export class Gatekeeper {
  readonly #options: GatekeeperOptions;

  constructor(options: GatekeeperOptions) {
    this.#options = options;
  }

  /** True if an Authorization header has the valid token of a host of the cluster. Never rejects. */
  async vouch(authorization: string): Promise<boolean> {
    const token = bearerToken(authorization);
    if (token === undefined) return false;
    try {
      const host = await this.#options.auth.claimedHost?.(token);
      if (host === undefined || this.#options.peer(host) === undefined) return false;
      await this.#verify(token, host);
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Checks a Connect, in the order of the protocol (wire protocol, section 4).
   *
   * @throws Error; its text is the reason of the rejection.
   */
  async admit(request: ConnectRequest, info: DialerInfo): Promise<Admission> {
    const { local, leaves } = this.#options;
    // A host may be dialed while it starts.
    if (!(await this.#options.started())) throw new Error(`${local} is not started, or closed`);
    this.#checkNoDrain();
    if (request.leaf === true) {
      if (leaves === undefined) {
        const text = `${local} takes no leaves: give its Manager the option leaves: { authenticate }`;
        // A leaf that tried again and again would never be let in.
        throw new RejectedError(text, text, 'permission-denied');
      }
      const admission = await leaves.admit(request, info);
      return {
        ...admission,
        check: () => {
          this.#checkNoDrain();
          admission.check?.();
        },
      };
    }
    const peer = this.#options.peer(request.host);
    if (peer === undefined) {
      throw new Error(
        `unknown incoming host: ${request.host} is not among the hosts of ${local}: add it, spelt exactly so`,
      );
    }
    try {
      await this.#checkPeer(peer, request);
    } catch (error) {
      peer.rejected(errorText(error));
      throw error;
    }
    return this.#admission(peer);
  }

  #admission(peer: Peer): Admission {
    const { endpoint, local } = this.#options;
    return {
      tls: usesTls(local) && usesTls(peer.host),
      check: () => {
        this.#checkNoDrain();
      },
      open: (socket, agreement, remoteId) => {
        const caller = { name: peer.host, kind: 'host' } as const;
        peer.connection.open(endpoint.link(peer.connection, { socket, agreement, remoteId, caller }));
      },
    };
  }

  #checkNoDrain(): void {
    const reason = this.#options.draining();
    if (reason !== undefined) throw new Error(`${this.#options.local} drains and takes no connections: ${reason}`);
  }

  async #checkPeer(peer: Peer, request: ConnectRequest): Promise<void> {
    const { endpoint, local } = this.#options;
    checkClock(request, endpoint);
    await this.#verify(request.token, peer.host);
    if (peer.dials === 'local') {
      throw new Error(`wrong direction: ${local} dials ${peer.host}, which its name decides`);
    }
    await this.#checkDuplicate(peer, request.id);
  }

  async #verify(token: string, remote: string): Promise<void> {
    const { endpoint, local, auth } = this.#options;
    const wallNow = (): number => endpoint.runtime.wallNow();
    await checkToken(refusedReason, () => auth.verify(token, { local, remote, wallNow }));
  }

  // A process that dials again replaces its own connection, and that of a process that no longer answers.
  async #checkDuplicate({ host, connection }: Peer, id: Uint8Array): Promise<void> {
    const { endpoint, local } = this.#options;
    const { link } = connection;
    if (link === undefined || link.remoteId.every((byte, index) => byte === id[index])) return;
    if (!(await link.answers(duplicateProbeTimeout))) return;
    endpoint.report({ type: 'duplicate-host', host, at: local });
    sendDuplicateNotice(link);
    throw new DuplicateHostRejection(
      `another process calls itself ${host} and is connected to ${local}: give each process a name of its own, or stop the other one`,
    );
  }
}

function bearerToken(authorization: string): string | undefined {
  return /^Bearer (.+)$/i.exec(authorization)?.[1];
}
