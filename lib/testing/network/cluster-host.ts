import { map, Subject, type Observable } from 'rxjs';
import type { DrainOptions, DrainResult } from '../../endpoint/drain.js';
import { Manager } from '../../endpoint/manager.js';
import type { ManagerOptions } from '../../endpoint/manager-options.js';
import type { GridEvent } from '../../observe.js';
import type { Dial, Socket } from '../../transport/socket.js';
import type { Connection } from '../../contract/connection.js';
import type { Handles, RawHandler, Registration } from '../../contract/handler.js';
import type { Cable } from './cable.js';
import { Disk } from './disk.js';
import { LastingHandlers } from './lasting-handlers.js';
import type { MemoryNetwork } from './memory-network.js';
import { socketOf, type PeerKind } from './peer-kind.js';
import type { RouteBook } from '../frames/route-book.js';
import { teachRoutes } from '../frames/taught-routes.js';
import { checkHostName, notStartedText } from '../name-check.js';
import type { MachineClock } from '../time/machine-clock.js';
import type { VirtualClock } from '../time/virtual-clock.js';

/** Options of a {@link ClusterHost}. */
export interface ClusterHostOptions {
  readonly name: string;
  readonly clock: VirtualClock;
  readonly network: MemoryNetwork;
  readonly book: RouteBook;
  /** How wrong its wall clock is, in ms. */
  readonly skew: number;
  /** Undefined: it is as the library is. */
  readonly peer?: PeerKind | undefined;
  readonly options: Omit<ManagerOptions, 'local' | 'dial' | 'runtime'>;
  /** Registers handlers, at each start. */
  readonly setup: ((manager: Manager, name: string) => void) | undefined;
  /** Short names of the hosts of the cluster. */
  readonly hosts: readonly string[];
  /** Names of the hosts and of the leaves that there are now. */
  readonly known: () => readonly string[];
}

/** One host of a {@link Cluster}, across its restarts: each start makes a new manager, with the same handlers. */
export class ClusterHost implements Handles {
  /** Short name, such as `a`. */
  readonly name: string;
  /** Name as the hosts know it, such as `http://a`. */
  readonly url: string;
  /** The events of this and of every later process of the host. */
  readonly events$: Observable<GridEvent>;
  /** Registers a handler, for this and every later start. */
  readonly handle: Handles['handle'];
  /** Registers the handlers of a group, for this and every later start. */
  readonly handleAll: Handles['handleAll'];
  /** Its disk, for handlers that wait for it: `await cluster.host(name).disk.access()`. */
  readonly disk: Disk;

  readonly #options: ClusterHostOptions;
  readonly #machine: MachineClock;
  readonly #handlers = new LastingHandlers(() => this.#manager);
  readonly #events = new Subject<GridEvent>();
  #starts = 0;
  #manager: Manager;
  #stopListening: (() => void)[] = [];
  #state: 'created' | 'running' | 'down' = 'created';

