import type { VirtualClock } from './virtual-clock.js';

const longestDelay = 0x7fff_ffff;
/** Where `util.promisify` looks for a function's own form. */
const promisified = Symbol.for('nodejs.util.promisify.custom');

type Task = (...args: unknown[]) => void;
type Timers = Record<
  'setTimeout' | 'setInterval' | 'setImmediate' | 'clearTimeout' | 'clearInterval' | 'clearImmediate',
  (...args: unknown[]) => unknown
>;

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

/**
 * Timers on virtual time, by their names in the platform. While `installed` returns false, they are those of
 * `platform`: a program that kept one of them beyond the test has one that works.
 */
export function virtualTimers(clock: VirtualClock, platform: Timers, installed: () => boolean): Timers {
  // Keyed by number, for a program that kept the number of a timer.
  const known = new Map<number, VirtualTimer>();
  const set = (task: Task, delay: number, args: unknown[], repeat: boolean): VirtualTimer => {
    if (typeof task !== 'function') {
      throw new TypeError(`The "callback" argument must be of type function. Received ${typeof task}`);
    }
    const timer = new VirtualTimer((self) => {
      let cancel: () => void;
      const arm = (): void => {
        cancel = clock.schedule(
          () => {
            if (repeat) arm();
            else known.delete(Number(self));
            task(...args);
          },
          delay,
          `${repeat ? 'setInterval' : 'setTimeout'}${task.name === '' ? '' : ` of ${task.name}`}`,
        );
      };
      arm();
      return () => {
        cancel();
      };
    });
    known.set(Number(timer), timer);
    return timer;
  };
  const setter =
    (name: 'setTimeout' | 'setInterval', repeat: boolean) =>
    (task: unknown, ms?: unknown, ...args: unknown[]): unknown =>
      installed() ? set(task as Task, delayOf(ms), args, repeat) : platform[name](task, ms, ...args);
  const clearer =
    (name: 'clearTimeout' | 'clearInterval' | 'clearImmediate') =>
    (timer: unknown): void => {
      const virtual = timer instanceof VirtualTimer || (typeof timer === 'number' && known.has(timer));
      if (virtual) {
        const id = Number(timer);
        known.get(id)?.close();
        known.delete(id);
      } else if (!installed() || (typeof timer === 'object' && timer !== null)) {
        // An object that is no virtual timer is one of the platform: set before the test, and cleared within it.
        platform[name](timer);
      }
    };
  const setImmediate = (task: unknown, ...args: unknown[]): unknown =>
    installed() ? set(task as Task, 0, args, false) : platform.setImmediate(task, ...args);
  const setTimeout = setter('setTimeout', false);
  define(setTimeout, (ms, value, options) => promise(clock, delayOf(ms), value, options));
  define(setImmediate, (value, options) => promise(clock, 0, value, options));
  return {
    setTimeout,
    setInterval: setter('setInterval', true),
    setImmediate,
    clearTimeout: clearer('clearTimeout'),
    clearInterval: clearer('clearInterval'),
    clearImmediate: clearer('clearImmediate'),
  };
}

/** As the platform reads a delay, but that 0 stays 0. */
export function delayOf(ms: unknown): number {
  const delay = Math.trunc(Number(ms ?? 0));
  return delay > longestDelay ? 1 : delay > 0 ? delay : 0;
}

function define(setter: object, form: (...args: unknown[]) => Promise<unknown>): void {
  Object.defineProperty(setter, promisified, { value: form });
}

function promise(clock: VirtualClock, ms: number, value: unknown, options: unknown): Promise<unknown> {
  const { signal } = (options ?? {}) as { readonly signal?: AbortSignal };
  return new Promise((resolve, reject) => {
    const aborted = (): void => {
      cancel();
      reject(
        Object.assign(new DOMException('The operation was aborted', 'AbortError'), {
          cause: signal?.reason as unknown,
        }),
      );
    };
    const cancel = clock.schedule(
      () => {
        signal?.removeEventListener('abort', aborted);
        resolve(value);
      },
      ms,
      'a promise of setTimeout',
    );
    if (signal?.aborted === true) aborted();
    else signal?.addEventListener('abort', aborted, { once: true });
  });
}
