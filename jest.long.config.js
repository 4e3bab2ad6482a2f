import base from './jest.config.js';

// The long part of the tests: whole processes, large crowds, many random runs. `npm run test:long`; CI runs it, too.
export default {
  ...base,
  testMatch: ['<rootDir>/spec/**/*.long.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 120_000,
};
