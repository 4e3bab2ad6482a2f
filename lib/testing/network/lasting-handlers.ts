import type { Handles, RawHandler, Registration } from '../../contract/handler.js';

/** One registration, made again at each start of the process. */
interface Entry<H> {
  handler: H;
  readonly register: (handles: Handles, handler: H) => Registration<H>;
  registration: Registration<H>;
}

/** The handlers of a host across its restarts. */
export class LastingHandlers {
  readonly #entries = new Set<Entry<unknown>>();

  /** Registers a handler now, and at each later start. */
  add<H>(handles: Handles, handler: H, register: (handles: Handles, handler: H) => Registration<H>): Registration<H> {
    const entry: Entry<H> = { handler, register, registration: register(handles, handler) };
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

  /** Registers a handler of opaque bytes now, and at each later start. */
  addRaw(handles: Handles, handler: RawHandler): Registration<RawHandler['handle']> {
    const handle: RawHandler['handle'] = handler.handle.bind(handler);
    return this.add(handles, handle, (later, current) =>
      later.handleRaw({ ...handler, handle: current } as RawHandler),
    );
  }

  /** Registers them all at a new process. */
  registerAll(handles: Handles): void {
    for (const entry of this.#entries) entry.registration = entry.register(handles, entry.handler);
  }
}
