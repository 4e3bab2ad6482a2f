const { timeOrigin } = performance;

/** A runtime whose turns end when the bench says so. */
export class HandRuntime {
  #deferred = [];

  now = () => timeOrigin + performance.now();
  wallNow = () => Date.now();
  random = () => 0.5;
  defer = (task) => void this.#deferred.push(task);

  // What an engine puts off to the next macrotask is a turn, too: the rest of a message whose slice was over. A timer
  // of the platform would never run within a bench, and every later answer would wait behind it.
  schedule = (task, ms) => {
    if (ms === 0) return this.#nextTurn(task);
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  };

  /** Ends turns until there is nothing left to do at once. */
  endTurns() {
    while (this.#deferred.length > 0) {
      const tasks = this.#deferred;
      this.#deferred = [];
      for (const task of tasks) task();
    }
  }

  #nextTurn(task) {
    let due = true;
    this.#deferred.push(() => {
      if (due) task();
    });
    return () => {
      due = false;
    };
  }
}
