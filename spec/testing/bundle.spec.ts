import { describe, expect, it } from '@jest/globals';
import { build, type Plugin } from 'esbuild';
import { resolve } from 'node:path';

const project = resolve(__dirname, '../..');

/** Files of lib, and packages, that an entry pulls in. */
async function inputs(entry: string, platform: 'browser' | 'node'): Promise<string[]> {
  const packages = new Set<string>();
  const external: Plugin = {
    name: 'external',
    setup: ({ onResolve }) => {
      onResolve({ filter: /^[^.]/ }, ({ path, kind }) => {
        if (kind === 'entry-point') return undefined;
        packages.add(path);
        return { path, external: true };
      });
    },
  };
  const { metafile } = await build({
    entryPoints: [resolve(project, entry)],
    absWorkingDir: project,
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform,
    plugins: [external],
  });
  return [...Object.keys(metafile.inputs), ...packages];
}

describe('bundles', () => {
  it.each(['lib/index.ts', 'lib/node/index.ts'])('%s contains nothing of the kit', async (entry) => {
    const files = await inputs(entry, 'node');
    expect(files).toContain('lib/endpoint/manager.ts');
    expect(files.filter((name) => name.includes('testing'))).toStrictEqual([]);
  });

  it('the kit needs no framework and nothing of Node: it runs in a browser, too', async () => {
    const files = await inputs('lib/testing/index.ts', 'browser');
    const packages = files.filter((name) => !name.startsWith('lib/'));
    expect(packages.sort()).toStrictEqual([
      'hash-wasm/dist/xxhash3.umd.min.js',
      'isomorphic-ws',
      'jose',
      'msgpack-lite',
      'rxjs',
      'rxjs/testing',
    ]);
  });
});
