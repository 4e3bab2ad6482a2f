// What a browser loads to begin with: the entry and what it imports, minified and compressed. What is loaded when it is
// needed (`import()`) is stated beside it.
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const kilobyte = 1_000;
const root = fileURLToPath(new URL('../..', import.meta.url));
const main = `export * from 'rxgrid';`;
/** The package that the users have anyway, and what the default codec brings along. */
const others = ['rxjs', 'msgpack-lite', 'int64-buffer'];

const entries = [
  { name: 'main', text: main, external: others, gate: 25 },
  { name: 'leaf', text: `export { connect } from 'rxgrid';`, external: others },
  { name: 'main-with-everything', text: main, external: [] },
];

async function sizes({ text, external }) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: text, resolveDir: root },
    bundle: true,
    splitting: true,
    minify: true,
    metafile: true,
    write: false,
    outdir: 'out',
    format: 'esm',
    platform: 'browser',
    external,
    logLevel: 'error',
  });
  // esbuild gives the files in the same order in both lists.
  const files = new Map(Object.keys(metafile.outputs).map((path, index) => [path, outputFiles[index].contents]));
  const first = new Set();
  const follow = (path) => {
    if (first.has(path)) return;
    first.add(path);
    for (const imported of metafile.outputs[path].imports) {
      if (imported.kind === 'import-statement' && !imported.external) follow(imported.path);
    }
  };
  follow(Object.keys(metafile.outputs).find((path) => metafile.outputs[path].entryPoint !== undefined));
  const sum = (paths, size) => [...paths].reduce((total, path) => total + size(files.get(path)), 0) / kilobyte;
  const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length;
  const later = [...files.keys()].filter((path) => !first.has(path));
  return { minified: sum(first, ({ length }) => length), gzipped: sum(first, gzipped), later: sum(later, gzipped) };
}

export const bundle = {
  name: 'bundle',
  title: 'Size of what a browser loads to begin with, minified and gzipped',
  cells: entries.map(({ name }) => name),
  async run(bench) {
    const results = [];
    for (const { name, gate, ...entry } of entries) {
      if (!bench.wants(name)) continue;
      const { minified, gzipped, later } = await sizes(entry);
      const details = { without: entry.external.join(', '), 'minified kB': minified, 'later kB, gzipped': later };
      results.push({ name, value: gzipped, unit: 'kB', gate, less: true, details });
    }
    return results;
  },
};
