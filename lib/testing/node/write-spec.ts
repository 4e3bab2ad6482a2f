import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
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
 * @throws what `error` is, where it is no SimulationError; an error of the system where the file cannot be written, and
 * where it exists already.
 */
export async function writeSpec(error: unknown, options: WriteSpecOptions): Promise<void> {
  if (!isSimulationError(error)) throw error;
  await mkdir(dirname(options.path), { recursive: true });
  await writeFile(options.path, specText(error, options), { flag: 'wx' });
}

// By its name: the error may come from another copy of the package.
function isSimulationError(error: unknown): error is SimulationError {
  return error instanceof Error && error.name === 'SimulationError' && 'steps' in error;
}
