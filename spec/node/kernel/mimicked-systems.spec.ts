import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { bundleProgram } from '../../support/programs/bundle.js';
import { freePort } from '../../support/real-grid.js';

/*
 * The bindings of the systems that are not here run the whole stack, over a library that does what their manuals say.
 */

const run = promisify(execFile);
const source = resolve(__dirname, '../../support/files/mimic-sendfile.c');

function canCompile(): boolean {
  if (process.platform === 'linux' && spawnSync('cc', ['--version']).status === 0) return true;
  console.warn('Not run: the sendfile of other systems is mimicked on Linux, where there is a C compiler (cc).');
  return false;
}

const onLinux = canCompile() ? describe : describe.skip;

onLinux('The stack with the sendfile of', () => {
  let folder: string;
  let built: { readonly folder: string; readonly program: string };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rxgrid-mimic-'));
    built = await bundleProgram('mimic-program');
  });

  afterAll(() => {
    for (const one of [folder, built.folder]) rmSync(one, { recursive: true, force: true });
  });

  it.each([
    ['darwin', 1],
    ['freebsd', 2],
    ['sunos', 3],
  ])(
    '%s sends files whole, whatever it sends of them at once',
    async (platform, number) => {
      const library = join(folder, `${platform}.so`);
      await run('cc', ['-shared', '-fPIC', '-Wall', '-Werror', `-DMIMIC=${String(number)}`, '-o', library, source]);
      const here = join(folder, platform);
      mkdirSync(join(here, 'root/folder'), { recursive: true });
      const hashOf = (name: string, size: number): string[] => {
        const bytes = randomBytes(size);
        writeFileSync(join(here, 'root', name), bytes);
        return [createHash('sha256').update(bytes).digest('hex')];
      };
      const big = hashOf('big', 3_000_001);
      const hashes = {
        download: big,
        upload: big,
        'after a failure': big,
        'folder/empty': hashOf('folder/empty', 0),
        'folder/large': hashOf('folder/large', 200_000),
        'folder/small': hashOf('folder/small', 2_000),
      };
      const { stdout } = await run(process.execPath, [
        built.program,
        platform,
        library,
        String(await freePort()),
        here,
      ]);
      expect(JSON.parse(stdout)).toStrictEqual({
        hashes,
        modes: ['download kernel', 'upload kernel'],
        failures: 1,
        tried: { calls: true, heads: true, partial: true },
      });
    },
    60_000,
  );
});
