/**
 * Runs of a property. `npm test`, which is run all the time, does a tenth of them; `npm run test:long` and CI do all.
 * The variable `RXGRID_ALL_RUNS` asks for all of them anywhere.
 */
export function runs(all: number): number {
  return process.env.RXGRID_ALL_RUNS === undefined ? Math.min(all, Math.max(fewest, Math.round(all / 10))) : all;
}

const fewest = 20;
