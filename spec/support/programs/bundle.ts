import { build } from 'esbuild';
import { mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const project = resolve(__dirname, '../../..');

/**
 * Bundles a program of a folder of spec/support and the lib that it uses into one file, which a process of its own
 * starts quickly from. The result is the file; its folder is the caller's to remove.
 */
export async function bundleProgram(
  name: string,
  from = 'files',
): Promise<{ readonly folder: string; readonly program: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'rxgrid-program-'));
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'), 'dir');
  const program = join(folder, `${name}.cjs`);
  await build({
    entryPoints: [join(project, 'spec/support', from, `${name}.ts`)],
    outfile: program,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    // The packages stay where they are: some have binaries.
    packages: 'external',
    logLevel: 'error',
  });
  return { folder, program };
}
