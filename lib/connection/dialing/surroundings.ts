/*
 * The signals of a browser about the network and the page: `online` and `offline`, `visibilitychange`, and `resume` and
 * `pageshow` of a page that was frozen. Where there are no such events, as in Node, there are no signals.
 */

/** Something that has happened around a connection. `awake`: the page was frozen, or the machine asleep. */
export type Signal = 'online' | 'offline' | 'visible' | 'hidden' | 'awake';

/** What a leaf observes of its platform: whether there is a network, and whether the page is shown. */
export interface Surroundings {
  /** False where the platform says that there is no network. True is not reliable: there may be none nevertheless. */
  readonly online: boolean;
  /** True while the page is not shown. */
  readonly hidden: boolean;
  /** Calls `listener` at each signal. The returned function removes it. */
  listen(listener: (signal: Signal) => void): () => void;
}

// A worker has no document, Node neither of the two.
const scope = (): Partial<Pick<Window, 'addEventListener' | 'removeEventListener' | 'document'>> => globalThis;
const pageOf = (): Document | undefined => scope().document;

/** The surroundings of this page or worker. */
export const platformSurroundings: Surroundings = {
  get online() {
    // Undefined in runtimes that have a navigator and do not know.
    return (globalThis as { navigator?: { onLine?: boolean } }).navigator?.onLine !== false;
  },

  get hidden() {
    return pageOf()?.visibilityState === 'hidden';
  },

  listen(listener) {
    const removals: (() => void)[] = [];
    const on = (target: Partial<EventTarget> | undefined, name: string, signal: () => Signal): void => {
      const onEvent = (): void => {
        listener(signal());
      };
      target?.addEventListener?.(name, onEvent);
      removals.push(() => target?.removeEventListener?.(name, onEvent));
    };
    on(globalThis, 'online', () => 'online');
    on(globalThis, 'offline', () => 'offline');
    on(globalThis, 'pageshow', () => 'awake');
    on(pageOf(), 'visibilitychange', () => (this.hidden ? 'hidden' : 'visible'));
    on(pageOf(), 'resume', () => 'awake');
    return () => {
      for (const remove of removals) remove();
    };
  },
};
