import type { Handles, RawHandler, Registration } from '../../contract/handler.js';

/** One registration, made again at each start of the process. */
interface Entry<H> {
  handler: H;
  readonly register: (handles: Handles, handler: H) => Registration<H>;
  registration: Registration<H>;
}

/** The handlers of a host across its restarts: each is registered at the present process, and at every later one. */
export class LastingHandlers implements Handles {
  readonly handle: Handles['handle'];
  readonly handleAll: Handles['handleAll'];
  readonly #current: () => Handles;
  readonly #entries = new Set<Entry<unknown>>();

  /** `current` gives the present process. */
  constructor(current: () => Handles) {
    this.#current = current;
    this.handle = (route, handler, options) =>
      this.#add(handler, (handles, present) => handles.handle(route, present, options));
    this.handleAll = (routes, handlers, options) =>
      this.#add(handlers, (handles, present) => handles.handleAll(routes, present, options));
  }

  handleRaw(handler: RawHandler): Registration<RawHandler['handle']> {
    const handle: RawHandler['handle'] = handler.handle.bind(handler);
    return this.#add(handle, (handles, present) => handles.handleRaw({ ...handler, handle: present } as RawHandler));
  }

  /** Registers them all at a new process. */
  registerAll(handles: Handles): void {
    for (const entry of this.#entries) entry.registration = entry.register(handles, entry.handler);
  }

  #add<H>(handler: H, register: Entry<H>['register']): Registration<H> {
    const entry: Entry<H> = { handler, register, registration: register(this.#current(), handler) };
    this.#entries.add(entry as Entry<unknown>);
    return {
      remove: () => {
        this.#entries.delete(entry as Entry<unknown>);
        entry.registration.remove();
      },
      replace: (next) => {
        entry.registration.replace(next);
        entry.handler = next;
      },
    };
  }
}
