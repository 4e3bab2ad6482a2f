import { microtask } from './event-loop.js';

/** Deferred tasks that run in one turn before it counts as endless. */
const maxTasks = 1_000_000;

/** Tasks that run after the code that runs now: each in a microtask, or all of them in {@link runAll}. */
export class DeferredTasks {
  #tasks: (() => void)[] = [];
  readonly #failed: (error: unknown) => void;

  /** `failed` receives what a task threw in its microtask. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** `later`: in a microtask of its own, so that tasks and promises keep the order that they have in a real process. */
  add(task: () => void, later: boolean): void {
    this.#tasks.push(task);
    if (later) microtask(this.#runOne);
  }

  /** Runs them all, and those that they add. @throws what a task throws. */
  runAll(): void {
    for (let count = 0; this.#tasks.length > 0;) {
      const tasks = this.#tasks;
      this.#tasks = [];
      for (const task of tasks) {
        if (++count > maxTasks) throw new Error('The turn does not end: tasks defer tasks for ever.');
        task();
      }
    }
  }

  clear(): void {
    this.#tasks = [];
  }

  readonly #runOne = (): void => {
    try {
      this.#tasks.shift()?.();
    } catch (error) {
      this.#failed(error);
    }
  };
}
