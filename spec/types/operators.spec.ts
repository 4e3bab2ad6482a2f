import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

// As for api.ts: specs are transformed without a type check.
it('the types of the operators infer what they should, and refuse what they should', () => {
  const compiler = createRequire(__filename).resolve('typescript/bin/tsc');
  const project = join(__dirname, 'tsconfig.operators.json');
  const { stdout, status } = spawnSync(process.execPath, [compiler, '-p', project], { encoding: 'utf8' });
  expect([stdout, status]).toStrictEqual(['', 0]);
}, 60_000);
