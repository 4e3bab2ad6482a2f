import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';

/**
 * Joins the declarations of the compiler, in `types`, into few files in `folder/cjs`, and lets the ES modules in
 * `folder/node` refer to them: a type is the same one for those who import and those who require.
 */
export async function bundleDeclarations(folder, types, entries) {
  const bundle = await rollup({
    input: Object.fromEntries(entries.map((name) => [name, `${types}/${name}.d.ts`])),
    plugins: [dts()],
    external: (id) => !id.startsWith('.') && !id.startsWith('/'),
    onwarn(warning) {
      // The public types name others that no entry exports, as they did before they were joined.
      if (!warning.message.includes('private shared type exports')) throw new Error(warning.message);
    },
  });
  await bundle.write({
    dir: `${folder}/cjs`,
    format: 'es',
    entryFileNames: '[name].d.ts',
    chunkFileNames: 'types/[name]-[hash].d.ts',
  });
  await bundle.close();
  for (const name of entries) {
    const target = `${folder}/node/${name}.d.ts`;
    const from = relative(dirname(target), `${folder}/cjs/${name}.js`);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, `export * from '${from}';\n`);
  }
}
