/*
 * Web Locks that show whether a page or a worker still exists: each holds a lock of its own as long as it lives, and
 * the browser grants the lock to the other side when the holder has ended, in whatever way. Where there are no locks,
 * as on a page without TLS, pings find that out later.
 */

import type { Runtime } from '../runtime.js';

/** The part of the platform's LockManager that is used here. */
interface Locks {
  request(name: string, options: { readonly signal?: AbortSignal }, hold: () => Promise<unknown>): Promise<unknown>;
}

function platformLocks(): Locks | undefined {
  return (globalThis as { readonly navigator?: { readonly locks?: Locks } }).navigator?.locks;
}

/**
 * Takes a lock of this page or worker. `held` is called with its name once it is held, and not where there are no
 * locks. The returned function releases it.
 */
export function holdLock(runtime: Runtime, held: (name: string) => void): () => void {
  const name = `rxgrid:${runtime.random().toString(36).slice(2)}${runtime.random().toString(36).slice(2)}`;
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  void platformLocks()
    ?.request(name, {}, () => {
      held(name);
      return released;
    })
    // A page without an origin of its own has no locks either.
    .catch(() => undefined);
  return release;
}

/** Calls `ended` when the holder of a lock has ended. The returned function stops waiting. */
export function whenReleased(name: string, ended: () => void): () => void {
  const waiting = new AbortController();
  void platformLocks()
    ?.request(name, { signal: waiting.signal }, async () => {
      if (!waiting.signal.aborted) ended();
    })
    .catch(() => undefined);
  return () => {
    waiting.abort();
  };
}
