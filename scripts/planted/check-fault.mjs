import { plant } from './plant.mjs';

/**
 * What finds a planted fault: `simulation` and `specs` say what failed there, and are undefined where nothing did.
 * `broken` says why the fault could not be planted at all.
 *
 * @typedef {{ broken?: string, simulation?: string | undefined, specs?: string | undefined }} Found
 */

/**
 * Plants one fault, and runs the checks with it. A fault that cannot be planted, or that does not build, is a result,
 * too: it tests nothing, and must not keep the rest of the list from being run.
 *
 * @param {import('./faults.mjs').Planted} fault
 * @param {object} checks
 * @param {(file: string) => string} checks.sourceOf
 * @param {(change: { file: string, text: string }) => Promise<{ file: string, remove(): void }>} checks.build
 * @param {(bundle: string) => Promise<string | undefined>} [checks.simulate]
 * @param {(change: { file: string, text: string }, specs: readonly string[]) => Promise<string | undefined>}
 * [checks.specify]
 * @returns {Promise<Found>}
 */
export async function checkFault(fault, { sourceOf, build, simulate, specify }) {
  const { file, specs } = fault;
  let change;
  let bundle;
  try {
    change = { file, text: plant(sourceOf(file), fault) };
    bundle = await build(change);
  } catch (error) {
    return { broken: error instanceof Error ? error.message : String(error) };
  }
  try {
    return { simulation: await simulate?.(bundle.file), specs: await specify?.(change, specs) };
  } finally {
    bundle.remove();
  }
}
