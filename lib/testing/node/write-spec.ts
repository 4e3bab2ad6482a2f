import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { shown } from '../../check.js';
import { ConfigurationError } from '../../errors.js';
import type { SimulationError } from '../simulation/simulation-error.js';
import { specText, type SpecTextOptions } from '../simulation/spec-text.js';

/** Options of {@link writeSpec}. */
export interface WriteSpecOptions extends SpecTextOptions {
  /** Path of the file. Its folders are made where they are missing. */
  readonly path: string;
}

/**
 * Writes a spec file that runs the shrunk plan of a simulation that failed.
 *
 * ```ts
 * await simulate(options).catch((error) =>
 *   writeSpec(error, {
 *     path: 'spec/regressions/lost-update.spec.ts',
 *     imports: "import { keyValueSimulation } from '../simulation.js';",
 *     simulation: 'keyValueSimulation()',
 *   }),
 * );
 * ```
 *
 * @throws what `error` is, where it is another error than a SimulationError; ConfigurationError where it is no error,
 * such as the report of a simulation that held; an error of the system where the file cannot be written, and where it
 * exists already.
 */
export async function writeSpec(error: unknown, options: WriteSpecOptions): Promise<void> {
  if (!(error instanceof Error)) {
    throw new ConfigurationError(
      `writeSpec needs the SimulationError that simulate rejects with; it got ${shown(error)}. Did the simulation hold?`,
    );
  }
  if (!isSimulationError(error)) throw error;
  await mkdir(dirname(options.path), { recursive: true });
  await writeFile(options.path, specText(error, options), { flag: 'wx' });
}

// By its name: the error may come from another copy of the package.
function isSimulationError(error: Error): error is SimulationError {
  return error.name === 'SimulationError' && 'steps' in error;
}
