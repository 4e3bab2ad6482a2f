import { runSeed } from './run-seeds.js';

// A process of `npm run simulate`: takes the number of a seed, and gives back what came of it.
const hosts = Number(process.argv[2]);

process.on('message', (seed: number) => {
  void runSeed(seed, { hosts }).then((result) => process.send!(result));
});
