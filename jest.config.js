import { accessSync, constants, statfsSync } from 'node:fs';

// Specs of files write many small ones: in memory, where the system has a folder for that, with room in it.
const memory = '/dev/shm';
const memoryBytes = 2 ** 30;
if (process.env.TMPDIR === undefined && hasMemoryFolder()) process.env.TMPDIR = memory;

function hasMemoryFolder() {
  try {
    accessSync(memory, constants.W_OK);
    const { bavail, bsize } = statfsSync(memory);
    return bavail * bsize >= memoryBytes;
  } catch {
    return false;
  }
}

export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/spec/**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '\\.long\\.spec\\.ts$'],
  // The built copies hold package.json files; without this jest finds two packages of one name.
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
    // The bench runs without a build step; its pure functions have specs too.
    '^.+\\.mjs$': ['@swc/jest', { jsc: { target: 'es2022' }, module: { type: 'commonjs' } }],
  },
  moduleNameMapper: {
    '^rxgrid$': '<rootDir>/lib/index.ts',
    '^rxgrid/files$': '<rootDir>/lib/files/index.ts',
    '^rxgrid/interceptors$': '<rootDir>/lib/interceptors/index.ts',
    '^rxgrid/monitor$': '<rootDir>/lib/monitor/index.ts',
    '^rxgrid/otel$': '<rootDir>/lib/otel/index.ts',
    '^rxgrid/node$': '<rootDir>/lib/node/index.ts',
    '^rxgrid/shared$': '<rootDir>/lib/shared/index.ts',
    '^rxgrid/testing$': '<rootDir>/lib/testing/index.ts',
    '^rxgrid/testing/node$': '<rootDir>/lib/testing/node/index.ts',
    '^rxgrid/wire$': '<rootDir>/lib/wire/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  // Memory that is reused too early shows in any spec.
  setupFiles: ['<rootDir>/spec/support/poison-slabs.ts', '<rootDir>/spec/support/poison-lent.ts'],
  testTimeout: 15_000,
  maxWorkers: 2,
  // A worker with a larger heap is replaced between two files: it takes longer to end than jest waits for it, and jest then warns
  // of a worker that did not exit, although nothing keeps it.
  workerIdleMemoryLimit: '256MB',
};
