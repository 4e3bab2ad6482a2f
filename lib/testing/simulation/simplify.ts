import type { FaultStep } from './fault-plan.js';
import type { Step } from './plan.js';

/** What {@link simplify} needs. */
export interface SimplifyOptions<Operation> {
  /** Gives operations that are simpler than this one; the simplest first. */
  readonly shrinkOperation: ((operation: Operation) => readonly Operation[]) | undefined;
  /** Whether a plan still fails. */
  readonly fails: (steps: readonly Step<Operation>[]) => Promise<boolean>;
  /** At most so many plans are tried. */
  readonly budget: number;
}

/**
 * Makes the steps of a failing plan simpler, none fewer: rounder and earlier times, shorter faults, operations as the
 * workload makes them simpler. Each change stays as long as the plan still fails.
 */
export async function simplify<Operation>(
  plan: readonly Step<Operation>[],
  { shrinkOperation, fails, budget }: SimplifyOptions<Operation>,
): Promise<{ readonly steps: readonly Step<Operation>[]; readonly tries: number }> {
  let steps = plan;
  let tries = 0;
  const attempt = async (changed: readonly Step<Operation>[]): Promise<boolean> => {
    if (tries >= budget) return false;
    tries++;
    if (!(await fails(changed))) return false;
    steps = changed;
    return true;
  };
  // Twice: what comes later may have become simpler meanwhile, and a fault may last as long for nothing.
  for (let place = 0; place < 2 * plan.length && tries < budget; place++) {
    const index = place % plan.length;
    for (let again = true; again;) {
      again = false;
      for (const simpler of simplerSteps(steps[index]!, shrinkOperation)) {
        again = await attempt(steps.with(index, simpler));
        if (again) break;
      }
    }
    for (let by = pauseBefore(steps, index); by >= 1 && tries < budget; by = Math.floor(by / 2)) {
      await attempt(earlier(steps, index, by));
    }
  }
  return { steps, tries };
}

/** The hosts that a plan names, in their order, and at least one. */
export function namedHosts(steps: readonly Step<unknown>[], hosts: readonly string[]): readonly string[] {
  const texts = new Set<string>();
  const collect = (value: unknown): void => {
    if (typeof value === 'string') texts.add(value);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(collect);
  };
  collect(steps);
  const named = hosts.filter((host) => texts.has(host));
  return named.length === 0 ? hosts.slice(0, 1) : named;
}

function simplerSteps<Operation>(
  step: Step<Operation>,
  shrinkOperation: SimplifyOptions<Operation>['shrinkOperation'],
): readonly Step<Operation>[] {
  const times = [1_000, 100, 10]
    .map((unit) => Math.floor(step.at / unit) * unit)
    .filter((at) => at < step.at)
    .map((at) => ({ ...step, at }));
  if ('fault' in step) return [...simplerFaults(step.fault).map((fault) => ({ ...step, fault })), ...times];
  return [...(shrinkOperation?.(step.operation) ?? []).map((operation) => ({ ...step, operation })), ...times];
}

const roundedDown = (value: number): number => {
  const unit = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return Math.max(1, Math.floor(value / unit) * unit);
};

/** The numbers of a fault, each rounded to one digit, then halved. */
function simplerFaults(fault: FaultStep): readonly FaultStep[] {
  return ['for', 'ms', 'count'].flatMap((name) => {
    const value = (fault as unknown as Readonly<Record<string, unknown>>)[name];
    if (typeof value !== 'number') return [];
    const simpler = [roundedDown(value), Math.ceil(value / 2)].filter((each) => each < value);
    return simpler.map((each) => ({ ...fault, [name]: each }));
  });
}

const isRecovered = (step: Step<unknown>): boolean => 'recovered' in step;

/** Ms between a step and the one before it. */
function pauseBefore(steps: readonly Step<unknown>[], index: number): number {
  const step = steps[index]!;
  const before = steps[index - 1];
  return step.at - (before !== undefined && isRecovered(before) === isRecovered(step) ? before.at : 0);
}

/** The plan in which a step, and all that follow it, come so many ms earlier, as far as the order stays. */
function earlier<Operation>(steps: readonly Step<Operation>[], index: number, by: number): readonly Step<Operation>[] {
  const shift = Math.min(by, pauseBefore(steps, index));
  const recovered = isRecovered(steps[index]!);
  return steps.map((step, place) =>
    place < index || isRecovered(step) !== recovered ? step : { ...step, at: step.at - shift },
  );
}
