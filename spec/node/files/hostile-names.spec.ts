import { afterAll, beforeAll, describe, it } from '@jest/globals';
import fc from 'fast-check';
import { hostileNames, HostileFiles, trees } from '../../support/files/hostile-files.js';

/*
 * Whatever tree there is, and whatever names the peer gives: nothing outside is made, changed, read, listed or told.
 */

let files: HostileFiles;

beforeAll(async () => {
  files = await HostileFiles.start();
});

afterAll(async () => {
  files.checkBytes();
  await files.close();
});

describe('names from a hostile peer do not escape', () => {
  // hostile-names.long.spec.ts has more of them.
  const options = { numRuns: 5, seed: 12 };

  it('at a host that serves files', async () => {
    await fc.assert(
      fc.asyncProperty(trees, hostileNames, (tree, names) => files.attackHost(tree, names)),
      options,
    );
  }, 120_000);

  it('at a leaf that copies a folder', async () => {
    await fc.assert(
      fc.asyncProperty(trees, hostileNames, (tree, names) => files.attackLeaf(tree, names)),
      options,
    );
  }, 120_000);
});
