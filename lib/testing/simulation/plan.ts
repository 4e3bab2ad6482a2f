import type { SeededRandom } from '../seeded-random.js';
import { drawFaults, faultText, type FaultMix, type FaultStep } from './fault-plan.js';
import type { Workload } from './workload.js';
import { inspect } from '../marbles/inspect.js';

/** What a run does at one time: an operation of the workload, or a fault. Plain data: a plan can be cut, printed and kept. */
export type Step<Operation> =
  | { /** Virtual ms since the start. */ readonly at: number; readonly operation: Operation }
  | { readonly at: number; readonly fault: FaultStep };

/** What a plan is drawn from. */
export interface PlanOptions {
  readonly hosts: readonly string[];
  /** Operations. */
  readonly operations: number;
  /** Virtual ms in which everything of the plan happens. */
  readonly duration: number;
  readonly faults: FaultMix | undefined;
}

/** Draws the whole plan of a run, in the order of time. */
export function drawPlan<Operation>(
  random: SeededRandom,
  workload: Workload<Operation>,
  { hosts, operations, duration, faults }: PlanOptions,
): Step<Operation>[] {
  const forOperations = random.fork('operations');
  const steps: Step<Operation>[] = [];
  for (let count = 0; count < operations; count++) {
    steps.push({ at: forOperations.below(duration), operation: workload.draw(forOperations, hosts) });
  }
  if (faults !== undefined) {
    for (const { at, fault } of drawFaults(random.fork('faults'), hosts, faults, duration)) steps.push({ at, fault });
  }
  // A stable sort: steps at the same time keep their order.
  return steps.sort((left, right) => left.at - right.at);
}

/** A step as a line of TypeScript, so that a printed plan can be pasted into a test. */
export function stepText<Operation>(step: Step<Operation>): string {
  const what = 'fault' in step ? `fault: ${faultText(step.fault)}` : `operation: ${inspect(step.operation)}`;
  return `{ at: ${step.at}, ${what} }`;
}
