import { afterAll, beforeAll, describe, it } from '@jest/globals';
import fc from 'fast-check';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { bundleProgram } from '../../support/programs/bundle.js';
import { hostileNames, HostileFiles, trees } from '../../support/files/hostile-files.js';

/*
 * Names of a hostile peer, while another process puts a folder of the root, and one of the target, and a link that
 * leads out in each other's place.
 */

let files: HostileFiles;
let built: { readonly folder: string; readonly program: string };
let swapper: ChildProcess;

beforeAll(async () => {
  built = await bundleProgram('swap-program');
  files = await HostileFiles.start();
  swapper = fork(built.program, [files.path('root'), files.path('local')]);
  await once(swapper, 'message');
});

afterAll(async () => {
  swapper.kill('SIGKILL');
  files.checkBytes();
  await files.close();
  rmSync(built.folder, { recursive: true, force: true });
});

describe('names from a hostile peer do not escape while links are swapped in', () => {
  const options = { numRuns: Number(process.env.RXGRID_RUNS ?? 60), seed: 13 };
  // So that the swapped folder is in it.
  const names = hostileNames.map((list) => [...list, 'swap/secret', 'swap/new', 'swap']);

  it('at a host that serves files', async () => {
    await fc.assert(
      fc.asyncProperty(trees, names, (tree, list) => files.attackHost(tree, list)),
      options,
    );
  }, 300_000);

  it('at a leaf that copies a folder', async () => {
    await fc.assert(
      fc.asyncProperty(trees, names, (tree, list) => files.attackLeaf(tree, list)),
      options,
    );
  }, 300_000);
});
