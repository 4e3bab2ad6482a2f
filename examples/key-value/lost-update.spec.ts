// #region simulate
import { expect, test } from '@jest/globals';
import { simulate, SimulationError, specText } from 'rxgrid/testing';
import { storeSimulation, type Operation } from './simulation.js';
import { serveFaultyStore } from './store.js';

test('the store is linearizable, and loses nothing', async () => {
  for (let seed = 1; seed <= 5; seed++) await simulate({ ...storeSimulation(), seed });
});
// #endregion

// #region lost-update
let found: Promise<SimulationError<Operation>> | undefined;

/** What the first seed that fails fails with; searched once. */
function findFailure(): Promise<SimulationError<Operation>> {
  return (found ??= searchSeeds());
}

async function searchSeeds(): Promise<SimulationError<Operation>> {
  for (let seed = 1; seed <= 100; seed++) {
    try {
      await simulate({ ...storeSimulation(serveFaultyStore), seed });
    } catch (error) {
      if (error instanceof SimulationError) return error as SimulationError<Operation>;
      throw error;
    }
  }
  throw new Error('No seed found the fault.');
}

test('the lost update is found, made small, and repeated', async () => {
  const error = await findFailure();
  expect(error.invariant).toBe('the history is linearizable');
  // Two overlapping calls, and at most the fault that makes them overlap: the cause is visible.
  expect(error.steps.length).toBeLessThanOrEqual(3);
  expect(error.steps.filter((step) => 'operation' in step)).toHaveLength(2);
  expect(error.message).toContain('no order of the 2 operations');

  // The plan of the error is a regression test: it fails again, and passes with the fixed service.
  const plan = { seed: error.seed, steps: error.steps };
  await expect(simulate({ ...storeSimulation(serveFaultyStore), ...plan, shrinkRuns: 0 })).rejects.toThrow(
    SimulationError,
  );
  await simulate({ ...storeSimulation(), ...plan });
});
// #endregion

test('the plan of the error is a spec file', async () => {
  const text = specText(await findFailure(), {
    imports: "import { storeSimulation } from './simulation.js';\nimport { serveFaultyStore } from './store.js';",
    simulation: 'storeSimulation(serveFaultyStore)',
  });
  expect(text).toMatch(/^import \{ test \} from '@jest\/globals';\nimport \{ simulate \} from 'rxgrid\/testing';\n/);
  expect(text.match(/^ {6}\{ at: \d+, operation: \{ kind: "append", .* \} \},$/gm)).toHaveLength(2);
});
