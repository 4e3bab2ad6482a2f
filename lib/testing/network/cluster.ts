/**
 * N managers in one process, each connected with every other one over a network in memory: the managers that you use, with
 * their handshakes, tokens, pings and reconnects, on virtual time.
 */

import { filter, firstValueFrom } from 'rxjs';
import { staticToken, type Auth } from '../../endpoint/auth.js';
import { connect, type ConnectOptions, type LeafConnection } from '../../endpoint/leaf.js';
import { defaultPath } from '../../endpoint/host-name.js';
import type { Manager, ManagerOptions } from '../../endpoint/manager.js';
import type { Bound } from '../../contract/handler.js';
import type { Cable, FaultTarget } from './cable.js';
import { ClusterHost } from './cluster-host.js';
import type { LineOptions } from './lane.js';
import { MemoryNetwork } from './memory-network.js';
import type { MessageFault } from './passing.js';
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
  /** The line between two hosts, where it differs. */
  readonly line?: (from: string, to: string) => LineOptions | undefined;
  /** Entries of the log of each cable that are kept; 0 for none. Default 10 000. */
  readonly history?: number;
}

/** See the head of this file. */
export class Cluster implements FaultTarget {
  readonly hosts: readonly ClusterHost[];
  readonly network: MemoryNetwork;
  /** Names of the routes that have handlers here, for transcripts. */
  readonly book: RouteBook;

  readonly #clock: VirtualClock;
  readonly #leaves: LeafConnection[] = [];

  constructor(options: ClusterOptions) {
    const { clock, hosts = 2, setup, skew, line, history, latency, jitter, bandwidth, auth, ...others } = options;
    this.#clock = clock;
    this.book = new RouteBook(options.codec);
    const { seed } = clock.seeded;
    this.network = new MemoryNetwork({
      runtime: clock,
      seed,
      ...given({ line, history, latency, jitter, bandwidth }),
    });
    const names = hostNames(hosts);
    const urls = names.map((name) => `http://${name}`);
    const managerOptions = { ...others, hosts: urls, auth: holding(clock, auth ?? staticToken('test')) };
    this.hosts = names.map(
      (name) =>
        new ClusterHost({
          name,
          clock,
          network: this.network,
          book: this.book,
          skew: skew?.[name] ?? 0,
          options: managerOptions,
          setup,
        }),
    );
  }

  get cables(): readonly Cable[] {
    return this.network.cables;
  }

  /** A host by its short name. @throws Error for one that is not in the cluster. */
  host(name: string): ClusterHost {
    const found = this.hosts.find((host) => host.name === name);
    if (found === undefined)
      throw new Error(`${name} is no host of ${this.hosts.map((host) => host.name).join(', ')}.`);
    return found;
  }

  /** The cable between two hosts, for faults and for `expectFrames`. */
  cable(left: ClusterHost | string, right: ClusterHost | string): Cable {
    return this.network.cable(nameOf(left), nameOf(right));
  }

  interfere(fault: MessageFault): () => void {
    return this.network.interfere(fault);
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

  /** A leaf that dials `host`, over a cable of its own. The host takes it when the option `leaves` says so. */
  leaf(
    name: string,
    host: ClusterHost | string,
    options: Partial<ConnectOptions> & { handlers?: readonly Bound[] } = {},
  ): LeafConnection {
    const leaf = connect(`ws://${nameOf(host)}${defaultPath}`, {
      token: name,
      runtime: this.#clock,
      dial: this.network.dialer(name),
      ...options,
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
  // a, b, … z, then h26, h27: more than anybody draws.
  return Array.from({ length: hosts }, (_, index) => (index < 26 ? String.fromCharCode(97 + index) : `h${index}`));
}

function nameOf(host: ClusterHost | string): string {
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
