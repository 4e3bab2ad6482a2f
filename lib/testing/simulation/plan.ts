import type { SeededRandom } from '../seeded-random.js';
import { drawFaults, faultText, type FaultMix, type FaultStep } from './fault-plan.js';
import type { Liveness } from './liveness.js';
import type { Workload } from './workload.js';
import { inspect } from '../marbles/inspect.js';

/**
 * What a run does at one time: an operation of the workload, or a fault. Plain data: a plan can be cut, printed and
 * kept.
 */
export type Step<Operation> =
  | {
      /** Virtual ms since the start; of a `recovered` one, since the hosts have recovered from all faults. */
      readonly at: number;
      readonly operation: Operation;
      /** It waits until the faults are over and the hosts have recovered, and then must succeed. */
      readonly recovered?: true;
    }
  | { readonly at: number; readonly fault: FaultStep };

/** What a plan is drawn from. */
export interface PlanOptions {
  readonly hosts: readonly string[];
  /** Operations. */
  readonly operations: number;
  /** Virtual ms in which everything of the plan happens. */
  readonly duration: number;
  readonly faults: FaultMix | undefined;
  readonly liveness: Required<Liveness> | undefined;
  /** The hosts that stay up when the others go down after the faults. */
  readonly core: readonly string[];
}

/** Draws the whole plan of a run, in the order of time. */
export function drawPlan<Operation>(
  random: SeededRandom,
  workload: Workload<Operation>,
  { hosts, operations, duration, faults, liveness, core }: PlanOptions,
): Step<Operation>[] {
  const forOperations = random.fork('operations');
  const steps: Step<Operation>[] = [];
  for (let count = 0; count < operations; count++) {
    steps.push({ at: forOperations.below(duration), operation: workload.draw(forOperations, hosts) });
  }
  if (faults !== undefined) {
    for (const { at, fault } of drawFaults(random.fork('faults'), hosts, faults, duration)) steps.push({ at, fault });
  }
  const afterwards: Step<Operation>[] = [];
  if (liveness !== undefined) {
    const forLiveness = random.fork('liveness');
    for (let count = 0; count < liveness.operations; count++) {
      const at = forLiveness.below(liveness.duration);
      afterwards.push({ at, operation: workload.draw(forLiveness, core), recovered: true });
    }
  }
  return [...inOrder(steps), ...inOrder(afterwards)];
}

// A stable sort: steps at the same time keep their order.
function inOrder<Operation>(steps: Step<Operation>[]): Step<Operation>[] {
  return steps.sort((left, right) => left.at - right.at);
}

/** A step as a line of TypeScript, so that a printed plan can be pasted into a test. */
export function stepText<Operation>(step: Step<Operation>): string {
  const recovered = 'recovered' in step ? ', recovered: true' : '';
  const what =
    'fault' in step ? `fault: ${faultText(step.fault)}` : `operation: ${inspect(step.operation)}${recovered}`;
  return `{ at: ${step.at}, ${what} }`;
}
