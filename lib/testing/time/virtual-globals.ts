import type { VirtualClock } from './virtual-clock.js';

/*
 * rxjs' own schedulers read setInterval and Date when they need them, so virtual ones bring delay, timer, interval and
 * debounceTime onto virtual time. TestScheduler.run does it through private hooks, and only within one synchronous call.
 */

const longestDelay = 0x7fff_ffff;
type Task = (...args: unknown[]) => void;

let installed: VirtualClock | undefined;

/**
 * Puts the clock in the place of the platform's timers and clocks: setTimeout, setInterval, setImmediate and their
 * clears, Date, performance, AbortSignal.timeout. The result puts the platform's back. What somebody took before, and what
 * no script can replace (`node:timers/promises`, sockets, files), stays real.
 *
 * @throws Error while another clock is installed.
 */
export function installVirtualTime(clock: VirtualClock): () => void {
  if (installed !== undefined) throw new Error('Virtual time is installed already.');
  installed = clock;
  const undo = [
    ...Object.entries(timers(clock)).map(([name, value]) => replace(globalThis, name, value)),
    replace(globalThis, 'Date', virtualDate(clock)),
    replace(globalThis, 'performance', virtualPerformance(clock)),
    replace(AbortSignal, 'timeout', (ms: number) => abortAfter(clock, ms)),
  ];
  return () => {
    if (installed !== clock) return;
    installed = undefined;
    for (const restore of undo.reverse()) restore();
  };
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

/** What setTimeout returns in Node, as far as programs use it; as a number, as in a browser. */
class VirtualTimer {
  static #next = 1;
  readonly #id = VirtualTimer.#next++;
  readonly #start: () => () => void;
  #cancel: () => void;

  constructor(start: (self: VirtualTimer) => () => void) {
    this.#start = () => start(this);
    this.#cancel = this.#start();
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  refresh(): this {
    this.#cancel();
    this.#cancel = this.#start();
    return this;
  }

  close(): this {
    this.#cancel();
    return this;
  }

  [Symbol.toPrimitive](): number {
    return this.#id;
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }
}

function timers(clock: VirtualClock): Record<string, unknown> {
  // By number, for a program that kept the number of a timer.
  const known = new Map<number, VirtualTimer>();
  const set = (task: Task, ms: unknown, args: unknown[], repeat: boolean): VirtualTimer => {
    const delay = delayOf(ms);
    const run = (): void => {
      task(...args);
    };
    const timer = new VirtualTimer((self) => {
      let cancel: () => void;
      const arm = (): void => {
        cancel = clock.schedule(() => {
          if (repeat) arm();
          else known.delete(Number(self));
          run();
        }, delay);
      };
      arm();
      return () => {
        cancel();
      };
    });
    known.set(Number(timer), timer);
    return timer;
  };
  const clear = (timer: unknown): void => {
    if (typeof timer !== 'number' && !(timer instanceof VirtualTimer)) return;
    const id = Number(timer);
    known.get(id)?.close();
    known.delete(id);
  };
  return {
    setTimeout: (task: Task, ms?: unknown, ...args: unknown[]) => set(task, ms, args, false),
    setInterval: (task: Task, ms?: unknown, ...args: unknown[]) => set(task, ms, args, true),
    setImmediate: (task: Task, ...args: unknown[]) => set(task, 0, args, false),
    clearTimeout: clear,
    clearInterval: clear,
    clearImmediate: clear,
  };
}

// As the platform reads a delay, but that 0 stays 0.
function delayOf(ms: unknown): number {
  const delay = Math.trunc(Number(ms ?? 0));
  return delay > longestDelay ? 1 : delay > 0 ? delay : 0;
}

function virtualDate(clock: VirtualClock): DateConstructor {
  const now = (): number => Math.floor(clock.wallNow());
  return new Proxy(Date, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as object,
    apply: (target) => new target(now()).toString(),
    get: (target, key, receiver) => (key === 'now' ? now : (Reflect.get(target, key, receiver) as unknown)),
  });
}

function virtualPerformance(clock: VirtualClock): Performance {
  return new Proxy(performance, {
    get: (target, key) => {
      if (key === 'now') return () => clock.now();
      if (key === 'timeOrigin') return clock.start;
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
