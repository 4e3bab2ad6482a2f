/**
 * When faults have disturbed the hosts of a run, and when the hosts have had the time to recover. Times in virtual ms.
 */
export class Disturbance {
  readonly #recovery: number;
  #until = -Infinity;

  /** `recovery`: how long after the end of a fault its consequences may still be seen. */
  constructor(recovery: number) {
    this.#recovery = recovery;
  }

  /** A fault begins, and ends at this time. */
  add(end: number): void {
    this.#until = Math.max(this.#until, end + this.#recovery);
  }

  /** Whether no fault can have touched what began at `at` and ends now. */
  calmSince(at: number): boolean {
    return at > this.#until;
  }
}
