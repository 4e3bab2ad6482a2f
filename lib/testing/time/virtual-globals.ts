import type { VirtualClock } from './virtual-clock.js';
import { virtualRandom } from './virtual-random.js';
import { delayOf, virtualTimers } from './virtual-timers.js';

/*
 * rxjs' own schedulers read setInterval and Date when they need them, so virtual ones bring delay, timer, interval and
 * debounceTime onto virtual time. TestScheduler.run does it through private hooks, and only within one synchronous
 * call.
 */

let installed: VirtualClock | undefined;

/**
 * Replaces the platform's timers, clocks and randomness by those of the clock: setTimeout, setInterval, setImmediate
 * and their clears, Date, performance, AbortSignal.timeout, Math.random, crypto.randomUUID, crypto.getRandomValues. The
 * result restores those of the platform; a virtual one that a program kept calls that of the platform then. Functions
 * that a program took before, and what a script cannot replace (`node:timers/promises`, `node:crypto`, sockets, files),
 * stay real.
 *
 * @param isOver - Called at each use of a virtual function: once it returns true, the platform's are restored. So the
 * tests after one that was given up never see its time.
 * @throws Error while another clock is installed.
 */
export function installVirtualTime(clock: VirtualClock, isOver?: () => boolean): () => void {
  if (installed !== undefined) throw new Error('Virtual time is installed already.');
  const isInstalled = (): boolean => {
    if (installed === clock && isOver?.() === true) restoreAll();
    return installed === clock;
  };
  const { random, randomUUID, getRandomValues } = virtualRandom(clock);
  const platform = globalThis as unknown as Parameters<typeof virtualTimers>[1];
  // Taken now, because the globals are replaced below.
  const timers = virtualTimers(clock, { ...namesOf(platform) }, isInstalled);
  const abortSignals = AbortSignal;
  const undo = [
    ...Object.entries(timers).map(([name, value]) => replace(globalThis, name, value)),
    replace(globalThis, 'Date', virtualDate(clock, isInstalled)),
    replace(globalThis, 'performance', virtualPerformance(clock, isInstalled)),
    replace(
      abortSignals,
      'timeout',
      either(isInstalled, (ms: number) => abortAfter(clock, ms), abortSignals.timeout.bind(abortSignals)),
    ),
    replace(Math, 'random', either(isInstalled, random, Math.random)),
    ...replaceCrypto(isInstalled, { randomUUID, getRandomValues }),
  ];
  const restoreAll = (): void => {
    if (installed !== clock) return;
    installed = undefined;
    for (const restore of undo.reverse()) restore();
  };
  installed = clock;
  return restoreAll;
}

/** Calls `virtual` while virtual time is installed, and `real` after. */
function either<A extends unknown[], R>(
  isInstalled: () => boolean,
  virtual: (...args: A) => R,
  real: (...args: A) => R,
): (...args: A) => R {
  return (...args) => (isInstalled() ? virtual(...args) : real(...args));
}

function namesOf(platform: Parameters<typeof virtualTimers>[1]): Parameters<typeof virtualTimers>[1] {
  const { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate } = platform;
  return { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate };
}

// A page that is not secure has no randomUUID, and some runtimes have no crypto at all.
function replaceCrypto(
  isInstalled: () => boolean,
  virtual: Readonly<Record<'randomUUID' | 'getRandomValues', (...args: never[]) => unknown>>,
): (() => void)[] {
  const { crypto } = globalThis as unknown as { crypto?: Readonly<Record<string, unknown>> };
  if (crypto === undefined) return [];
  return Object.entries(virtual).map(([name, value]) => {
    const real = crypto[name];
    if (typeof real !== 'function') return () => undefined;
    return replace(
      crypto,
      name,
      either(isInstalled, value as (...args: unknown[]) => unknown, real.bind(crypto) as typeof value),
    );
  });
}

function replace(target: object, name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(target, name);
  // A browser has no setImmediate: it gets none.
  if (before === undefined && !(name in target)) return () => undefined;
  Object.defineProperty(target, name, {
    value,
    configurable: true,
    enumerable: before?.enumerable ?? false,
    writable: true,
  });
  return () => {
    if (before === undefined) Reflect.deleteProperty(target, name);
    else Object.defineProperty(target, name, before);
  };
}

function virtualDate(clock: VirtualClock, isInstalled: () => boolean): DateConstructor {
  const now = either(isInstalled, () => Math.floor(clock.wallNow()), Date.now.bind(Date));
  return new Proxy(Date, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as object,
    apply: (target) => new target(now()).toString(),
    get: (target, key, receiver) => (key === 'now' ? now : (Reflect.get(target, key, receiver) as unknown)),
  });
}

function virtualPerformance(clock: VirtualClock, isInstalled: () => boolean): Performance {
  const now = either(isInstalled, () => clock.now(), performance.now.bind(performance));
  return new Proxy(performance, {
    get: (target, key) => {
      if (key === 'now') return now;
      if (key === 'timeOrigin' && isInstalled()) return clock.start;
      const value = Reflect.get(target, key, target) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

function abortAfter(clock: VirtualClock, ms: number): AbortSignal {
  const controller = new AbortController();
  clock.schedule(() => {
    controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
  }, delayOf(ms));
  return controller.signal;
}
