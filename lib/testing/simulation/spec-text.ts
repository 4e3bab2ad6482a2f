import { stepText } from './plan.js';
import type { SimulationError } from './simulation-error.js';

/** Options of {@link specText}. */
export interface SpecTextOptions {
  /**
   * An expression that gives the options of the simulation, such as `keyValueSimulation()`. The seed and the steps are
   * put behind it.
   */
  readonly simulation: string;
  /** Lines that import what the expression needs: `import { keyValueSimulation } from './simulation.js';`. */
  readonly imports: string;
  /** Title of the test. Default: the seed, and what it violates. */
  readonly title?: string;
  /** The line that imports `test`. Default: that of jest. */
  readonly framework?: string;
}

/**
 * A spec file, as text, that runs the shrunk plan of a simulation that failed: a regression test, which fails until the
 * fault is mended. In Node `writeSpec` of `rxgrid/testing/node` writes it into a file.
 */
export function specText(error: SimulationError, options: SpecTextOptions): string {
  const { simulation, imports, framework = "import { test } from '@jest/globals';" } = options;
  const { title = `seed ${error.seed}: ${error.invariant}` } = options;
  return [
    framework,
    "import { simulate } from 'rxgrid/testing';",
    imports.trim(),
    '',
    `test(${quoted(title)}, async () => {`,
    '  await simulate({',
    `    ...${simulation},`,
    `    seed: ${error.seed},`,
    '    steps: [',
    ...error.steps.map((step) => `      ${stepText(step)},`),
    '    ],',
    '  });',
    '});',
    '',
  ].join('\n');
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&').replace(/\s*\n\s*/g, ' ')}'`;
}
