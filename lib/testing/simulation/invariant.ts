/** Something that must hold throughout a simulation. Each method throws, with any text, where it does not. */
export interface Invariant {
  /** A sentence, such as `nothing is sold twice`. A plan is shrunk as long as the same one is violated. */
  readonly name: string;
  /** Called before each step of the plan, when everything has happened that needs no time. */
  step?(): void;
  /** Called at the end: the faults are over, the hosts are connected, every operation has ended. */
  end?(): void;
  /** Called after everything was closed. */
  closed?(): void;
}
