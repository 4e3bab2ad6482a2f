const { timeOrigin } = performance;

/** A runtime whose turns end when the bench says so. */
export class HandRuntime {
  #deferred = [];

  now = () => timeOrigin + performance.now();
  random = () => 0.5;
  defer = (task) => void this.#deferred.push(task);

  schedule = (task, ms) => {
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
}
