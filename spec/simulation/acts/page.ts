/** What a page is told by its browser. */
export type PageEvent = 'offline' | 'online' | 'hidden' | 'visible' | 'frozen';

/** Those that listen to the window, and to the document, as a browser has them; while a page is open, also globally. */
interface PageGlobals {
  addEventListener?: unknown;
  removeEventListener?: unknown;
  document?: unknown;
  navigator?: unknown;
}

const names = ['addEventListener', 'removeEventListener', 'document', 'navigator'] as const;
let open = 0;
let current: Page | undefined;
let previous: (PropertyDescriptor | undefined)[] = [];

/**
 * A page of a browser around leaves: they see its network, and whether it is shown. All leaves of the process are in
 * one.
 */
export class Page {
  readonly #window = new EventTarget();
  readonly #document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  readonly #navigator = { onLine: true };

  /** Opens the page, or joins the one that is open. Each must be closed. */
  static open(): Page {
    open++;
    if (current !== undefined) return current;
    current = new Page();
    const globals = globalThis as PageGlobals;
    previous = names.map((name) => Object.getOwnPropertyDescriptor(globals, name));
    const page = current;
    const values = {
      addEventListener: page.#window.addEventListener.bind(page.#window),
      removeEventListener: page.#window.removeEventListener.bind(page.#window),
      document: page.#document,
      navigator: page.#navigator,
    };
    for (const name of names) Object.defineProperty(globals, name, { value: values[name], configurable: true });
    return page;
  }

  /** Tells the leaves something. */
  tell(event: PageEvent): void {
    switch (event) {
      case 'offline':
      case 'online':
        this.#navigator.onLine = event === 'online';
        this.#window.dispatchEvent(new Event(event));
        break;
      case 'hidden':
      case 'visible':
        this.#document.visibilityState = event;
        this.#document.dispatchEvent(new Event('visibilitychange'));
        break;
      case 'frozen':
        this.#document.dispatchEvent(new Event('resume'));
        this.#window.dispatchEvent(new Event('pageshow'));
    }
  }

  /** With the last one, the process is no page any more. */
  close(): void {
    // Leaves that others have here must not wait for long.
    this.tell('online');
    this.tell('visible');
    if (--open > 0) return;
    current = undefined;
    names.forEach((name, index) => {
      const descriptor = previous[index];
      if (descriptor === undefined) Reflect.deleteProperty(globalThis, name);
      else Object.defineProperty(globalThis, name, descriptor);
    });
  }
}
