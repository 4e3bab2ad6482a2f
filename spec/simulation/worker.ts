import { runSeed } from './run-seeds.js';

// A process of `npm run simulate`: takes the number of a seed, and gives back what came of it.
const [hosts, shrinkRuns] = process.argv.slice(2).map(Number);

process.on('message', (seed: number) => {
  void runSeed(seed, { hosts: hosts!, ...(shrinkRuns === undefined ? {} : { shrinkRuns }) }).then((result) => {
    process.send!(result);
    // Between two seeds nothing of a run is in use: a collection of the young objects copies next to nothing, and none
    // of them grows old.
    globalThis.gc?.({ type: 'minor' });
  });
});
