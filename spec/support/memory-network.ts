import { Observable, throwError } from 'rxjs';
import { linkedSockets } from '../../lib/transport/memory-socket.js';
import type { Dial, Socket } from '../../lib/transport/socket.js';
import { staticToken } from '../../lib/endpoint/accept/auth.js';
import type { DialerInfo } from '../../lib/endpoint/accept/acceptor.js';
import { connect, type ConnectOptions, type LeafConnection } from '../../lib/endpoint/leaves/leaf.js';
import { Manager } from '../../lib/endpoint/manager.js';
import type { ManagerOptions } from '../../lib/endpoint/manager-options.js';
import type { GridEvent } from '../../lib/observe.js';
import type { Runtime } from '../../lib/runtime.js';
import { pass, settle } from './protocol/links.js';
import { ManualRuntime } from './manual-runtime.js';
import { withLocal } from './with-local.js';

/** One socket between two managers. */
export interface Cable {
  readonly from: string;
  readonly to: string;
  readonly near: Socket;
  readonly far: Socket;
  open: boolean;
}

/** Managers and leaves in one process, over sockets in memory, on virtual time. */
export class MemoryNetwork {
  readonly runtime: ManualRuntime;
  readonly cables: Cable[] = [];
  /** Hosts that do not answer. */
  readonly down = new Set<string>();
  readonly #managers = new Map<string, Manager>();
  readonly #leaves: LeafConnection[] = [];
  readonly #events = new Map<string, GridEvent[]>();

  constructor(seed = 1) {
    this.runtime = new ManualRuntime(seed);
  }

  /** A manager that this network reaches; `start` is the test's. */
  manager(local: string, hosts: ManagerOptions['hosts'], options: Partial<ManagerOptions> = {}): Manager {
    const manager = new Manager({
      local,
      hosts: withLocal(local, hosts),
      auth: staticToken('secret'),
      runtime: this.runtime,
      dial: this.dialFrom(local),
      ...options,
    });
    this.#managers.set(local, manager);
    const events: GridEvent[] = [];
    this.#events.set(local, events);
    manager.events$.subscribe((event) => events.push(event));
    return manager;
  }

  /** Managers of all hosts, started, and connected with each other. */
  async mesh(hosts: readonly string[], options: Partial<ManagerOptions> = {}): Promise<Manager[]> {
    const managers = hosts.map((host) => this.manager(host, hosts, options));
    await Promise.all(managers.map((manager) => manager.start()));
    await this.pass(2_100);
    return managers;
  }

  /** A leaf of a host, or of one of several. */
  leaf(to: string | readonly string[], options: Partial<ConnectOptions> = {}, info: DialerInfo = {}): LeafConnection {
    const urls = (typeof to === 'string' ? [to] : to).map((host) => `ws${host.slice(4)}`);
    const leaf = connect(urls, {
      ...(options.getToken === undefined ? { token: 'leaf' } : (options as { getToken: () => string })),
      runtime: this.runtime,
      dial: this.dialFrom('leaf', info),
      ...options,
    });
    this.#leaves.push(leaf);
    return leaf;
  }

  /** Events of a manager so far. */
  events(local: string): GridEvent[] {
    return this.#events.get(local)!;
  }

  dialFrom(from: string, info: DialerInfo = {}): Dial {
    return (url) => {
      const to = `http${new URL(url).origin.slice(2)}`;
      const manager = this.#managers.get(to);
      if (manager === undefined || this.down.has(to)) return throwError(() => new Error('ECONNREFUSED'));
      return new Observable((subscriber) => {
        const [near, far] = linkedSockets();
        const cable = { from, to, near, far, open: true };
        this.cables.push(cable);
        const end = (): void => {
          cable.open = false;
        };
        near.inbound.subscribe({ complete: end, error: end });
        manager.accept(far, info);
        subscriber.next(near);
        subscriber.complete();
      });
    };
  }

  /** The open cables between two hosts, either way. */
  between(one: string, other: string): Cable[] {
    return this.cables.filter(
      ({ from, to, open }) => open && ((from === one && to === other) || (from === other && to === one)),
    );
  }

  /** Cuts every cable of a host. */
  cut(host: string): void {
    for (const cable of this.cables) {
      if (cable.open && (cable.from === host || cable.to === host)) cable.near.outbound.error(new Error('cut'));
    }
  }

  settle(): Promise<void> {
    return settle(this.runtime);
  }

  pass(ms: number, step?: number): Promise<void> {
    return pass(this.runtime, ms, step);
  }

  /** Closes everything; gives how many timers are left, which should be none. */
  async close(): Promise<number> {
    for (const leaf of this.#leaves) leaf.close();
    for (const manager of this.#managers.values()) await manager.close();
    await this.settle();
    // Links with reference peers linger for 50 ms.
    this.runtime.advance(50);
    await this.settle();
    return this.runtime.scheduled;
  }
}

/** The same clocks, with the wall clock set wrong by so many ms. */
export function skewed(runtime: Runtime, ms: number): Runtime {
  return {
    now: () => runtime.now(),
    wallNow: () => runtime.wallNow() + ms,
    random: () => runtime.random(),
    defer: (task) => {
      runtime.defer(task);
    },
    schedule: (task, delay) => runtime.schedule(task, delay),
  };
}
