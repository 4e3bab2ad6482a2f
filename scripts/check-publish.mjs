// Run by `npm publish`: refuses while package.json leads to the placeholder of the repository.
import { readFileSync } from 'node:fs';
import { obstaclesOf } from './release/plan.mjs';

const obstacles = obstaclesOf(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')));
for (const obstacle of obstacles) console.error(`rxgrid: ${obstacle}`);
if (obstacles.length > 0) process.exitCode = 1;
