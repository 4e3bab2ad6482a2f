import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

// Specs are transformed without a type check. `npm run types` checks these files, too, with all others. The compiler
// runs in a process of its own: inside of jest it is far slower.
it('the uses in api.ts and in operators/ compile, and the invalid ones do not', () => {
  const compiler = createRequire(__filename).resolve('typescript/bin/tsc');
  const project = join(__dirname, 'tsconfig.types.json');
  const { stdout, status } = spawnSync(process.execPath, [compiler, '-p', project], { encoding: 'utf8' });
  expect([stdout, status]).toStrictEqual(['', 0]);
});