  /** @internal Made by its cluster. */
  constructor(options: ClusterHostOptions) {
    this.name = options.name;
    this.url = `http://${options.name}`;
    this.#options = options;
    this.#machine = options.clock.skewed(options.skew);
    this.disk = new Disk(options.clock);
    this.events$ = this.#events.asObservable();
    this.#manager = this.#create();
    ({ handle: this.handle, handleAll: this.handleAll } = this.#handlers);
  }

  /** The manager of the present run; after a crash, the closed one. */
  get manager(): Manager {
    return this.#manager;
  }

  /** True between its start and its crash or close. */
  get running(): boolean {
    return this.#state === 'running';
  }

  /** Registers a handler of opaque bytes, for this and every later start. */
  handleRaw(handler: RawHandler): Registration<RawHandler['handle']> {
    return this.#handlers.handleRaw(handler);
  }

  /**
   * The connection to another host, or to this one. After a restart, call it again: the old process's connections are
   * closed.
   *
   * @throws ConfigurationError for a name that no host has.
   */
  connection(to: ClusterHost | string): Connection {
    if (typeof to !== 'string') return this.#manager.connection(to.url);
    // A leaf is known by its identity, which is not the name of its cable.
    const { hosts, known } = this.#options;
    try {
      return this.#manager.connection(hosts.includes(to) ? `http://${to}` : to);
    } catch (error) {
      checkHostName(to, known(), 'the cluster');
      throw error;
    }
  }

  /** The cable to another host or to a leaf. @throws ConfigurationError for a name that none has. */
  cable(to: ClusterHost | string): Cable {
    const name = typeof to === 'string' ? to : to.name;
    checkHostName(name, this.#options.known(), 'the cluster');
    return this.#options.network.cable(this.name, name);
  }

  /** Starts it; after a crash, as a new process. Does nothing while it runs. */
  async start(): Promise<void> {
    if (this.#state === 'running') return;
    if (this.#state === 'down') this.#manager = this.#create();
    this.#state = 'running';
    const manager = this.#manager;
    this.#stopListening = manager.paths.map((path) =>
      this.#options.network.listen(this.url, path, (socket) => {
        manager.accept(this.#asPeer(socket));
      }),
    );
    await this.#options.clock.hold(manager.start());
  }

  /**
   * Ends it like a killed process: its sockets break, and the other hosts notice. `silent`: like a host that loses
   * power; the other hosts notice nothing. Calls that this host made fail at once.
   */
  crash(silent = false): void {
    if (this.#state !== 'running') return;
    this.#state = 'down';
    for (const stop of this.#stopListening) stop();
    for (const cable of this.#options.network.cables) {
      if (!cable.ends.includes(this.name)) continue;
      if (silent) cable.halfOpen();
      else cable.cut(`The process of ${this.name} is gone.`);
    }
    void this.#manager.close();
  }

  /** Sets the wall clock of its machine: it jumps by `ms`, which may be negative. It stays so across restarts. */
  setWall(ms: number): void {
    this.#machine.setWall(ms);
  }

  /**
   * Puts its machine to sleep: its timers and its monotonic clock stand still, nothing arrives at it or leaves it, and
   * its wall clock goes on. The result wakes it; what was sent to it meanwhile then arrives, as over TCP.
   */
  sleep(): () => void {
    const wake = this.#machine.sleep();
    const reach = this.#options.network.isolate(this.name);
    return () => {
      wake();
      reach();
    };
  }

  /**
   * Pauses its process, as SIGSTOP or a long collection of garbage does: its clocks go on, but none of the library's
   * timers fires, nothing arrives at it or leaves it, and dials are not answered. The result resumes it. Timers that a
   * test sets for handlers of the host are those of the test, and go on.
   */
  pause(): () => void {
    const resume = this.#machine.pause();
    const reach = this.#options.network.isolate(this.name);
    return () => {
      resume();
      reach();
    };
  }

  /**
   * Runs `task` as code of its process: now, or when it resumes from a pause. For what a test does in the place of the
   * host.
   */
  run(task: () => void): void {
    this.#machine.run(task);
  }

  /** Lets the clocks of its machine run at this rate: 1.01 gains 10 ms in each second. 1 is right. */
  setRate(rate: number): void {
    this.#machine.setRate(rate);
  }

  /** Dials to it fail at once; what is connected stays so. The result ends that. */
  refuse(): () => void {
    return this.#options.network.refuse(this.name);
  }

  /**
   * Ends it as a rolling restart does: see `Manager.drain`. Then it is down, until it is started again. Does nothing
   * while it does not run.
   */
  async drain(options: DrainOptions = {}): Promise<DrainResult> {
    if (this.#state !== 'running') return { interrupted: 0 };
    const manager = this.#manager;
    const result = await manager.drain(options);
    // Meanwhile it may have crashed, and run again.
    if (manager === this.#manager) await this.close();
    return result;
  }

  /** Ends it politely. */
  async close(): Promise<void> {
    this.#state = 'down';
    for (const stop of this.#stopListening) stop();
    await this.#manager.close();
  }

  #asPeer(socket: Socket): Socket {
    const { peer } = this.#options;
    return peer === undefined ? socket : socketOf(peer, socket);
  }

  #create(): Manager {
    const { options, network, name, setup, clock } = this.#options;
    const dialPlain = network.dialer(name);
    const dial: Dial = (url, dialOptions) => dialPlain(url, dialOptions).pipe(map((socket) => this.#asPeer(socket)));
    // Randomness of its own: what one process does changes no choice of another one, nor of the next one here.
    const runtime = clock.fork(`${name} ${++this.#starts}`, this.#machine);
    const manager = new Manager({ ...options, runtime, local: this.url, dial });
    manager.endpoint.notStarted = notStartedText(name);
    manager.events$.subscribe((event) => {
      this.#events.next(event);
    });
    teachRoutes(manager, this.#options.book);
    this.#handlers.registerAll(manager);
    setup?.(manager, name);
    return manager;
  }
}

// The types of a bound handler were checked when it was bound.
