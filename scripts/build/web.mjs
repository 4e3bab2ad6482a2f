import { build } from 'esbuild';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

// Loaded when they are needed, under the same names after the next build.
const later = ['endpoint/accept/jose', 'files/sha256', 'wire/xxh3'];
// The scripts of the dashboard: they load the files that the entries share, so that the package has the core once.
const page = 'dashboard/main';

/**
 * Bundles the entries that run in browsers, and the scripts of the dashboard: the modules in the folder `from`, whose
 * names end with `.${extension}`, to the folder `to`. The packages of the manifest at `root` are left out. The result:
 * the metafile of esbuild.
 */
export async function bundleForBrowsers(root, { from, extension, to, entries }) {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8'));
  const { metafile } = await build({
    entryPoints: [...entries, ...later, page].map((name) => `${from}/${name}.${extension}`),
    outbase: from,
    outdir: to,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    // lit-html is part of the page.
    external: Object.keys({ ...dependencies, ...peerDependencies }),
    plugins: [socketsOfBrowsers],
    // Bundlers shorten names anyhow.
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    absWorkingDir: resolve(root),
  });
  return metafile;
}

/** Node's way to dial is left out: the WebSocket of the platform takes its place. */
const socketsOfBrowsers = {
  name: 'sockets of browsers',
  setup({ onLoad }) {
    onLoad({ filter: /transport.ws-dial\.[jt]s$/ }, ({ path }) => ({
      contents: readFileSync(path.replace('ws-dial.', 'ws-dial-browser.'), 'utf8'),
      loader: path.endsWith('.ts') ? 'ts' : 'js',
    }));
  },
};

/**
 * The entries of the package that run in browsers, as paths in lib without ending, such as `index` and `files/index`.
 */
export function entriesForBrowsers({ exports }) {
  return Object.values(exports).flatMap(
    (target) => /^\.\/dist\/web\/(.+)\.js$/.exec(target.import?.default)?.[1] ?? [],
  );
}
