/** The events of this page or worker. Node, where both sides run in specs, has none. */
export const globalEvents: Partial<Pick<EventTarget, 'addEventListener' | 'removeEventListener'>> = globalThis;
