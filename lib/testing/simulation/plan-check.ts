import {
  aFunction,
  anObject,
  checkOption,
  checkOptions,
  either,
  oneOf,
  timerMs,
  whole,
  wholeMs,
  withMethods,
  type Rule,
} from '../../check.js';
import { ConfigurationError } from '../../errors.js';
import { inspect } from '../marbles/inspect.js';
import { checkHostName, nearestOf } from '../name-check.js';
import { faultKinds, type FaultMix } from './fault-plan.js';
import type { Invariant } from './invariant.js';
import type { Step } from './plan.js';
import type { SimulationOptions } from './simulate.js';
import type { Simulation, Workload } from './workload.js';

const mixRules: Readonly<Record<keyof FaultMix, Rule>> = {
  every: wholeMs(1),
  swarm: oneOf(true, false),
  kinds: {
    expected: 'a list of kinds of faults that is not empty; for none, give `faults: false`',
    accepts: (value) => Array.isArray(value) && value.length > 0,
  },
};

const aList: Rule = { expected: 'a list', accepts: Array.isArray };
const off: Rule = oneOf(false);
const runRules: Readonly<Record<keyof SimulationOptions<unknown>, Rule>> = {
  hosts: either(whole(0), aList),
  seed: whole(0),
  steps: either(whole(0), aList),
  duration: timerMs,
  quiet: timerMs,
  patience: timerMs,
  faults: either(anObject, off),
  liveness: either(anObject, off),
  rareBranches: oneOf(true, false),
  cluster: anObject,
  workload: aFunction('makes what the hosts do'),
  invariants: aList,
  shrinkRuns: whole(0),
  shrinkOperation: aFunction('gives simpler operations'),
  signal: withMethods('an AbortSignal', 'addEventListener'),
  wait: timerMs,
  repeat: aFunction('names the way to repeat a seed'),
};

/** @throws ConfigurationError for an option that is unknown or out of its range. */
export function checkSimulation(options: object): void {
  checkOptions(options, runRules, { of: 'simulate', required: ['workload'] });
}

const workloadRules: Readonly<Record<keyof Workload<unknown>, Rule>> = {
  setup: aFunction('registers the handlers at a manager'),
  draw: aFunction('draws one operation'),
  perform: aFunction('carries an operation out'),
  mayFail: aFunction('says whether an operation may fail with an error'),
  unhandled: aFunction('takes what nobody handles'),
  invariants: aList,
};

/** A workload as it was made. @throws ConfigurationError for one that lacks a function. */
export function checkedWorkload<Operation>(workload: Workload<Operation>): Workload<Operation> {
  const required = ['setup', 'draw', 'perform'];
  checkOptions(workload, workloadRules, { of: 'simulate: the workload', required, mayHaveOthers: true });
  return workload;
}

const makesInvariant = aFunction('makes an invariant, such as linearizable(model)');
const anInvariant: Rule = {
  expected: 'an invariant: a name, and `step`, `end` or `closed`. A checker is given as linearizable(model)',
  accepts: (value) => {
    const { name, step, end, closed } = Object(value) as Partial<Invariant>;
    return typeof value === 'object' && typeof name === 'string' && (step ?? end ?? closed) !== undefined;
  },
};

/** Makes an invariant of the options. @throws ConfigurationError for what makes none, and would check nothing. */
export function invariantOf(make: (simulation: Simulation) => Invariant, simulation: Simulation): Invariant {
  checkOption('simulate: each of `invariants`', make, makesInvariant);
  const invariant = make(simulation);
  checkOption('simulate: what each of `invariants` returns', invariant, anInvariant);
  return invariant;
}

/** @throws ConfigurationError for an unknown option or kind, and for an empty list of kinds. */
export function checkFaultMix(mix: FaultMix): void {
  checkOptions(mix, mixRules, { of: 'simulate: faults' });
  for (const kind of mix.kinds ?? []) checkKind(kind, 'simulate: faults: kinds');
}

/** @throws ConfigurationError for a step of a given plan with an unknown kind of fault, an unknown host or no time. */
export function checkSteps(steps: readonly Step<unknown>[], hosts: readonly string[]): void {
  for (const [index, step] of steps.entries()) {
    const what = `simulate: steps[${index}]`;
    const given: Readonly<Record<string, unknown>> = step;
    if (!Number.isFinite(given.at) || (given.at as number) < 0) {
      throw new ConfigurationError(`${what}: at must be a number of ms, 0 or more; it is ${inspect(given.at)}.`);
    }
    if ('fault' in given === 'operation' in given) {
      throw new ConfigurationError(`${what} must have either an operation or a fault.`);
    }
    if ('fault' in given) checkFault(given.fault, `${what}.fault`, hosts);
  }
}

function checkFault(fault: unknown, what: string, hosts: readonly string[]): void {
  if (typeof fault !== 'object' || fault === null) {
    throw new ConfigurationError(`${what} must be an object such as { kind: 'cut', between: ['a', 'b'] }.`);
  }
  const { kind, between, group, host, from } = fault as Readonly<Record<string, unknown>>;
  checkKind(kind, what);
  // Whatever its kind, these are the fields of a fault that name hosts.
  const named = [between, group, host, from].flat().filter((name): name is string => typeof name === 'string');
  for (const name of named) checkHostName(name, hosts, `the simulation (${what})`);
}

function checkKind(kind: unknown, what: string): void {
  if (typeof kind === 'string' && faultKinds.includes(kind)) return;
  throw new ConfigurationError(`${what}: ${inspect(kind)} is no kind of fault. ${nearestOf(String(kind), faultKinds)}`);
}
