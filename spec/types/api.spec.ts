import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

// Specs are transformed without a type check. The compiler runs in a process of its own: inside of jest it is far slower.
it('the uses in api.ts compile, and its refusals do not', () => {
  const compiler = createRequire(__filename).resolve('typescript/bin/tsc');
  const project = join(__dirname, 'tsconfig.api.json');
  const { stdout, status } = spawnSync(process.execPath, [compiler, '-p', project], { encoding: 'utf8' });
  expect([stdout, status]).toStrictEqual(['', 0]);
}, 60_000);
