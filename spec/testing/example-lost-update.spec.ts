import { jest } from '@jest/globals';
// The example for jest is a spec of its own: importing it runs its tests here.
import '../../examples/key-value/lost-update.spec.js';

// It searches for a failing seed and shrinks its plan: that takes some seconds, and more on a machine that does other work.
jest.setTimeout(60_000);
