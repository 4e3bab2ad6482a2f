import { BehaviorSubject, isObservable, Subscription, type Observable } from 'rxjs';
import { errorText } from '../../errors.js';
import { reportUnhandled } from '../../flow/unhandled.js';
import { guarded } from '../../guard.js';
import type { HostConnection } from '../../connection/host-connection.js';
import type { Endpoint } from '../endpoint.js';
import { checkHostList, HostLists } from './host-list.js';
import { createPeer, type Peer } from './peers.js';
import { Retirement } from './retirement.js';

/** What a {@link Membership} needs from its manager. */
export interface MembershipOptions {
  readonly endpoint: Endpoint;
  readonly local: string;
  readonly hosts: readonly string[] | Observable<readonly string[]>;
  /** Starts to dial a peer, or to wait for it. */
  readonly startPeer: (peer: Peer) => void;
  /** Called after the list has changed. */
  readonly changed: () => void;
}

/**
 * The other hosts of the cluster. Keeps one peer for each name of the current list.
 *
 *     created (static list: peers exist) ──start──▶ started (peers are started; an Observable is subscribed to) ──close──▶ closed
 */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #lists: HostLists;
  // Of hosts that were removed and whose calls have not ended; several of one host where it flaps.
  readonly #retiring = new Set<Retirement>();
  readonly #peers = new BehaviorSubject<ReadonlyMap<string, Peer>>(new Map());
  readonly #names: BehaviorSubject<readonly string[]>;
  #started = false;
  #listed = false;
  // An object from the start: a list that is emitted within `subscribe` may cause the close.
  readonly #subscription = new Subscription();

  /** @throws ConfigurationError for a static list that is not valid. */
  constructor(options: MembershipOptions) {
    this.#options = options;
    const { endpoint, local, hosts } = options;
    this.#names = new BehaviorSubject<readonly string[]>([local]);
    this.#lists = new HostLists(local, endpoint.report);
    if (isObservable(hosts)) return;
    checkHostList(hosts, local);
    this.#apply(hosts);
  }

  /** The peers by name, in the order of the list. */
  get peers(): ReadonlyMap<string, Peer> {
    return this.#peers.value;
  }

  /** True once there is a list: at once for a static one, and after its first valid list for an Observable. */
  get listed(): boolean {
    return this.#listed;
  }

  /** The names of the current list, this host among them if it is listed. */
  get names(): readonly string[] {
    return this.#names.value;
  }

  /** The names, starting with the current ones. Completes when the membership is closed. */
  get names$(): Observable<readonly string[]> {
    return this.#names;
  }

  /** All connections to hosts: of the peers, and of hosts that were removed and whose calls have not ended. */
  *connections(): Iterable<HostConnection> {
    for (const { connection } of this.peers.values()) yield connection;
    for (const { connection } of this.#retiring) yield connection;
  }

  /** Closes the connections to hosts that were removed. */
  closeRetiring(): void {
    for (const retirement of [...this.#retiring]) {
      guarded(reportUnhandled, () => {
        retirement.close();
      });
    }
  }

  /** The peers, starting with the current ones. Completes when the membership is closed. */
  get peers$(): Observable<ReadonlyMap<string, Peer>> {
    return this.#peers;
  }

  /** Starts all peers, and subscribes to the list if it is an Observable. */
  start(): void {
    this.#started = true;
    for (const peer of this.peers.values()) this.#options.startPeer(peer);
    // Emits again, because it is known now which side dials.
    this.#peers.next(this.peers);
    const { endpoint, local, hosts } = this.#options;
    if (!isObservable(hosts)) return;
    const report = (reason: string): void => {
      endpoint.report({ type: 'rejected', host: local, by: 'local', reason });
    };
    const unusable = (error: unknown): void => {
      report(`The list of hosts cannot be used, and the last one stays: ${errorText(error)}`);
    };
    const subscription = hosts.subscribe({
      next: (names) => {
        guarded(unusable, () => {
          const valid = this.#lists.check(names);
          if (valid !== undefined) this.#apply(valid);
        });
      },
      error: (error: unknown) => {
        report(`The Observable of the hosts failed, and its last list stays: ${errorText(error)}`);
      },
    });
    this.#subscription.add(subscription);
  }

  /** Stops following the list. */
  unsubscribe(): void {
    this.#started = false;
    this.#subscription.unsubscribe();
  }

  /** Completes {@link peers$} and {@link names$}. The peers themselves are closed by the manager. */
  complete(): void {
    this.#peers.complete();
    this.#names.complete();
  }

  #apply(names: readonly string[]): void {
    const { endpoint, local, startPeer, changed } = this.#options;
    this.#listed = true;
    const before = this.peers;
    const peers = new Map<string, Peer>();
    for (const name of names) {
      if (name !== local) peers.set(name, before.get(name) ?? createPeer(endpoint, name));
    }
    for (const peer of before.values()) if (!peers.has(peer.host)) this.#retire(peer);
    if (this.#started) {
      for (const peer of peers.values()) {
        // Two connections to one host would replace each other: the new one begins when the old one has ended.
        if (!before.has(peer.host) && !this.#retires(peer.host)) guarded(reportUnhandled, startPeer, peer);
      }
    }
    this.#peers.next(peers);
    changed();
    this.#names.next(names);
  }

  #retire(peer: Peer): void {
    const { endpoint, startPeer } = this.#options;
    const { host } = peer;
    const retirement = new Retirement(endpoint.runtime, peer, () => {
      this.#retiring.delete(retirement);
      // The host may be in the list again, and an earlier connection to it may still have calls: a host that flaps.
      const successor = this.peers.get(host);
      if (!this.#started || successor === undefined || successor === peer || this.#retires(host)) return;
      guarded(reportUnhandled, startPeer, successor);
    });
    this.#retiring.add(retirement);
    retirement.begin();
  }

  #retires(host: string): boolean {
    return [...this.#retiring].some(({ connection }) => connection.host === host);
  }
}
