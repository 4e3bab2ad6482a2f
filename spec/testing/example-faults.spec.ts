import { jest } from '@jest/globals';
// The example for jest is a spec of its own: importing it runs its tests here.
import '../../examples/testing-your-flow/stock.faults.spec.js';

// It takes seconds, and many on a machine that does other work.
jest.setTimeout(60_000);
