import { simulate, SimulationError } from '../../lib/testing/index.js';
import { projectSimulation } from './project-simulation.js';

/** Seeds to run in one process. */
export interface SeedsToRun {
  readonly hosts: number;
  readonly shrinkRuns?: number;
}

/** What came of one seed. */
export interface SeedResult {
  readonly seed: number;
  readonly events: number;
  readonly fingerprint: string;
  /** The marks that it reached. */
  readonly marks: readonly string[];
  /** Why it failed, with everything that is needed to repeat it. */
  readonly failure?: { readonly invariant: string; readonly message: string };
}

/**
 * Runs one seed of the project's simulation. A run makes thousands of errors, and a trace of each would cost a
 * twentieth of it: only a seed that fails is run with traces, again.
 */
export async function runSeed(seed: number, options: SeedsToRun): Promise<SeedResult> {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  let result: SeedResult;
  try {
    result = await attempt(seed, { ...options, shrinkRuns: 0 });
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  if (result.failure === undefined) return result;
  const again = await attempt(seed, options);
  // A failure that does not come again is one all the same.
  return again.failure === undefined ? result : again;
}

async function attempt(seed: number, { hosts, shrinkRuns }: SeedsToRun): Promise<SeedResult> {
  try {
    const { events, fingerprint, marks } = await simulate(
      projectSimulation({ seed, hosts, ...(shrinkRuns === undefined ? {} : { shrinkRuns }) }),
    );
    return { seed, events, fingerprint, marks: Object.keys(marks) };
  } catch (error) {
    const invariant = error instanceof SimulationError ? error.invariant : 'nothing is thrown by the simulation itself';
    const message = error instanceof SimulationError ? error.message : String((error as Error).stack);
    return { seed, events: 0, fingerprint: '', marks: [], failure: { invariant, message } };
  }
}
