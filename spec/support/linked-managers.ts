import { afterEach } from '@jest/globals';
import { firstValueFrom, Observable, toArray, type Subscriber } from 'rxjs';
import { linkedSockets } from '../../lib/transport/memory-socket.js';
import type { Dial, Socket } from '../../lib/transport/socket.js';
import type { GridEvent } from '../../lib/observe.js';
import { Manager, staticToken, type Connection, type ManagerOptions } from '../../lib/index.js';
import { ManualRuntime } from './manual-runtime.js';
import { withLocal } from './with-local.js';

/** Virtual time for timers; what is deferred runs as a microtask, so that Promises and generators run along. */
export class VirtualTime extends ManualRuntime {
  /** Deferred tasks so far. */
  deferrals = 0;

  override defer(task: () => void): void {
    this.deferrals++;
    queueMicrotask(task);
  }
}

/** One turn of the platform's event loop: all microtasks run before it ends. */
export const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Managers that are linked in memory, on virtual time. */
export class LinkedManagers {
  readonly time = new VirtualTime();
  readonly managers = new Map<string, Manager>();
  /** The events of all of them, in order. */
  readonly events: GridEvent[] = [];
  /** False: dials fail. */
  reachable = true;
  readonly #sockets: Socket[] = [];

  /** Adds a manager. Its handlers can be registered until {@link start}, and after. */
  add(local: string, hosts: readonly string[], options: Partial<ManagerOptions> = {}): Manager {
    const manager = new Manager({
      auth: staticToken('token'),
      runtime: this.time,
      dial: this.dial,
      local,
      hosts: withLocal(local, hosts),
      ...options,
    });
    manager.events$.subscribe((event) => this.events.push(event));
    this.managers.set(local, manager);
    return manager;
  }

  /** Starts all, and waits until they are connected. */
  async start(): Promise<void> {
    await Promise.all([...this.managers.values()].map(async (manager) => manager.start()));
    if (!this.reachable) return;
    const hosts = [...this.managers.keys()];
    await Promise.all(
      [...this.managers.values()].flatMap((manager) => hosts.map(async (host) => manager.connection(host).ready())),
    );
    await this.settle();
  }

  /** Lets everything run that needs no time. */
  async settle(): Promise<void> {
    for (let quiet = 0, seen = this.time.deferrals; quiet < 3; quiet++) {
      await turn();
      if (this.time.deferrals !== seen) quiet = 0;
      seen = this.time.deferrals;
    }
  }

  /** Lets time pass, in steps; after each step everything runs that needs no time. */
  async advance(ms: number, step = ms): Promise<void> {
    await this.settle();
    for (let passed = 0; passed < ms; passed += step) {
      this.time.advance(Math.min(step, ms - passed));
      await this.settle();
    }
    if (ms === 0) {
      this.time.advance(0);
      await this.settle();
    }
  }

  /** Breaks every connection but the loopbacks. */
  cut(): void {
    for (const socket of this.#sockets.splice(0)) socket.outbound.error(new Error('The cable was cut.'));
  }

  async close(): Promise<void> {
    for (const manager of this.managers.values()) await manager.close();
  }

  /** Emits once after so many ms of virtual time. */
  timer(ms: number): Observable<number> {
    return new Observable((subscriber: Subscriber<number>) =>
      this.time.schedule(() => {
        subscriber.next(0);
        subscriber.complete();
      }, ms),
    );
  }

  /** Dials one of the managers, for a leaf too. */
  readonly dial: Dial = (url) =>
    new Observable((subscriber) => {
      const host = [...this.managers.keys()].find((name) => url.startsWith(`${name.replace('http', 'ws')}/`));
      if (!this.reachable || host === undefined) {
        subscriber.error(new Error(`Nobody listens at ${url}.`));
        return;
      }
      const [near, far] = linkedSockets();
      this.#sockets.push(near);
      this.managers.get(host)!.accept(far);
      subscriber.next(near);
    });
}

export const hostA = 'http://a:1';
export const hostB = 'http://b:1';

/** Two managers, and the connections between them. */
export interface Pair {
  readonly grid: LinkedManagers;
  readonly a: Manager;
  readonly b: Manager;
  /** From a to b, and from b to a. */
  readonly ab: Connection;
  readonly ba: Connection;
}

/** Makes two managers that are not started. */
export function pair(options: Partial<ManagerOptions> = {}): Pair {
  const grid = new LinkedManagers();
  const a = grid.add(hostA, [hostB], options);
  const b = grid.add(hostB, [hostA], options);
  return { grid, a, b, ab: a.connection(hostB), ba: b.connection(hostA) };
}

/** Makes two managers that are connected. `prepare` registers their handlers. */
export async function linkedPair(
  prepare: (pair: Pair) => void = () => undefined,
  options: Partial<ManagerOptions> = {},
): Promise<Pair> {
  const made = pair(options);
  prepare(made);
  await made.grid.start();
  return made;
}

/** The pair of each test of a file: the test links it, and it is closed afterwards. */
export class PairOfEachTest implements Pair {
  grid!: LinkedManagers;
  a!: Manager;
  b!: Manager;
  ab!: Connection;
  ba!: Connection;
  /** What the handlers of the test saw. */
  readonly seen: unknown[] = [];

  constructor() {
    afterEach(async () => {
      await this.grid.close();
      this.seen.length = 0;
    });
  }

  /** As {@link linkedPair}. */
  readonly link = async (...how: Parameters<typeof linkedPair>): Promise<void> => {
    Object.assign(this, await linkedPair(...how));
  };
}

/** All items, as a Promise. */
export async function all<T>(source: Observable<T>): Promise<T[]> {
  return firstValueFrom(source.pipe(toArray()));
}

/** What an Observable does, in order: its items, and `done` or its error. */
export function record<T>(source: Observable<T>): { readonly log: unknown[]; unsubscribe(): void } {
  const log: unknown[] = [];
  const subscription = source.subscribe({
    next: (item) => log.push(item),
    error: (error: unknown) => log.push(error),
    complete: () => log.push('done'),
  });
  return {
    log,
    unsubscribe: () => {
      subscription.unsubscribe();
    },
  };
}
