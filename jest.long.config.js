import { readdirSync, readFileSync } from 'node:fs';
import base from './jest.config.js';

const spec = new URL('spec/', import.meta.url);
// Properties do a tenth of their runs in `npm test`, and all of them here: see spec/support/property-runs.ts.
process.env.RXGRID_ALL_RUNS ??= '1';
const properties = readdirSync(spec, { recursive: true })
  .filter((name) => name.endsWith('.spec.ts') && !name.endsWith('.long.spec.ts'))
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => readFileSync(new URL(name, spec), 'utf8').includes('support/property-runs.js'));

// The long part of the tests: whole processes, large crowds, many random runs. `npm run test:long`; CI runs it, too.
export default {
  ...base,
  testMatch: ['<rootDir>/spec/**/*.long.spec.ts', ...properties.map((name) => `<rootDir>/spec/${name}`)],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 120_000,
};
