import { stepText, type Step } from './plan.js';

/** Where and how a run failed. */
export interface Violation {
  /** Name of the invariant. */
  readonly invariant: string;
  readonly text: string;
  /** Number of the last step that began before it, counted from 1; 0 for none. */
  readonly step: number;
  /** Virtual ms since the start. */
  readonly at: number;
}

/** What {@link SimulationError} is made of. */
export interface SimulationFailure<Operation> {
  readonly seed: number;
  readonly violation: Violation;
  /** The steps of the plan, as it was drawn or given. */
  readonly planned: number;
  /** The steps that are left after shrinking, and what they lead to. */
  readonly steps: readonly Step<Operation>[];
  readonly shrunk: Violation;
  /** Runs that it took to shrink them. */
  readonly tries: number;
  /** How to repeat it, on one line. */
  readonly repeat: string;
  /** The hosts that are left; undefined: all are needed. */
  readonly hosts?: readonly string[];
  /** Where a second run of the same seed differs from the first, as a sentence. */
  readonly differs?: string;
  /** The last lines of what went over the wires. */
  readonly transcript: string;
}

/** A simulation has found that an invariant does not hold. The message says how to repeat it. */
export class SimulationError<Operation = unknown> extends Error {
  readonly seed: number;
  readonly invariant: string;
  /** The shrunk plan: give it to `simulate` as `steps`. */
  declare readonly steps: readonly Step<Operation>[];
  /** Where a second run of the same seed differed from the first; undefined where it did not. */
  declare readonly differs: string | undefined;

  constructor(failure: SimulationFailure<Operation>) {
    super(messageOf(failure));
    this.name = 'SimulationError';
    this.seed = failure.seed;
    this.invariant = failure.violation.invariant;
    // Not enumerable: the message has them.
    Object.defineProperty(this, 'steps', { value: failure.steps });
    Object.defineProperty(this, 'differs', { value: failure.differs });
  }
}

function messageOf<Operation>(failure: SimulationFailure<Operation>): string {
  const { seed, violation, planned, steps, shrunk, tries, repeat, transcript, differs } = failure;
  const where = ({ step, at }: Violation): string => `step ${step}, virtual time ${at} ms`;
  return [
    `Seed ${seed} violates: ${violation.invariant}`,
    `  ${violation.text}`,
    `  ${where(violation)}`,
    ...(differs === undefined ? [] : [differs]),
    `Repeat it: ${repeat}`,
    steps.length === planned
      ? `Not shrunk, in ${tries} runs: all ${planned} steps are needed.`
      : `Shrunk in ${tries} runs from ${planned} steps to ${steps.length}, which lead to${shrunk.text === violation.text ? ' the same' : `: ${shrunk.text}`} (${where(shrunk)})`,
    ...(failure.hosts === undefined ? [] : [`hosts: [${failure.hosts.map((host) => `'${host}'`).join(', ')}],`]),
    `steps: [`,
    ...steps.map((step) => `  ${stepText(step)},`),
    `]`,
    `The end of what went over the wires then:`,
    transcript === '' ? '(nothing)' : transcript,
  ].join('\n');
}
