/**
 * N managers in one process, each connected with every other one over a network in memory: the managers that you use,
 * with their handshakes, tokens, pings and reconnects, on virtual time.
 */

import { BehaviorSubject, filter, firstValueFrom, map, merge, Subject, type Observable } from 'rxjs';
import { checkOptions } from '../../check.js';
import { ConfigurationError } from '../../errors.js';
import { staticToken, type Auth } from '../../endpoint/accept/auth.js';
import { connect, type ConnectOptions } from '../../endpoint/leaves/leaf.js';
import { defaultPath } from '../../endpoint/host-name.js';
import type { Manager } from '../../endpoint/manager.js';
import type { Bound } from '../../contract/handler.js';
import type { GridEvent } from '../../observe.js';
import { managerRules, type ManagerOptions } from '../../endpoint/manager-options.js';
import { checkClusterOptions, checkHostName, checkShortNames } from '../name-check.js';
import type { Cable } from './cable.js';
import { ClusterHost } from './cluster-host.js';
import { clusterLeaf, type ClusterLeaf } from './cluster-leaf.js';
import type { FaultTarget } from './fault-target.js';
import { lineOptionRules, type LineOptions } from './lane.js';
import { MemoryNetwork } from './memory-network.js';
import type { MessageFault } from './message-fault.js';
import type { PeerKind } from './peer-kind.js';
import { RouteBook } from '../frames/route-book.js';
import type { VirtualClock } from '../time/virtual-clock.js';

/** Options of a {@link Cluster}. What a manager takes goes to each of them. */
export interface ClusterOptions
  extends LineOptions, Partial<Omit<ManagerOptions, 'local' | 'hosts' | 'runtime' | 'dial'>> {
  readonly clock: VirtualClock;
  /** Short names, or how many: `a`, `b`, `c`, … Host `a` is `http://a`. Default 2. */
  readonly hosts?: number | readonly string[];
  /** Registers handlers at a manager: called before each start, so a restart loses what it keeps. */
  readonly setup?: (manager: Manager, name: string) => void;
  /** How wrong the wall clock of a host is, in ms. */
  readonly skew?: Readonly<Record<string, number>>;
  /**
   * Hosts that are not as the library is, by their short names: peers without its extensions, or of an older version.
   */
  readonly peers?: Readonly<Record<string, PeerKind>>;
  /**
   * True: the managers get the list of hosts as an Observable, which {@link Cluster.list} changes. Then a manager knows
   * no other host before its start. Default false: the list is fixed.
   */
  readonly changingList?: boolean;
  /** The line between two hosts, where it differs. */
  readonly line?: (from: string, to: string) => LineOptions | undefined;
  /** Entries of the log of each cable that are kept; 0 for none. Default 10 000. */
  readonly history?: number;
}

/** An event of one host or leaf of a {@link Cluster}. */
export interface ClusterEvent {
  /** Short name of the host or the leaf. */
  readonly at: string;
  readonly event: GridEvent;
}

/** Managers in one process, connected over a network in memory, on virtual time. */
export class Cluster implements FaultTarget {
  readonly hosts: readonly ClusterHost[];
  readonly network: MemoryNetwork;
  /** Names of the routes that have handlers here, for transcripts. */
  readonly book: RouteBook;
  /**
   * What belongs to no call, of all hosts, across their restarts, and of all leaves: handler errors, rejections,
   * limits.
   */
  readonly events$: Observable<ClusterEvent>;

  readonly #clock: VirtualClock;
  // Names of the hosts in the list, where it changes.
  readonly #list: BehaviorSubject<readonly string[]> | undefined;
  readonly #leaves: ClusterLeaf[] = [];
  readonly #leafEvents = new Subject<ClusterEvent>();

