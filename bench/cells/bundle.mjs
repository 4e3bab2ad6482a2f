// What a browser loads: the entries, minified and compressed.
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const kilobyte = 1_000;
const root = fileURLToPath(new URL('../..', import.meta.url));
const main = `export * from 'rxgrid';`;
/** The default codec, with what it brings along, and the package that the users have anyway. */
const others = ['rxjs', 'msgpack-lite', 'int64-buffer'];

const entries = [
  { name: 'main', text: main, external: others, gate: 25 },
  { name: 'leaf', text: `export { connect } from 'rxgrid';`, external: others },
  { name: 'main-with-everything', text: main, external: [] },
];

async function gzippedBytes({ text, external }) {
  const { outputFiles } = await build({
    stdin: { contents: text, resolveDir: root },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    external,
    logLevel: 'error',
  });
  return { plain: outputFiles[0].contents.length, gzipped: gzipSync(outputFiles[0].contents, { level: 9 }).length };
}

export const bundle = {
  name: 'bundle',
  title: 'Size of what a browser loads, minified and gzipped',
  cells: entries.map(({ name }) => name),
  async run(bench) {
    const results = [];
    for (const { name, gate, ...entry } of entries) {
      if (!bench.wants(name)) continue;
      const { plain, gzipped } = await gzippedBytes(entry);
      const details = { without: entry.external.join(', '), 'minified kB': plain / kilobyte };
      results.push({ name, value: gzipped / kilobyte, unit: 'kB', gate, less: true, details });
    }
    return results;
  },
};
