import type { Server } from 'node:http';
import { Subject, type Observable } from 'rxjs';
import type { Connection } from '../../contract/connection.js';
import type { Handles, RawHandler, Registration } from '../../contract/handler.js';
import { Manager, type ManagerOptions } from '../../node/server/manager.js';
import type { GridEvent } from '../../observe.js';
import type { FlowHost } from '../flow-context.js';
import { notStartedText } from '../name-check.js';
import type { FaultCable } from '../network/fault-target.js';
import { LastingHandlers } from '../network/lasting-handlers.js';

/** Options of a {@link SocketHost}. */
export interface SocketHostOptions {
  readonly name: string;
  readonly url: string;
  /** Listens already; its connections are those of the host. */
  readonly server: Server;
  readonly options: ManagerOptions;
  readonly setup: ((manager: Manager, name: string) => void) | undefined;
  /** The URL of a host. @throws ConfigurationError */
  urlOf(name: string): string;
  /** The cable to another host. @throws ConfigurationError */
  cableTo(name: string): FaultCable;
  readonly cables: () => readonly FaultCable[];
}

/** One host over real sockets, across its restarts. */
export class SocketHost implements FlowHost {
  readonly name: string;
  readonly url: string;
  readonly events$: Observable<GridEvent>;
  readonly handle: Handles['handle'];
  readonly handleAll: Handles['handleAll'];
  readonly #options: SocketHostOptions;
  readonly #events = new Subject<GridEvent>();
  readonly #handlers = new LastingHandlers(() => this.#manager);
  #manager: Manager;
  #state: 'created' | 'running' | 'down' = 'created';
  // The close of the process before: the next one needs its path.
  #closing: Promise<void> = Promise.resolve();

  constructor(options: SocketHostOptions) {
    this.name = options.name;
    this.url = options.url;
    this.#options = options;
    this.events$ = this.#events.asObservable();
    this.#manager = this.#create();
    ({ handle: this.handle, handleAll: this.handleAll } = this.#handlers);
  }

  get manager(): Manager {
    return this.#manager;
  }

  get running(): boolean {
    return this.#state === 'running';
  }

  handleRaw(handler: RawHandler): Registration<RawHandler['handle']> {
    return this.#handlers.handleRaw(handler);
  }

  connection(to: string): Connection {
    return this.#manager.connection(this.#options.urlOf(to));
  }

  cable(to: string): FaultCable {
    return this.#options.cableTo(to);
  }

  async start(): Promise<void> {
    if (this.#state === 'running') return;
    if (this.#state === 'down') {
      await this.#closing;
      this.#manager = this.#create();
    }
    this.#state = 'running';
    await this.#manager.attach(this.#options.server);
  }

  crash(silent = false): void {
    if (this.#state !== 'running') return;
    this.#state = 'down';
    for (const cable of this.#options.cables()) {
      if (silent) cable.halfOpen();
      else cable.cut();
    }
    this.#closing = this.#manager.close();
  }

  async close(): Promise<void> {
    this.#state = 'down';
    await this.#manager.close();
  }

  #create(): Manager {
    const { options, setup, name } = this.#options;
    const manager = new Manager(options);
    manager.endpoint.notStarted = notStartedText(name);
    manager.events$.subscribe((event) => {
      this.#events.next(event);
    });
    this.#handlers.registerAll(manager);
    setup?.(manager, name);
    return manager;
  }
}
