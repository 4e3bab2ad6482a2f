import { build } from 'esbuild';
import { readFileSync } from 'node:fs';

// Loaded when they are needed, under the same names after the next build.
const later = ['endpoint/accept/jose', 'files/sha256', 'wire/xxh3'];

/** Bundles the entries that run in browsers: `folder/esm` to `folder/web`. */
export async function bundleForBrowsers(folder, entries) {
  await build({
    entryPoints: [...entries, ...later].map((name) => `${folder}/esm/${name}.js`),
    outbase: `${folder}/esm`,
    outdir: `${folder}/web`,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    packages: 'external',
    plugins: [socketsOfBrowsers],
    // Bundlers shorten names anyhow.
    minify: true,
    logLevel: 'warning',
  });
}

/** Node's way to dial is left out: the WebSocket of the platform takes its place. */
const socketsOfBrowsers = {
  name: 'sockets of browsers',
  setup({ onLoad }) {
    onLoad({ filter: /transport.ws-dial\.js$/ }, ({ path }) => ({
      contents: readFileSync(path.replace('ws-dial.js', 'ws-dial-browser.js'), 'utf8'),
    }));
  },
};