  /**
   * @throws ConfigurationError for an option that is unknown or out of its range, and for a host that is named twice.
   */
  constructor(options: ClusterOptions) {
    const {
      clock,
      hosts = 2,
      setup,
      skew,
      peers,
      changingList = false,
      line,
      history,
      latency,
      jitter,
      bandwidth,
      auth,
      ...others
    } = options;
    this.#clock = clock;
    checkClusterOptions(options, managerRules);
    checkOptions(given({ latency, jitter, bandwidth }), lineOptionRules, { of: 'cluster' });
    this.book = new RouteBook(options.codec);
    const { seed } = clock.seeded;
    this.network = new MemoryNetwork({
      runtime: clock,
      seed,
      ...given({ line, history, latency, jitter, bandwidth }),
    });
    const names = hostNames(hosts);
    checkNames(names, { skew, peers });
    const urls: readonly string[] = names.map((name) => `http://${name}`);
    this.#list = changingList ? new BehaviorSubject(urls) : undefined;
    const managerOptions = { ...others, hosts: this.#list ?? urls, auth: holding(clock, auth ?? staticToken('test')) };
    this.hosts = names.map(
      (name) =>
        new ClusterHost({
          name,
          clock,
          network: this.network,
          book: this.book,
          skew: skew?.[name] ?? 0,
          peer: peers?.[name],
          options: managerOptions,
          setup,
          hosts: names,
          known: () => this.ends,
        }),
    );
    this.events$ = merge(
      this.#leafEvents,
      ...this.hosts.map(({ name, events$ }) => events$.pipe(map((event) => ({ at: name, event })))),
    );
  }

  get cables(): readonly Cable[] {
    return this.network.cables;
  }

  /** Short names of the hosts, then of the leaves. */
  get ends(): readonly string[] {
    return [...this.hosts, ...this.#leaves].map(({ name }) => name);
  }

  /** A host by its short name. @throws ConfigurationError for one that is not in the cluster. */
  host(name: string): ClusterHost {
    const found = this.hosts.find((host) => host.name === name);
    if (found !== undefined) return found;
    const names = this.hosts.map((host) => host.name);
    checkHostName(name, names, 'the cluster');
    throw new ConfigurationError(`${name} is no host of the cluster.`);
  }

  /**
   * The cable between two hosts, or a host and a leaf, for faults and for `expectFrames`.
   *
   * @throws ConfigurationError for a name that none has, and for two ends that are the same.
   */
  cable(left: ClusterHost | ClusterLeaf | string, right: ClusterHost | ClusterLeaf | string): Cable {
    const ends = [nameOf(left), nameOf(right)] as const;
    for (const end of ends) checkHostName(end, this.ends, 'the cluster');
    if (ends[0] === ends[1]) throw new ConfigurationError(`A cable has two ends: ${ends[0]} has none to itself.`);
    return this.network.cable(...ends);
  }

  interfere(fault: MessageFault): () => void {
    return this.network.interfere(fault);
  }

  /**
   * Changes the list that every host has of the hosts, to those with these short names: others have left the cluster,
   * or not joined it yet.
   *
   * @throws ConfigurationError without the option `changingList`, and for a name that no host has.
   */
  list(names: readonly string[]): void {
    if (this.#list === undefined) {
      throw new ConfigurationError('The list of hosts is fixed: give the cluster the option changingList.');
    }
    this.#list.next(names.map((name) => this.host(name).url));
  }

  /** Starts the hosts that do not run. They dial each other when time passes. */
  async start(): Promise<void> {
    await this.#clock.hold(Promise.all(this.hosts.map((host) => host.start())));
  }

  /** Starts the hosts, and resolves when each is connected with all that run. */
  async connected(): Promise<void> {
    await this.start();
    await Promise.all(
      this.hosts.map((host) =>
        firstValueFrom(
          host.manager.cluster$.pipe(filter(({ hosts }) => hosts.every(({ status }) => status === 'connected'))),
        ),
      ),
    );
  }

  /**
   * A leaf that dials `host`, over a cable of its own: a target of faults like any other. The host accepts it when the
   * option `leaves` says so.
   *
   * @throws ConfigurationError for the name of a host of the cluster, and for a host that is not in it.
   */
  leaf(
    name: string,
    host: ClusterHost | string,
    options: Partial<ConnectOptions> & { handlers?: readonly Bound[] } = {},
  ): ClusterLeaf {
    if (this.hosts.some((each) => each.name === name))
      throw new ConfigurationError(`${name} is a host of the cluster.`);
    this.host(nameOf(host));
    const connection = connect(`ws://${nameOf(host)}${defaultPath}`, {
      token: name,
      runtime: this.#clock,
      dial: this.network.dialer(name),
      ...options,
    });
    const leaf = clusterLeaf(connection, name, nameOf(host), this.network);
    for (const { route } of options.handlers ?? []) this.book.add(route);
    leaf.events$.subscribe((event) => {
      this.#leafEvents.next({ at: name, event });
    });
    this.#leaves.push(leaf);
    return leaf;
  }

  /** Closes everything. */
  async close(): Promise<void> {
    for (const leaf of this.#leaves) leaf.close();
    await Promise.all(this.hosts.map((host) => host.close()));
  }
}

/** Short names of hosts: as they are given, or so many letters. */
export function hostNames(hosts: number | readonly string[]): readonly string[] {
  if (typeof hosts !== 'number') return hosts;
  // a, b, … z, then h26, h27.
  return Array.from({ length: hosts }, (_, index) => (index < 26 ? String.fromCharCode(97 + index) : `h${index}`));
}

function checkNames(names: readonly string[], named: Readonly<Record<string, object | undefined>>): void {
  checkShortNames(names);
  for (const [option, byName] of Object.entries(named)) {
    for (const name of Object.keys(byName ?? {})) checkHostName(name, names, `the cluster (option ${option})`);
  }
}

function nameOf(host: ClusterHost | ClusterLeaf | string): string {
  return typeof host === 'string' ? host : host.name;
}

// Real cryptography takes real time: virtual time waits for it.
function holding(clock: VirtualClock, auth: Auth): Auth {
  return {
    sign: (context) => clock.hold(Promise.resolve(auth.sign(context))),
    verify: (token, context) => clock.hold((async () => auth.verify(token, context))()),
  };
}

function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}
